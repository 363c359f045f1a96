#!/usr/bin/env bash
# Runs Envoy with the arguments given, and ends with its exit code. SIGTERM or SIGINT drains it first (drain.sh), for
# ENVOY_DRAIN_SECONDS at most; a second signal ends it at once.
set -u

here=$(dirname "${BASH_SOURCE[0]}")
envoy=
signals=0

on_signal() {
  # It may come before the line below that names it.
  envoy=${envoy:-${!:-}}
  [[ -n $envoy ]] || exit 143
  signals=$((signals + 1))
  if ((signals == 1)); then
    drain_and_end &
  else
    kill -KILL "$envoy" 2>/dev/null
  fi
}

drain_and_end() {
  bash "$here/drain.sh"
  kill -TERM "$envoy" 2>/dev/null
  for _ in {1..20}; do
    kill -0 "$envoy" 2>/dev/null || return
    sleep 0.1
  done
  kill -KILL "$envoy"
}

trap on_signal TERM INT
envoy "$@" &
envoy=$!

# A signal ends `wait` early, with a code that is not Envoy's; bash remembers that of an Envoy which has ended meanwhile.
seen=
until [[ $seen == "$signals" ]]; do
  seen=$signals
  wait "$envoy"
  code=$?
done
exit "$code"
