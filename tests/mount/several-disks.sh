#!/bin/bash
# A domain with two disks: all or nothing.
. "$(dirname "$0")/lib.sh"

db=$mnt/db01
root=$store/db01/root.qcow2
data=$store/db01/data.qcow2

# A domain.xml in $1 with the uuid $2 and the disks that follow, TARGET:FORMAT:FILE each.
describe ()
{
  local dir=$1 uuid=$2 disk target format file
  shift 2
  {
    echo "<domain type='kvm'><name>$(basename "$dir")</name>"
    echo "<uuid>$uuid</uuid>"
    echo "<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>"
    for disk in "$@"; do
      IFS=: read -r target format file <<<"$disk"
      echo "<disk type='file' device='disk'><driver name='qemu' type='$format'/>"
      echo "<source file='$file'/><target dev='$target' bus='virtio'/></disk>"
    done
    echo "</devices></domain>"
  } >"$dir/domain.xml"
}

mkdir "$store/db01" "$store/raw01"
make_machine "$root"
make_image "$data" 16M
change "$data" 3 1M
describe "$store/db01" c7a5fdbd-edaf-9455-926a-d65c16db1809 \
  "vda:qcow2:$root" "vdb:qcow2:$data"
make_image "$store/raw01/root.qcow2"
truncate -s 8M "$store/raw01/data.raw"
describe "$store/raw01" d00dfeed-edaf-9455-926a-d65c16db1809 \
  "vda:qcow2:$store/raw01/root.qcow2" "vdb:raw:$store/raw01/data.raw"

copy_both ()
{
  keep_copy "$root" "$work/$1-vda.copy" && keep_copy "$data" "$work/$1-vdb.copy"
}

# The snapshot $1 has the bytes of the copies called $2.
both_are ()
{
  same_bytes "$(frozen_image "$db/$1" vda)" "$work/$2-vda.copy" &&
    same_bytes "$(frozen_image "$db/$1" vdb)" "$work/$2-vdb.copy"
}

live_is ()
{
  same_bytes "$root" "$work/$1-vda.copy" && same_bytes "$data" "$work/$1-vdb.copy"
}

check "mounting" serve "$store" "$mnt" || finish
check "domains are directories with a domain.xml" prints $'db01\nraw01' ls "$mnt"
check "domain.xml is shown byte for byte" cmp "$store/db01/domain.xml" "$db/domain.xml"
check "both disks are listed" prints $'vda\nvda.method\nvda.raw\nvda.xml\nvdb\nvdb.method\nvdb.raw\nvdb.xml' \
  ls "$db/disks"

copy_both one
check "a snapshot" mkdir "$db/one"
check "has both disks" both_are one one
change "$root" 17 20M
change "$data" 18 2M
copy_both two
check "a second snapshot" mkdir "$db/one/two"
check "has both disks as well" both_are one/two two
check "domain.xml is kept with it" cmp "$store/db01/domain.xml" "$db/one/domain.xml"
check "a revert" gives OK write "$db/one/control/revert" 1
check "sets back both disks" live_is one
check "and leaves both snapshots" both_are one one
check "and the other one" both_are one/two two

# One disk in use: nothing happens to the other.
mkfifo "$work/orders"
hold_open ()
{
  qemu-io -f qcow2 "$1" <"$work/orders" >"$work/machine.log" 2>&1 &
  holder=$!
  exec 7>"$work/orders"
  eventually grep -q 'qemu-io>' "$work/machine.log"
}
let_go ()
{
  exec 7>&-
  wait "$holder"
}
# A disk that a machine uses has no bytes to read.
tree ()
{
  find "$mnt/db01" ! -name '*.raw' | sort
}
before=$(picture_of "$store/db01"; tree)
check "the second disk is opened by a machine" hold_open "$data"
check "the domain runs" prints running field "$db/info" state
check "a snapshot is refused" gives EBUSY mkdir "$db/one/three"
check "with a sentence that names the disk" prints_like 'EBUSY: .*data' tail -n 1 "$db/control/error"
check "a revert is refused" gives EBUSY write "$db/one/two/control/revert" 1
check "nothing changed on either disk" prints "$before" eval \
  'picture_of "$store/db01"; tree'
check "the machine ends" let_go
check "then the snapshot is taken" mkdir "$db/one/three"
check "a leaf on two disks is discarded" rmdir "$db/one/three"
check "the rest has its bytes" both_are one/two two
check "every image is clean" all_clean "$store"
check "nothing is left over" nothing_left_over "$store"

# One raw disk, on a file system that clones nothing: never, and the sentence says what to do.
if cp --reflink=always "$store/raw01/data.raw" "$work/clone" 2>"$work/output"; then
  skip "a raw disk cannot be snapshotted" "this file system clones files"
  finish
fi
before=$(picture_of "$store/raw01")
check "a raw disk cannot be snapshotted" gives EOPNOTSUPP mkdir "$mnt/raw01/one"
check "the sentence says what would be needed" prints_like 'no clones.*qcow2' \
  tail -n 1 "$mnt/raw01/control/error"
check "info says so before it is tried" prints_like '^note: vdb .data.raw. is a raw disk' \
  cat "$mnt/raw01/info"
check "nothing changed" prints "$before" picture_of "$store/raw01"
finish
