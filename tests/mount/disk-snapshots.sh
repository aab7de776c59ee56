#!/bin/bash
# Snapshots of one disk: disks/vda/NAME, beside the tree of the domain's snapshots.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
web=$mnt/web01
of=$web/disks/vda

make_machine "$image"
serve "$store" "$mnt" || exit 1

now ()
{
  sha256sum <"$web/disks/vda.raw"
}
bytes ()
{
  sha256sum <"$of/$1/vda.raw"
}
same_twice ()
{
  prints "$1" bytes "$2"
}

# ---- taking and looking

check "the directory is there before anything is in it" prints '' ls -A "$of"
check "a snapshot of the domain" mkdir "$web/base"
first=$(now)
check "mkdir takes one of the disk" mkdir "$of/one"
check "it is listed there" prints one ls "$of"
check "with its files" prints $'backup-source.xml\ncontrol\ninfo\nmodified-disk.xml\nvda.raw' \
  ls "$of/one"
check "and its commands" prints $'discard\nhold\nmerge' ls "$of/one/control"
check "and not in the tree" prints $'base\ncontrol\ncurrent\ndisks\ndomain.xml\ninfo' ls "$web"
check "nor in .snapshots" prints base ls "$web/.snapshots"
check "what was current still is" prints base readlink "$web/current"
check "its bytes are the disk's" same_twice "$first" one
change "$image" 9 4M
check "the disk goes on" refused prints "$first" now
check "and the snapshot stays" same_twice "$first" one

for line in 'name one' 'domain web01' 'disk vda' 'method qemu' 'format qcow2' 'quiesced no' 'parent base'; do
  check "info: $line" prints "${line#* }" field "$of/one/info" "${line%% *}"
done
check "the domain's info counts it apart" prints $'1\n1' eval \
  'field "$web/info" snapshots; field "$web/info" disk-snapshots'

source_file ()
{
  xmllint --xpath 'string(/source/@file)' "$of/$1/backup-source.xml"
}
check "backup-source.xml names an image" test -f "$(source_file one)"
check "that nobody may write" prints 0 eval 'echo $(( 0$(stat -c %a "$(source_file one)") & 0222 ))'
qemu-img convert -O raw "$(source_file one)" "$work/backup.raw"
check "and that holds the bytes" prints "$first" eval 'sha256sum <"$work/backup.raw"'
check "modified-disk.xml is the machine's disk" cmp "$of/one/modified-disk.xml" "$web/disks/vda.xml"
check "which is at its path" prints "$image" xmllint --xpath 'string(/disk/source/@file)' \
  "$of/one/modified-disk.xml"

# ---- names

check "one of the name is there already" gives EEXIST mkdir "$of/one"
check "a disk's names are its own" mkdir "$of/base"
check "also when the tree has it" test -d "$web/base/control"
check "an escaped name" mkdir "$of/50%25"
check "holds the true one" prints '50%' field "$of/50%25/info" name
check "a name that is not canonical" gives EINVAL mkdir "$of/50%"
check "a reserved name" gives EINVAL mkdir "$of/info"
check "control/error says of which" grep -q "create disks/vda/info: EINVAL: " "$web/control/error"
check "nothing below one" gives EPERM mkdir "$of/one/x"
check "nothing beside the disks" gives EPERM mkdir "$web/disks/x"
check "mv renames" mv "$of/50%25" "$of/half"
check "and there is the new name" prints $'base\nhalf\none' ls "$of"
check "onto another one" gives EEXIST rename "$of/half" "$of/one"
check "into the tree" gives EPERM rename "$of/half" "$web/half"
check "its bytes cannot be written" gives EACCES open-for-writing "$of/one/vda.raw"
check "nothing can be removed from it" gives EPERM unlink "$of/one/info"

# ---- the tree does not touch them

second=$(bytes half)
mkdir "$web/base/next"
change "$image" 8 5M
mkdir "$of/late"
late=$(now)
check "a revert" eval 'echo 1 >"$web/base/control/revert"'
check "a merge into the parent" eval 'echo parent >"$web/base/next/control/merge"'
check "a discard of all" eval 'echo force >"$web/base/control/discard"'
check "leave none in the tree" prints '' ls "$web/.snapshots"
check "and all of the disk's" prints $'base\nhalf\nlate\none' ls "$of"
check "with their bytes" same_twice "$first" one
check "each" same_twice "$second" half
check "of them" same_twice "$late" late
check "of their parents nothing is said" prints '' field "$of/one/info" parent

# ---- keeping and letting go

