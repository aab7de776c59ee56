#!/bin/bash
# Whether the guest with volumes does what tests ask of it: inside it, with a blank disk /dev/vda of 256 MiB.
. "$(dirname "$0")/../mount/lib.sh"

# The first bytes of the volume $1 are the letter $2.
holds ()
{
  prints "$2$2$2$2" head -c 4 "/dev/vg0/$1"
}
write_letter ()
{
  printf "%4096s" "" | tr ' ' "$2" | dd of="/dev/vg0/$1" conv=fsync,notrunc status=none
}
no_volumes_but ()
{
  prints "$*" eval 'lvs --noheadings -o lv_name vg0 | xargs'
}

check "the disk is a physical volume" pvcreate -q /dev/vda
check "and a volume group" vgcreate -q vg0 /dev/vda
check "a classic volume" lvcreate -q -y -L 16M -n classic vg0
check "a thin pool" lvcreate -q -y -L 64M -T vg0/pool
check "a thin volume" lvcreate -q -y -V 16M -T vg0/pool -n thin
for volume in classic thin; do
  check "$volume: udev has made its name" test -b "/dev/vg0/$volume"
  write_letter "$volume" A
done
check "classic: a snapshot" lvcreate -q -y -s -L 8M -n classic-1 vg0/classic
check "thin: a snapshot" lvcreate -q -y -s -kn -n thin-1 vg0/thin
for volume in classic thin; do
  write_letter "$volume" B
  check "$volume: it holds what was written" holds "$volume" B
  check "$volume: the snapshot what was there before" holds "$volume-1" A
done
check "they are removed" lvremove -q -y vg0/classic-1 vg0/thin-1
check "nothing of them is left" no_volumes_but classic pool thin
check "nor their names" refused ls /dev/vg0/classic-1 /dev/vg0/thin-1
check "a volume that has no room is refused" refused lvcreate -q -y -L 300M -n large vg0
finish
