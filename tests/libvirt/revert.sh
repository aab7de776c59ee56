#!/bin/bash
# Reverting between snapshots of a running, a paused and a switched off machine, with and without
# words; each time the machine's state, the current snapshot and the disk are what virsh's would be.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01
image=$images/web01-vda.qcow2

# The machine writes: through QEMU itself, for nobody else may while it runs.
v start web01
check "running" mkdir "$web/running"
v suspend web01
check "paused" mkdir "$web/running/paused"
v destroy web01
change "$image" 7 16M
check "off" mkdir "$web/running/paused/off"

revert ()
{
  gives OK write "$web/.snapshots/$1/control/revert" "$2"
}
# $1: from which state; $2: to which snapshot; $3: words; $4: the state expected.
try ()
{
  case $1 in
    off) v destroy web01 2>/dev/null ;;
    running) v start web01 2>/dev/null; v resume web01 2>/dev/null ;;
    paused) v start web01 2>/dev/null; v suspend web01 2>/dev/null ;;
  esac
  step web01 "$1, to $2 with $3" revert "$2" "$3"
  check "  it is $4" eventually prints "$4" state_of web01
  check "  the mount says so" eventually prints "${4/shut off/shutoff}" field "$web/info" state
  check "  $2 is current" prints "$2" basename "$(readlink "$web/current")"
}
try off running 1 running
try running paused 1 paused
try paused off 1 'shut off'
try off paused running running
try running off 1 'shut off'
try off off paused paused
try paused running paused paused
try paused off 'running force' running

v destroy web01
change "$image" 9 16M
check "the disk was changed" refused qemu-io -f qcow2 -r -c 'read -q -P 7 16M 64k' "$image"
step web01 "back to off" revert off 1
check "the disk is as it was" prints '' qemu-io -f qcow2 -r -c 'read -q -P 7 16M 64k' "$image"

step web01 "both states at once" gives EINVAL write "$web/running/control/revert" 'running paused'
step web01 "an unknown word" gives EINVAL write "$web/running/control/revert" 'sideways'
check "and nothing happened" prints off basename "$(readlink "$web/current")"

# A disk that lacks the snapshot: libvirt would revert the others first and then fail.
define_machine two vda vdb
check "two disks" eventually mkdir "$mnt/two/s"
change "$images/two-vda.qcow2" 5 1M
qemu-img snapshot -d s "$images/two-vdb.qcow2"
step two "a disk lacks it: refused" refused gives OK write "$mnt/two/s/control/revert" 1
check "and the other is untouched" prints '' \
  qemu-io -f qcow2 -r -c 'read -q -P 5 1M 64k' "$images/two-vda.qcow2"
finish