exec 8<"$of/half/vda.raw"
check "who reads one keeps it" gives EBUSY rmdir "$of/half"
exec 8<&-
echo 1 >"$of/half/control/hold"
check "so does who holds it" gives EBUSY rmdir "$of/half"
check "info says so" prints yes field "$of/half/info" held
echo 0 >"$of/half/control/hold"
live=$(now)
check "rmdir discards it" rmdir "$of/half"
check "control/discard does" eval 'echo 1 >"$of/base/control/discard"'
check "another word is none" gives EINVAL write "$of/one/control/discard" force
check "merge parent is none" gives EINVAL write "$of/one/control/merge" parent
check "since the revert nothing is read through it, and a merge drops nothing" \
  gives EINVAL write "$of/late/control/merge" children
check "so that it stays" same_twice "$late" late
check "one from which the disk goes on" mkdir "$of/latest"
gone=$(source_file latest)
check "merged, it goes" eval 'echo children >"$of/latest/control/merge"'
check "and its image before the write returns" test ! -e "$gone"
check "the others stay" prints $'late\none' ls "$of"
check "with their bytes" same_twice "$first" one
check "also the one that can only be discarded" same_twice "$late" late
check "which it is" rmdir "$of/late"
check "as does the disk" prints "$live" now
check "every image is sound" all_clean "$store"

# ---- tools that walk

check "find meets each once" prints 1 eval 'find "$mnt" -name one | wc -l'
mkdir "$of/two"
check "tar finds that nothing changes, right after one was taken" \
  tar -SC "$mnt" -cf "$work/all.tar" web01
check "tar has both" prints $'web01/disks/vda/one/vda.raw\nweb01/disks/vda/two/vda.raw' eval \
  'tar -tf "$work/all.tar" | grep "disks/vda/.*raw" | sort'
check "du finds no loop" du -s "$mnt"
number=$(stat -c %i "$of/one" "$of/one/vda.raw" "$of/one/info" "$of")
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"
check "all is there" prints $'one\ntwo' ls "$of"
check "under its numbers" prints "$number" stat -c %i "$of/one" "$of/one/vda.raw" "$of/one/info" "$of"
check "with its bytes" same_twice "$first" one
check "readdir knows whose it is in" prints "$(stat -c %i "$of")" eval \
  'ls -ai "$of/one" | sed -n "s/^ *\([0-9]*\) \.\.$/\1/p"'

# ---- others' changes, and a disk that goes

start_machine
check "while the machine runs" gives EBUSY mkdir "$of/three"
check "they can be read" same_twice "$first" one
stop_machine
in_removed ()
{
  cd "$of/two" && gives OK rmdir "$of/two" && gives ENOENT stat info && prints '' ls -A
}
check "who stands in one that goes finds nothing" in_removed
cd /
check "the other stays" prints one ls "$of"
check "unmounting once more" unserve "$mnt"

mkdir "$store/pair"
make_image "$store/pair/a.qcow2"
make_image "$store/pair/b.qcow2"
describe ()
{
  local disk
  echo "<domain type='kvm'><name>pair</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>"
  echo "<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>"
  for disk in "$@"; do
    echo "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
    echo "<source file='$store/pair/$disk.qcow2'/><target dev='vd$disk' bus='virtio'/></disk>"
  done
  echo "</devices></domain>"
}
describe a b >"$store/pair/domain.xml"
check "mounting with two disks" serve "$store" "$mnt"
pair=$mnt/pair/disks
check "both may have one of a name" mkdir "$pair/vda/same" "$pair/vdb/same"
check "of one disk each" prints $'vda.raw\nvdb.raw' eval \
  'ls "$pair/vda/same" "$pair/vdb/same" | grep raw'
describe a >"$store/pair/domain.xml"
check "a disk is taken out" eventually test ! -e "$pair/vdb.xml"
check "its snapshots stay" prints same ls "$pair/vdb"
check "and can be read" cmp "$pair/vda/same/vda.raw" "$pair/vdb/same/vdb.raw"
check "no other can be taken" gives EINVAL mkdir "$pair/vdb/more"
check "the last one is discarded" rmdir "$pair/vdb/same"
check "and the directory goes with it" prints $'vda\nvda.method\nvda.raw\nvda.xml' ls "$pair"
describe a b >"$store/pair/domain.xml"
check "the disk comes back" eventually test -e "$pair/vdb.xml"
check "and its directory" test -d "$pair/vdb"
describe a >"$store/pair/domain.xml"
check "without snapshots it is taken out again" eventually test ! -e "$pair/vdb.xml"
check "and nobody finds its directory" eventually test ! -e "$pair/vdb"
check "nothing is left over" nothing_left_over "$store"
finish
