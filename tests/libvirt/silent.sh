#!/bin/bash
# A libvirtd that says nothing any more, though it is there and accepts connections (SIGSTOP): whoever
# waits for it is freed after a while, all of them; the last known tree is served and says that it is
# stale; the mount ends when it is told to; and when libvirtd goes on, so does the mount.
. "$(dirname "$0")/lib.sh"

LIMIT=60 # seconds; a call that takes longer hangs

start_libvirtd || finish
define_machine web01 vda
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
mkdir "$work/other"
check "another one" serve "$uri" "$work/other" -o poll=1 || finish
web=$mnt/web01
check "a snapshot" mkdir "$web/a"
check "which both show" eventually test -d "$work/other/web01/a"

# $1: the file for what came of it; the rest: a call.
wait_for ()
{
  local file=$1
  shift
  { timeout $LIMIT "$@" >/dev/null 2>&1; echo $? >"$file"; } &
  waiting+=($!)
}
nobody_hangs ()
{
  ! grep -l 124 "$work"/came.*
}

kill -STOP "$libvirtd"
waiting=()
for i in 1 2 3 4; do
  wait_for "$work/came.info.$i" cat "$web/info"
  wait_for "$work/came.mkdir.$i" mkdir "$web/a/b$i"
done
wait "${waiting[@]}"
check "nobody hangs" nobody_hangs
check "no snapshot is said to be taken" prints '' grep -lx 0 "$work"/came.mkdir.*
check "the tree is there" test -d "$web/a"
check "and says that it is stale" prints_like '^yes, not connected' field "$web/info" stale
check "a change is an error at once" prints EIO timeout 10 "$ERRNO" mkdir "$web/a/c"

unmounts_soon ()
{
  local pid=${daemons[$work/other]} end=$((SECONDS + 20))
  unset "daemons[$work/other]"
  eventually fusermount3 -q -u "$work/other" || return 1
  while kill -0 "$pid" 2>/dev/null; do
    [ "$SECONDS" -lt "$end" ] || { kill -9 "$pid"; echo "it still runs"; return 1; }
    sleep 0.1
  done
  wait "$pid"
}
check "a mount ends meanwhile" unmounts_soon

kill -CONT "$libvirtd"
PATIENCE=60
check "it is connected again" eventually prints '' field "$web/info" stale
check "changes are made again" eventually test -d "$web/a"
step web01 "a snapshot under the current one" eventually mkdir "$web/.snapshots/d"
finish
