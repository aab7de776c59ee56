#!/bin/bash
# Snapshots of one disk: disks/vda/NAME is another name for what libvirt has in its tree.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda vdb
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01
of=$web/disks/vda
other=$web/disks/vdb

# $1: the snapshot's name; $2: an XPath that must be true of what virsh says.
xml_says ()
{
  prints true xmllint --xpath "boolean($2)" <(v snapshot-dumpxml web01 "$1")
}
source_of ()
{
  xmllint --xpath "string($1/source/@file)" "$2"
}
# The file that the machine uses as its disk $1.
used_by ()
{
  v domblklist web01 | awk -v disk="$1" '$1 == disk {print $2}'
}

# ---- of a machine that is off

check "the directory is there" prints '' ls -A "$of"
check "and not listed, as .snapshots" prints $'vda.raw\nvda.xml\nvdb.raw\nvdb.xml' ls "$web/disks"
check "info says what can be done" prints_like 'disk-in-tree' field "$web/info" can
cp "$web/disks/vda.raw" "$work/off.raw"
step web01 "mkdir takes one" mkdir "$of/off"
check "of that disk" xml_says off '/*/disks/disk[@name="vda"]/@snapshot="external"'
check "alone" xml_says off '/*/disks/disk[@name="vdb"]/@snapshot="no"'
check "it is there" prints off ls "$of"
check "and in the tree" test -d "$web/off/control"
check "the other disk has none" prints '' ls "$other"
check "it is current, as libvirt has it" prints off readlink "$web/current"
check "its files" prints $'backup-source.xml\ncontrol\ninfo\nmodified-disk.xml\nvda.raw' ls "$of/off"
check "its commands" prints $'discard\nmerge' ls "$of/off/control"
check "its bytes" cmp "$work/off.raw" "$of/off/vda.raw"
check "are one file with the tree's" prints "$(stat -c %i "$web/off/disks/vda.raw")" \
  stat -c %i "$of/off/vda.raw"
check "its info is not" refused prints "$(stat -c %i "$web/off/info")" stat -c %i "$of/off/info"
check "backup-source.xml names the image that was" prints "$images/web01-vda.qcow2" \
  source_of '' "$of/off/backup-source.xml"
check "modified-disk.xml the one that the machine has now" prints "$images/web01-vda.off" \
  source_of /disk "$of/off/modified-disk.xml"
for line in 'name off' 'disk vda' 'quiesced no' 'tree off'; do
  check "info: $line" prints "${line#* }" field "$of/off/info" "${line%% *}"
done
check "in the tree info says of which disk" prints vda field "$web/off/info" disk
check "the domain counts it once" prints 1 field "$web/info" snapshots
check "and not as another" prints '' field "$web/info" disk-snapshots

# ---- of one that runs

v start web01
check "it runs" eventually prints running field "$web/info" state
step web01 "of the other disk" mkdir "$other/run"
check "is below the one before" test -d "$web/off/run/control"
check "and says so" prints off field "$other/run/info" parent
check "whether it was quiesced libvirt does not record" prints unknown \
  field "$other/run/info" quiesced
check "the machine goes on with another file" prints "$images/web01-vdb.run" used_by vdb
check "only there" prints "$images/web01-vda.off" used_by vda
machine_writes web01 7 1M
check "the first has its bytes" cmp "$work/off.raw" "$of/off/vda.raw"
step web01 "names are the tree's" gives EEXIST mkdir "$of/run"
step web01 "quiescing needs an agent" refused gives OK write "$web/control/create" \
  'quiet --disk-only --quiesce --diskspec vda --diskspec vdb,snapshot=no'
step web01 "a domain's snapshot" mkdir "$web/.snapshots/both"
check "is of no single disk" prints $'off' ls "$of"

# ---- virsh's

v snapshot-create-as web01 theirs --disk-only --diskspec vda --diskspec vdb,snapshot=no >/dev/null
check "virsh's is among them" eventually test -d "$of/theirs"
v snapshot-create-as web01 all --disk-only >/dev/null
check "one of both disks" eventually test -d "$web/.snapshots/all"
check "is not" prints $'off\ntheirs' ls "$of"
check "who opens it" cat "$of/theirs/info" "$other/run/info"
v snapshot-delete web01 theirs --metadata >/dev/null
check "virsh discards its record" eventually test ! -e "$of/theirs"
check "and trees agree" trees_agree web01

# ---- letting go

define_machine db01 vda vdb
v start db01
db=$mnt/db01
check "another machine" eventually prints running field "$db/info" state
for name in one two three; do
  check "$name" mkdir "$db/disks/vda/$name"
  machine_writes db01 9 "${#name}M"
