// A small control plane as users of go-control-plane write them: its snapshot cache behind its server, all Envoys of a
// gateway on one snapshot. It serves the resources of a file, and makes an edit of endpoints for each POST.
package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"log"
	"net"
	"net/http"
	"os"
	"strconv"

	core "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpoint "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	discovery "github.com/envoyproxy/go-control-plane/envoy/service/discovery/v3"
	"github.com/envoyproxy/go-control-plane/pkg/cache/types"
	"github.com/envoyproxy/go-control-plane/pkg/cache/v3"
	"github.com/envoyproxy/go-control-plane/pkg/resource/v3"
	"github.com/envoyproxy/go-control-plane/pkg/server/v3"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/anypb"

	_ "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	_ "github.com/envoyproxy/go-control-plane/envoy/extensions/transport_sockets/tls/v3"
)

type byGateway struct{}

func (byGateway) ID(node *core.Node) string { return node.GetCluster() }

func main() {
	gateway, file := os.Args[1], os.Args[2]
	ctx := context.Background()
	snapshot, err := read(file)
	check(err)
	snapshots := cache.NewSnapshotCache(true, byGateway{}, nil)
	check(snapshots.SetSnapshot(ctx, gateway, snapshot))

	xds, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	grpcServer := grpc.NewServer()
	discovery.RegisterAggregatedDiscoveryServiceServer(grpcServer, server.NewServer(ctx, snapshots, nil))
	go func() { check(grpcServer.Serve(xds)) }()

	edits := 0
	http.HandleFunc("POST /endpoints/{name}", func(writer http.ResponseWriter, request *http.Request) {
		edits++
		snapshot = edited(snapshot, request.PathValue("name"), uint32(1_000+edits), strconv.Itoa(edits))
		check(snapshots.SetSnapshot(ctx, gateway, snapshot))
	})
	admin, err := net.Listen("tcp", "127.0.0.1:0")
	check(err)
	fmt.Printf("%d %d\n", xds.Addr().(*net.TCPAddr).Port, admin.Addr().(*net.TCPAddr).Port)
	check(http.Serve(admin, nil))
}

// read takes the file of bench/fleet/resources.ts: type, name and Any of each, with their lengths in four bytes before.
func read(file string) (*cache.Snapshot, error) {
	bytes, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	next := func() []byte {
		length := binary.BigEndian.Uint32(bytes)
		part := bytes[4 : 4+length]
		bytes = bytes[4+length:]
		return part
	}
	resources := map[resource.Type][]types.Resource{}
	for len(bytes) > 0 {
		typeURL, _, encoded := string(next()), next(), next()
		var packed anypb.Any
		if err := proto.Unmarshal(encoded, &packed); err != nil {
			return nil, err
		}
		message, err := packed.UnmarshalNew()
		if err != nil {
			return nil, err
		}
		resources[typeURL] = append(resources[typeURL], message)
	}
	return cache.NewSnapshot("0", resources)
}

// edited is the snapshot with another port in one cluster's endpoints; all else, and its version, stays.
func edited(before *cache.Snapshot, name string, port uint32, version string) *cache.Snapshot {
	old := before.Resources[types.Endpoint].Items
	items := make(map[string]types.ResourceWithTTL, len(old))
	for key, item := range old {
		items[key] = item
	}
	assignment := proto.Clone(items[name].Resource).(*endpoint.ClusterLoadAssignment)
	address := assignment.Endpoints[0].LbEndpoints[0].GetEndpoint().Address.GetSocketAddress()
	address.PortSpecifier = &core.SocketAddress_PortValue{PortValue: port}
	items[name] = types.ResourceWithTTL{Resource: assignment}
	after := &cache.Snapshot{Resources: before.Resources}
	after.Resources[types.Endpoint] = cache.Resources{Version: version, Items: items}
	return after
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
