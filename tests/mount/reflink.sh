#!/bin/bash
# Disks that are snapshotted by clones: raw ones, and qcow2 where that is said. On an xfs of its own.
. "$(dirname "$0")/lib.sh"

[ "$(id -u)" = 0 ] || skip_all "only root can mount a file system"
[ -e /dev/loop-control ] || skip_all "there are no loop devices"
command -v mkfs.xfs >"$work/output" || skip_all "there is no mkfs.xfs"
truncate -s 1G "$work/image"
mkfs.xfs -q -m reflink=1 "$work/image" && mount -o loop "$work/image" "$store" || skip_all "no xfs"

schema=/usr/share/libvirt/schemas/domainsnapshot.rng
db=$mnt/db01
root=$store/db01/root.raw
data=$store/db01/data.qcow2

# A domain.xml in db01 whose second disk has $1 in its <disk>.
describe ()
{
  cat >"$store/db01/domain.xml" <<XML
<domain type='kvm'><name>db01</name><uuid>c0ffee00-edaf-9455-926a-d65c16db1809</uuid>
<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='root.raw'/><target dev='vda' bus='virtio'/></disk>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='data.qcow2'/><target dev='vdb' bus='virtio'/>$1</disk>
</devices></domain>
XML
}
# What a machine writes: the byte $1 at $2 of both disks.
write_both ()
{
  despite_tidying qemu-io -f raw -c "write -q -P $1 $2 64k" "$root" && change "$data" "$1" "$2"
}
# The present bytes, as $1.
keep_both ()
{
  cp "$root" "$work/$1-vda" && despite_tidying qemu-img convert -O raw "$data" "$work/$1-vdb"
}
# The disks below $1 are those that were kept as $2.
are ()
{
  cmp "$1/disks/vda.raw" "$work/$2-vda" && cmp "$1/disks/vdb.raw" "$work/$2-vdb"
}
inodes ()
{
  stat -c %i "$root" "$data"
}
frozen ()
{
  find "$store" -name ".vmsnapfs-*.$1"
}
# libvirt's schema takes the document $1.
valid ()
{
  if [ ! -e "$schema" ]; then
    skip "${1#"$mnt/"} is valid" "libvirt's schemas are not installed"
    return
  fi
  check "${1#"$mnt/"} is valid" xmllint --nonet --noout --relaxng "$schema" "$1"
}
nothing_frozen ()
{
  prints '' frozen '*'
}
element ()
{
  echo "<diskSnapshot method='$1'/>"
}

mkdir "$store/db01"
truncate -s 16M "$root"
make_image "$data" 16M
# A guest may write a header of QEMU's to the beginning of its disk.
make_image "$work/header.qcow2"
qemu-img rebase -q -u -f qcow2 -b /etc/passwd -F raw "$work/header.qcow2"
dd if="$work/header.qcow2" of="$root" bs=64k conv=notrunc status=none
chown 1234:1234 "$root"
chmod 0640 "$root"
describe ''
write_both 1 1M

check "mounting" serve "$store" "$mnt" || finish

# ---- one snapshot, by two methods

check "info says what is possible for the raw disk" grep -x 'methods: vda btrfs' "$db/info"
check "and for the other one" grep -x 'methods: vdb qemu btrfs' "$db/info"
check "a raw disk is cloned" prints "$(element btrfs)" cat "$db/disks/vda.method"
check "a qcow2 gets an overlay" prints "$(element qemu)" cat "$db/disks/vdb.method"
keep_both base
inode=$(stat -c %i "$root")
check "a snapshot" mkdir "$db/base"
check "the raw disk is the file that it was" prints "$inode" stat -c %i "$root"
check "and holds what it held" cmp "$root" "$work/base-vda"
check "the clone has its owner, and nobody may write to it" \
  prints '1234 1234 440' stat -c '%u %g %a' "$(frozen_image "$db/base")"
check "it is raw, and said to be" prints raw \
  xmllint --xpath 'string(//driver/@type)' "$db/base/disks/vda.xml"
check "both are read as they were" are "$db/base" base
write_both 2 1M
write_both 3 9M
keep_both next
valid "$db/base/snapshot.xml"
check "its document can be given back" gives OK write "$db/control/create" \
  '--redefine -' "$(cat "$db/base/snapshot.xml")"
check "whatever is written since" are "$db/base" base
check "a second one" mkdir "$db/base/next"
check "is read as it was" are "$db/base/next" next

# ---- of one disk

alone=$db/disks/vda/alone
check "of the raw disk alone" mkdir "$alone"
check "a clone is frozen" prints btrfs field "$alone/info" method
check "which is as the disk is" cmp "$alone/vda.raw" "$work/next-vda"
check "and can be backed up as a file" \
  cmp "$(xmllint --xpath 'string(/source/@file)' "$alone/backup-source.xml")" "$work/next-vda"
check "the machine's disk is no other one" refused test -e "$alone/modified-disk.xml"
check "and nothing is read through the snapshot that could be merged" prints $'discard\nhold' \
  ls "$alone/control"
check "of the other one, by an overlay" mkdir "$db/disks/vdb/alone"
check "it can" prints $'discard\nhold\nmerge' ls "$db/disks/vdb/alone/control"
check "merged, it goes" gives OK write "$db/disks/vdb/alone/control/merge" children
check "the other is discarded" rmdir "$alone"
check "the snapshots of both are as they were" eval 'are "$db/base" base && are "$db/base/next" next'

# ---- going back

