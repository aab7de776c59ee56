#!/bin/bash
# Whether the guest with volumes does what tests ask of it: inside it, in the group of tests/guest/on-lvm.
. "$(dirname "$0")/../mount/lib.sh"

group=${CONTRACT_VOLUMES:?is the directory of a volume group: see tests/guest/on-lvm}
name=${group##*/}

# The first bytes of the volume $1 are the letter $2.
holds ()
{
  prints "$2$2$2$2" head -c 4 "$group/$1"
}
write_letter ()
{
  printf "%4096s" "" | tr ' ' "$2" | dd of="$group/$1" conv=fsync,notrunc status=none
}
no_volumes_but ()
{
  prints "$*" eval 'lvs --noheadings -o lv_name "$name" | xargs'
}

check "a classic volume" lvcreate -q -y -L 8M -n classic "$name"
check "a thin volume" lvcreate -q -y -V 8M -T "$name/pool" -n thin
for volume in classic thin; do
  check "$volume: udev has made its name" test -b "$group/$volume"
  write_letter "$volume" A
done
check "classic: a snapshot" lvcreate -q -y -s -L 8M -n classic-1 "$name/classic"
check "thin: a snapshot" lvcreate -q -y -s -kn -n thin-1 "$name/thin"
for volume in classic thin; do
  write_letter "$volume" B
  check "$volume: it holds what was written" holds "$volume" B
  check "$volume: the snapshot what was there before" holds "$volume-1" A
done
check "they are removed" lvremove -q -y "$name/classic-1" "$name/thin-1"
check "nothing of them is left" no_volumes_but classic pool thin
check "nor their names" refused ls "$group/classic-1" "$group/thin-1"
check "a volume that has no room is refused" refused lvcreate -q -y -L 300M -n large "$name"
lvremove -q -y "$name/classic" "$name/thin" >/dev/null
finish
