#!/bin/bash
# vmsnap check: what it prints, its exit status, and that a mount and a check keep out of each other's
# way. What it finds and repairs is the business of tests/unit/test-check.c.
. "$(dirname "$0")/../mount/lib.sh"
VMSNAP=$(realpath "${VMSNAP:?set it to the program under test}")

cd "$store" || exit 1

# Exits with the status $1 and prints something that matches $2.
ends ()
{
  local status=$1 pattern=$2 said actual
  shift 2
  said=$("$@" 2>&1)
  actual=$?
  if [ "$actual" -ne "$status" ] || ! grep -Eq -- "$pattern" <<<"$said"; then
    printf 'status %s: %s\n' "$actual" "$said"
    return 1
  fi
}

check "no store is a wrong command line" ends 2 'is needed' "$VMSNAP" check
check "two are" ends 2 'is needed' "$VMSNAP" check . .
check "an unknown option is" ends 2 'unknown' "$VMSNAP" check --wrong .
check "a store that is not there cannot be looked at" ends 2 'nowhere' "$VMSNAP" check "$work/nowhere"
check "an empty one is sound" prints '' "$VMSNAP" check .

qemu-img create -q -f qcow2 web01.qcow2 8M
qemu-io -f qcow2 -c 'write -q -P 1 0 1M' web01.qcow2
serve "$store" "$mnt"
mkdir -p "$mnt/web01/base/updates"
check "one that is mounted cannot be looked at" ends 2 'in use by a vmsnapfs' "$VMSNAP" check .
unserve "$mnt"
check "a sound one prints nothing" prints '' "$VMSNAP" check .
check "by another name too" prints '' "$VMSNAP" check --quick "$store/../store"

# ---- without qemu-img

check "without qemu-img it cannot be looked at as a whole" \
  ends 2 'qemu-img is not installed' env VMSNAPFS_QEMU_IMG=/nonexistent "$VMSNAP" check .
check "but quickly it can" \
  prints '' env VMSNAPFS_QEMU_IMG=/nonexistent "$VMSNAP" check --quick .

# ---- a domain that is gone

mv web01.qcow2 "$work/kept"
check "the records of a domain that is gone are worth a note" \
  ends 0 'note: its domain is gone and has left the records of 2 snapshots' "$VMSNAP" check .
mv "$work/kept" web01.qcow2

# ---- killed in the middle of a repair

# LeakSanitizer cannot run under a tracer.
export LSAN_OPTIONS=$LSAN_OPTIONS:detect_leaks=0 ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0

# Before the call $1 of the number $2; the next repair ends it. Succeeds while there is such a call.
is_repaired_after ()
{
  rm -rf "$work/killed"
  cp -a "$work/damaged" "$work/killed"
  strace -qq -f -o "$work/trace" -e trace="$1" -e inject="$1:signal=SIGKILL:when=$2" \
    "$VMSNAP" check --quick --repair "$work/killed" >"$work/said" 2>&1 && return 1
  "$VMSNAP" check --quick --repair "$work/killed" >>"$work/said" 2>&1 &&
    ! "$VMSNAP" check --quick "$work/killed" | grep -v 'note:'
}

repairs_after_every ()
{
  local when=1
  while is_repaired_after "$1" "$when"; do
    when=$((when + 1))
  done
  # The last one was not killed any more, and so every one before was repaired.
  ! grep -q 'killed by SIGKILL' "$work/trace" && [ "$when" -gt 1 ]
}

cp -a "$store" "$work/damaged"
cd "$work/damaged" || exit 1
truncate -s 100 "$(grep -l '"base"' .vmsnapfs/*/s-*)"
truncate -s 100 .vmsnapfs/*/head
chmod u+w .vmsnapfs-*.qcow2
cp web01.qcow2 ".vmsnapfs-$(cat /proc/sys/kernel/random/uuid).new"
touch "$(echo .vmsnapfs/*)/head.new"
cd "$store" || exit 1
for call in renameat,renameat2 unlinkat linkat fsync; do
  check "killed before any $call, a repair is ended by the next" repairs_after_every "$call"
done

# ---- a damaged record

record=$(grep -l '"updates"' .vmsnapfs/*/s-*)
truncate -s 100 "$record"
before=$(find . -printf '%p %s %m %T@ %C@\n')
check "a damaged record is told, the file first" \
  ends 1 "^$store/$record: record .* is damaged" "$VMSNAP" check .
check "and nothing was touched" prints "$before" find . -printf '%p %s %m %T@ %C@\n'
serve "$store" "$mnt"
check "its snapshot is shown by its uuid, and what was not damaged by its name" \
  test -d "$mnt/web01/base" -a -d "$mnt/web01/.snapshots/${record##*/s-}"
check "changes are refused" gives EUCLEAN mkdir "$mnt/web01/.snapshots/new"
unserve "$mnt"
check "a repair tells what it did" \
  ends 0 "^$store/$record: repaired: put aside as " "$VMSNAP" check --repair .
check "then it is sound" ends 0 'note: is a damaged record' "$VMSNAP" check .
serve "$store" "$mnt"
check "what was not damaged is there" test -d "$mnt/web01/base"
check "and changes are possible again" mkdir "$mnt/web01/.snapshots/new"
unserve "$mnt"
check "without leaving anything wrong" ends 0 'damaged' "$VMSNAP" check .

finish