check "a revert" gives OK write "$db/base/control/revert" 1
check "sets the raw disk back" cmp "$root" "$work/base-vda"
check "and the other one" are "$db" base
check "with its owner and its mode" prints '1234 1234 640' stat -c '%u %g %a' "$root"
check "what was taken later is still there" are "$db/base/next" next
write_both 4 5M
keep_both third
check "a revert that saves" gives OK write "$db/base/next/control/revert" 'save third'
check "has saved" are "$db/.snapshots/third" third
check "and set back" are "$db" next
check "a copy of a snapshot" gives OK write "$db/control/create" 'again --from base'
check "is read like it" are "$db/.snapshots/again" base

# ---- what cannot be

before=$(inodes; ls "$db/.snapshots")
unchanged ()
{
  prints "$before" eval 'inodes; ls "$db/.snapshots"'
}
check "a clone is not compressed" gives EOPNOTSUPP write "$db/control/create" 'x --compress zstd'
check "a raw disk gets no overlay" gives EOPNOTSUPP write "$db/control/create" 'x --method qemu'
check "what is no volume has no snapshots by LVM" gives EOPNOTSUPP write "$db/control/create" 'x --method lvm'
check "says so" prints_like 'is no block device' tail -n 1 "$db/control/error"
check "what nobody knows" gives EINVAL write "$db/control/create" 'x --method magic'
check "a format that the disk does not get" gives EOPNOTSUPP write "$db/control/create" \
  'x --diskspec vda,driver=qcow2'
mkfifo "$work/orders"
qemu-io -f raw "$root" <"$work/orders" >"$work/machine.log" 2>&1 &
machine=$!
exec 7>"$work/orders"
check "a machine has the raw disk" eventually grep -q 'qemu-io>' "$work/machine.log"
check "it is left alone" gives EBUSY mkdir "$db/.snapshots/running"
check "and not set back" gives EBUSY write "$db/base/control/revert" 1
exec 7>&-
wait "$machine"
check "none of that has changed anything" unchanged

# ---- choosing

check "a word is taken" gives OK write "$db/disks/vdb.method" reflink
check "and shown" prints "$(element btrfs)" cat "$db/disks/vdb.method"
check "an element is taken" gives OK write "$db/disks/vdb.method" "$(element qemu)"
check "and shown" prints "$(element qemu)" cat "$db/disks/vdb.method"
check "not what cannot be done" gives EOPNOTSUPP write "$db/disks/vda.method" qemu
check "nor what its file system cannot" gives EOPNOTSUPP write "$db/disks/vda.method" zfs
check "nor what is no method" gives EINVAL write "$db/disks/vda.method" magic
check "nor two" gives EINVAL write "$db/disks/vda.method" 'btrfs qemu'
check "nor another element" gives EINVAL write "$db/disks/vda.method" '<disk/>'
inodes=$(inodes)
keep_both clones
check "for one snapshot" gives OK write "$db/control/create" 'clones --method btrfs'
check "both files are what they were" prints "$inodes" inodes
check "both are read" are "$db/.snapshots/clones" clones
describe "$(element btrfs)"
check "what was written goes before the description" prints "$(element qemu)" \
  cat "$db/disks/vdb.method"
check "the default word forgets it" gives OK write "$db/disks/vdb.method" default
check "then the description counts" eventually prints "$(element btrfs)" cat "$db/disks/vdb.method"
write_both 6 7M
keep_both described
check "a snapshot" gives OK write "$db/control/create" described
valid "$db/.snapshots/described/snapshot.xml"
check "leaves both files" prints "$inodes" inodes
check "a revert to one that was frozen by QEMU" gives OK write "$db/base/control/revert" 1
check "brings it back" are "$db" base
check "a revert to a clone" gives OK write "$db/.snapshots/described/control/revert" 1
check "brings that back" are "$db" described
check "unmounting" unserve "$mnt"
check "the store is sound" "$VMSNAP" check "$store"
check "mounting again" serve "$store" "$mnt"
check "all is there" eval 'are "$db/base" base && are "$db/.snapshots/described" described'
check "and the live disks" are "$db" described

# ---- damage

frozen=$(frozen_image "$db/.snapshots/clones")
check "unmounting" unserve "$mnt"
mv "$frozen" "$work/frozen"
check "a missing clone is found" prints_like 'the image of clones, disk vda' \
  eval '! "$VMSNAP" check "$store"'
check "mounting" serve "$store" "$mnt"
check "it is shown" prints_like '^problem:.*disk vda' cat "$db/.snapshots/clones/info"
check "and cannot be read" gives EIO read "$db/.snapshots/clones/disks/vda.raw"
check "nor brought back" gives ENOENT write "$db/.snapshots/clones/control/revert" 1
check "the others are" are "$db/base" base
check "unmounting" unserve "$mnt"
cp --preserve=all "$work/frozen" "$frozen"
chmod u+w "$frozen"
check "a writable one is found" prints_like 'is frozen and may be written to' \
  eval '! "$VMSNAP" check "$store"'
check "and repaired" "$VMSNAP" check --repair "$store"
check "it is not writable" prints 440 stat -c %a "$frozen"
check "mounting" serve "$store" "$mnt"
check "it is read again" are "$db/.snapshots/clones" clones

# ---- the end of all

keep_both last
while IFS= read -r name; do
  check "discarding $name" gives OK write "$db/.snapshots/$name/control/discard" keep-children
done < <(ls "$db/.snapshots")
check "no clone is left" eventually nothing_frozen
check "the disks are what they were" are "$db" last
check "nothing is left over" nothing_left_over "$store"
check "without a record" gives OK write "$db/control/create" --no-metadata
check "the data stay" test -n "$(frozen raw)"
check "unmounting" unserve "$mnt"
check "the store is sound" "$VMSNAP" check "$store"
finish
