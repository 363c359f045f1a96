#!/usr/bin/env bash
# Lets an Envoy finish what it is doing, by its admin interface on 127.0.0.1: fails its health checks, asks its clients
# to go elsewhere, waits until no request is active, closes its listeners, and looks again.
#
#   drain.sh [ADMIN_PORT] [SECONDS] [AT_LEAST]
#
# It takes SECONDS at most. For AT_LEAST seconds listeners go on accepting, for a load balancer that needs so long to
# notice. Ends with 0 when nothing is active any more, with 1 when the time was over or Envoy does not answer. Envoy
# itself is left running: whoever calls this ends it. Needs bash and coreutils alone, which Envoy's image has.
set -u

port=${1:-${ENVOY_ADMIN_PORT:-9901}}
seconds=${2:-${ENVOY_DRAIN_SECONDS:-15}}
at_least=${3:-${ENVOY_DRAIN_AT_LEAST:-0}}
usage() {
  echo "drain.sh: $1" >&2
  echo 'usage: drain.sh [ADMIN_PORT] [SECONDS] [AT_LEAST], whole numbers' >&2
  exit 2
}

# A leading zero would be octal to bash.
whole='^(0|[1-9][0-9]{0,4})$'
(($# <= 3)) || usage "there are $# arguments"
[[ $port =~ $whole ]] && ((port >= 1 && port <= 65535)) || usage "\"$port\" is no port"
[[ $seconds =~ $whole ]] || usage "\"$seconds\" is no number of seconds"
[[ $at_least =~ $whole ]] || usage "\"$at_least\" is no number of seconds"
((at_least <= seconds)) || usage "AT_LEAST, $at_least, is more than SECONDS, $seconds"

started=${EPOCHREALTIME//[.,]/}

# Whether so many seconds have gone by since the start.
passed() { ((${EPOCHREALTIME//[.,]/} - started >= $1 * 1000000)); }

give_up() {
  echo "drain.sh: $1" >&2
  exit 1
}

# METHOD PATH: what the admin interface answers, with its head; fails unless it is a 200 within a second.
ask() {
  local answer
  answer=$(
    exec 2>/dev/null
    exec 3<>"/dev/tcp/127.0.0.1/$port" || exit 1
    printf '%s %s HTTP/1.1\r\nhost: 127.0.0.1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n' "$1" "$2" >&3
    timeout 1 cat <&3
  ) || return 1
  [[ $answer == 'HTTP/1.1 200 '* ]] && printf '%s\n' "$answer"
}

# Requests in flight on all HTTP listeners, the admin interface excepted.
active() {
  local answer line total=0
  answer=$(ask GET '/stats?filter=%5Ehttp%5C..*%5C.downstream_rq_active$') || return 1
  while IFS= read -r line; do
    if [[ $line =~ ^http\.(.+)\.downstream_rq_active:\ ([0-9]+) && ${BASH_REMATCH[1]} != admin ]]; then
      ((total += BASH_REMATCH[2]))
    fi
  done <<<"$answer"
  echo "$total"
}

wait_until_idle() {
  local count
  while count=$(active) || give_up 'Envoy does not answer'; ((count > 0)); do
    passed "$seconds" && give_up "$count requests are still active after $seconds s"
    sleep 0.1
  done
}

ask POST /healthcheck/fail >/dev/null || give_up "no Envoy answers on 127.0.0.1:$port"
ask POST '/drain_listeners?graceful' >/dev/null || give_up 'Envoy does not drain'
until passed "$at_least" || passed "$seconds"; do sleep 0.1; done
wait_until_idle
# A graceful drain still accepts connections; from here on none comes any more.
ask POST /drain_listeners >/dev/null || give_up 'Envoy does not close its listeners'
wait_until_idle
