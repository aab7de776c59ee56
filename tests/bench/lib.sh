# Sourced by the benchmarks: scratch space, timing, medians, verdicts.
# shellcheck shell=bash
set -eu

: "${VMSNAPFS:?set it to the program}"
VMSNAPFS=$(realpath "$VMSNAPFS")
RUNS=${RUNS:-5}
work=$(mktemp -d "${TMPDIR:-/var/tmp}/vmsnapfs-bench.XXXXXX")
daemons=()
missed=0

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

# Microseconds that the command takes.
time_of ()
{
  local start=${EPOCHREALTIME/./}
  "$@" >/dev/null 2>>"$work/log" || { echo "FAIL  $*"; tail "$work/log"; return 1; } >&2
  echo $((${EPOCHREALTIME/./} - start))
}

# Of the numbers in the file $1, one a line.
median ()
{
  sort -n "$1" | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'
}

# $1: what; $2: the figure; $3: at-least or at-most; $4: the bar.
verdict ()
{
  if awk -v a="$2" -v how="$3" -v b="$4" 'BEGIN {exit !(how == "at-least" ? a >= b : a <= b)}'; then
    printf 'PASS  %-64s %10s  (%s %s)\n' "$1" "$2" "${3/-/ }" "$4"
  else
    printf 'FAIL  %-64s %10s  (%s %s)\n' "$1" "$2" "${3/-/ }" "$4"
    missed=$((missed + 1))
  fi
}

ratio ()
{
  awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f\n", a / b}'
}