done
cp "$db/disks/vda/three/vda.raw" "$work/three.raw"
cp "$db/disks/vda/one/vda.raw" "$work/one.raw"
step db01 "what has children stays" gives ENOTEMPTY rmdir "$db/disks/vda/one"
check "who reads one keeps it" eval 'exec 8<"$db/disks/vda/two/vda.raw"'
step db01 "from being merged" gives EBUSY write "$db/disks/vda/two/control/merge" children
exec 8<&-
step db01 "merged, it goes" gives OK write "$db/disks/vda/two/control/merge" children
check "from both views" prints $'one\nthree' ls "$db/disks/vda"
check "one has its bytes" cmp "$work/one.raw" "$db/disks/vda/one/vda.raw"
check "three has" cmp "$work/three.raw" "$db/disks/vda/three/vda.raw"
check "words of the tree are none here" gives EINVAL write "$db/disks/vda/one/control/merge" parent
check "nor those" gives EINVAL write "$db/disks/vda/one/control/discard" keep-children
step db01 "rmdir discards it" rmdir "$db/disks/vda/three"
step db01 "no name can be changed" gives EOPNOTSUPP rename "$db/disks/vda/one" "$db/disks/vda/uno"
check "nothing is below one" gives EPERM mkdir "$db/disks/vda/one/x"
check "find meets each once" prints 1 eval 'find "$db" -name one | wc -l'
check "unmounting" unserve "$mnt"
check "mounting again" serve "$uri" "$mnt" -o poll=1
check "it is there" cmp "$work/one.raw" "$db/disks/vda/one/vda.raw"

# ---- one after the other of two disks

# Both disks of the running machine hold other bytes.
both_change ()
{
  local number
  at=$((at + 1))
  for number in 0 1; do
    v qemu-monitor-command db01 --hmp "qemu-io -d \
/machine/peripheral/virtio-disk$number/virtio-backend \"write -P $at 1M 64k\"" >/dev/null
  done
}
at=10
for name in vda/a1 vdb/b1 vda/a2 vdb/b2 vda/a3; do
  check "the machine writes" both_change
  step db01 "$name" mkdir "$db/disks/$name"
  cp "$db/disks/$name/${name%/*}.raw" "$work/${name#*/}.raw"
done
check "the machine writes" both_change
check "copies differ" refused cmp -s "$work/b1.raw" "$work/b2.raw"
all_have_their_bytes ()
{
  local name
  for name in "$@"; do
    cmp "$work/${name#*/}.raw" "$db/disks/$name/${name%/*}.raw" || return 1
  done
}
check "each has its bytes" all_have_their_bytes vda/a1 vdb/b1 vda/a2 vdb/b2 vda/a3
step db01 "a1 goes, whose child is of the other disk" \
  gives OK write "$db/disks/vda/a1/control/merge" children
check "the others have theirs" all_have_their_bytes vda/one vdb/b1 vda/a2 vdb/b2 vda/a3
step db01 "in the tree b1 goes" gives OK write "$db/.snapshots/b1/control/merge" children
check "also here" prints b2 ls "$db/disks/vdb"
check "and the others have theirs" all_have_their_bytes vda/one vda/a2 vdb/b2 vda/a3
step db01 "of two disks, none is the other's" \
  gives EOPNOTSUPP write "$db/.snapshots/b2/control/merge" parent
step db01 "the last is discarded" rmdir "$db/disks/vda/a3"
step db01 "and the one before" rmdir "$db/disks/vdb/b2"
check "the others have theirs" all_have_their_bytes vda/one vda/a2
v destroy db01
v detach-disk db01 vdb --config >/dev/null
check "a disk is taken out" eventually test ! -e "$db/disks/vdb.xml"
check "nothing is left of it" test ! -e "$db/disks/vdb"

# ---- what is no disk

for image in floppy cd media-vda media-vdb; do make_image "$images/$image.qcow2" 1M; done
machine_xml media vda vdb | sed "s,</devices>,\
<disk type='file' device='floppy'><driver name='qemu' type='qcow2'/>\
<source file='$images/floppy.qcow2'/><target dev='fda' bus='fdc'/></disk>\
<disk type='file' device='cdrom'><driver name='qemu' type='qcow2'/>\
<source file='$images/cd.qcow2'/><target dev='hda' bus='ide'/><readonly/></disk></devices>," \
  >"$work/media.xml"
v define "$work/media.xml" >/dev/null
for state in off running; do
  [ $state = off ] || v start media
  check "$state: with a floppy and a CD" eventually mkdir "$mnt/media/disks/vdb/$state"
  check "$state: it is of the disk alone" prints no xmllint --xpath \
    'string(/*/disks/disk[@name="fda"]/@snapshot)' <(v snapshot-dumpxml media $state)
done
check "both are there" prints $'off\nrunning' ls "$mnt/media/disks/vdb"
check "a machine's disk that it has not" gives ENOENT mkdir "$mnt/media/disks/fda/x"
finish
