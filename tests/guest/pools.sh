#!/bin/bash
# Whether the guest with ZFS does what tests ask of it: inside it, in the pool of tests/guest/on-zfs.
. "$(dirname "$0")/../mount/lib.sh"

pool=${ZFS_POOL:?is the name of a pool: see tests/guest/on-zfs}
volume=/dev/zvol/$pool/volume

# The first bytes of the file or device $1 are the letter $2.
holds ()
{
  prints "$2$2$2$2" head -c 4 "$1"
}
write_letter ()
{
  printf "%4096s" "" | tr ' ' "$2" | dd of="$1" conv=fsync,notrunc status=none
}

check "a volume" zfs create -V 8M "$pool/volume"
check "udev makes its name" eventually test -b "$volume"
check "a data set" zfs create "$pool/files"
check "is mounted" mountpoint -q "/$pool/files"
write_letter "$volume" A
write_letter "/$pool/files/file" A
check "a snapshot of both" zfs snapshot "$pool/volume@one" "$pool/files@one"
write_letter "$volume" B
write_letter "/$pool/files/file" B
check "the file is what was written" holds "/$pool/files/file" B
check "its snapshot is read as it was" holds "/$pool/files/.zfs/snapshot/one/file" A
check "a volume's snapshot has no device by itself" refused test -e "$volume@one"
check "until that is wanted" zfs set snapdev=visible "$pool/volume"
check "then it has one" eventually test -b "$volume@one"
check "the volume holds what was written" holds "$volume" B
check "its snapshot what was there before" holds "$volume@one" A
check "which cannot be written" refused dd if=/dev/zero of="$volume@one" bs=4096 count=1 conv=fsync
check "it is held" zfs hold mine "$pool/volume@one"
check "so it is not removed" refused zfs destroy "$pool/volume@one"
check "it is let go" zfs release mine "$pool/volume@one"
check "all is removed" eval 'eventually zfs destroy -r "$pool/volume" && eventually zfs destroy -r "$pool/files"'
finish
