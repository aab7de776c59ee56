#!/bin/bash
# Snapshots that virsh discards and takes again under the same names, of which nothing tells us: no order
# and no reader that meant the old one gets the new one, and once that was noticed all are shown as they
# are.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda
check "a mount that does not poll" serve "$uri" "$mnt" -o poll=0 || finish
web=$mnt/web01
image=$images/web01-vda.qcow2

created ()
{
  xmllint --xpath 'string(/*/creationTime)' <(v snapshot-dumpxml web01 "$1")
}
times_of_virsh ()
{
  local name
  for name in s{1,9,17,25,33}; do created "$name"; done
}
times_of_mount ()
{
  stat -c %Y "$web"/.snapshots/s{1,9,17,25,33}
}

for i in {1..36}; do v snapshot-create-as web01 "s$i"; done
check "all are shown" eventually prints "$(times_of_virsh)" times_of_mount
check "and are read" cp "$web/.snapshots/s17/disks/vda.raw" "$work/s17.raw"
change "$image" 5 1M
for i in 1 9 17 25 33; do
  v snapshot-delete web01 "s$i" && v snapshot-create-as web01 "s$i"
done
check "the old one is not read" refused cp "$web/.snapshots/s17/disks/vda.raw" "$work/again.raw"
PATIENCE=3
check "now that it is known all are as they are" eventually prints "$(times_of_virsh)" times_of_mount
check "and the new one is read" cp "$web/.snapshots/s17/disks/vda.raw" "$work/again.raw"
check "which is another" refused cmp -s "$work/s17.raw" "$work/again.raw"

eventually test "$(date +%s)" -gt "$(created s33)"
for i in 1 9 17 25 33; do
  v snapshot-delete web01 "s$i" && v snapshot-create-as web01 "s$i"
done
check "the old one is not gone back to" refused gives OK write "$web/.snapshots/s25/control/revert" 1
check "and again all are as they are" eventually prints "$(times_of_virsh)" times_of_mount
check "the new one is" gives OK write "$web/.snapshots/s25/control/revert" 1
finish
