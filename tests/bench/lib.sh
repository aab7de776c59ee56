# Sourced by the benchmarks: scratch space, timing, medians, verdicts.
# shellcheck shell=bash
set -eu

: "${VMSNAPFS:?set it to the program}"
VMSNAPFS=$(realpath "$VMSNAPFS")
RUNS=${RUNS:-5}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/vmsnapfs-bench.XXXXXX")
daemons=()
# shellcheck source=figures.sh
. "$(dirname "${BASH_SOURCE[0]}")/figures.sh"

clean_up ()
{
  local point
  cd /
  while IFS= read -r point; do
    umount -l "$point" || true
  done < <(awk -v under="$work/" 'index($2, under) == 1 {print $2}' /proc/mounts)
  [ ${#daemons[@]} -eq 0 ] || kill "${daemons[@]}" 2>/dev/null || true
  [ ${#daemons[@]} -eq 0 ] || wait "${daemons[@]}" 2>/dev/null || true
  rm -rf "$work"
}
trap clean_up EXIT

# Starts the daemon "$2…" for the mount point $1 (its last argument; made as a directory when it is
# not there) and waits until it answers; its process id is in $daemon.
start ()
{
  local point=$1
  shift
  [ -e "$point" ] || mkdir -p "$point"
  "$@" "$point" >>"$work/log" 2>&1 &
  daemon=$!
  daemons+=("$daemon")
  until mountpoint -q "$point"; do
    kill -0 "$daemon" || { cat "$work/log"; exit 1; }
    sleep 0.02
  done
}

# Ends the daemon $1, whatever it has mounted.
stop ()
{
  local i
  kill "$1" 2>/dev/null || true
  wait "$1" 2>/dev/null || true
  for i in "${!daemons[@]}"; do
    [ "${daemons[$i]}" != "$1" ] || unset "daemons[$i]"
  done
}

# $1: pinned to one CPU or unpinned; for this shell, what it starts, and the daemons.
place ()
{
  local cpus=0 process
  [ "$1" = pinned ] || cpus=0-$(($(nproc --all) - 1))
  for process in $$ "${daemons[@]}"; do
    taskset -a -c -p "$cpus" "$process" >/dev/null
  done
}
