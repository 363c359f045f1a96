#!/usr/bin/env bash
# Ends with 0 while this Envoy has its configuration and takes requests: the health check of its container.
#
#   ready.sh [ADMIN_PORT]
set -u
exec 3<>"/dev/tcp/127.0.0.1/${1:-${ENVOY_ADMIN_PORT:-9901}}" || exit 1
printf 'GET /ready HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\n\r\n' >&3
read -r -t 2 _ status _ <&3
[[ ${status:-} == 200 ]]
