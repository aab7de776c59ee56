#!/bin/bash
# Snapshots inside an image beside snapshots in files of their own: whatever goes back or goes away, the
# others hold their bytes.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01
image=$images/web01-vda.qcow2

change "$image" 3 1M
check "inside the image" mkdir "$web/inside"
change "$image" 4 1M
check "in a file of its own" \
  gives OK write "$web/control/create" 'outside --disk-only --diskspec vda,snapshot=external'
cp "$web/.snapshots/outside/disks/vda.raw" "$work/outside.raw"

# The image that it was frozen in would go back, too.
for state in off running; do
  [ $state = off ] || v start web01
  step web01 "$state: back to the one inside is refused" \
    gives EBUSY write "$web/.snapshots/inside/control/revert" 1
  check "$state: with a sentence that says what is to be done" \
    prints_like 'discard outside first' tail -n 1 "$web/control/error"
  check "$state: the machine is as it was" prints "${state/off/shut off}" state_of web01
  check "$state: the other one has its bytes" \
    cmp "$work/outside.raw" "$web/.snapshots/outside/disks/vda.raw"
done

# Inside the file that the other one has put on top, which goes with it.
for state in off running; do
  machine=over-$state over=$mnt/over-$state
  define_machine $machine vda
  [ $state = off ] || v start $machine
  check "$state: in a file of its own" eventually \
    gives OK write "$over/control/create" 'under --disk-only --diskspec vda,snapshot=external'
  check "$state: inside that" mkdir "$over/under/above"
  step $machine "$state: the one below is needed" \
    gives EBUSY write "$over/under/control/discard" keep-children
  check "$state: with a sentence" prints_like 'above needs the file' tail -n 1 "$over/control/error"
  check "$state: the one inside is whole" gives OK write "$over/under/above/control/revert" 1
  step $machine "$state: the record may go" \
    gives OK write "$over/under/control/discard" 'metadata-only'
  check "$state: the file stays" test -e "$images/$machine-vda.under"
done

# Read through a file of one that is no ancestor of it any more.
define_machine moved vda
moved=$mnt/moved
v start moved
for name in one two; do
  check "$name" eventually gives OK write "$moved/control/create" "$name --disk-only"
  machine_writes moved 7 ${#name}M
done
cp "$moved/one/two/disks/vda.raw" "$work/two.raw"
sed '/<parent>/,/<\/parent>/d' "$moved/one/two/snapshot.xml" >"$work/two.xml"
v snapshot-create moved "$work/two.xml" --redefine --disk-only
check "two is a root" eventually test -d "$moved/two"
step moved "one is needed by it" gives EBUSY rmdir "$moved/one"
check "which has its bytes" cmp "$work/two.raw" "$moved/two/disks/vda.raw"

# A clone of what a snapshot has frozen is another machine's disk.
qemu-img create -q -f qcow2 -F qcow2 -b "$images/moved-vda.one" "$images/clone-vda.qcow2"
machine_xml clone vda >"$work/clone.xml" && v define "$work/clone.xml" >/dev/null
cp "$images/moved-vda.one" "$work/one"
step moved "two is not discarded: its file is the clone's" gives EBUSY rmdir "$moved/two"
check "with a sentence" prints_like 'machine clone .* is read through' tail -n 1 "$moved/control/error"
check "three" eventually gives OK write "$moved/control/create" "three --disk-only"
step moved "nor merged" gives EBUSY write "$moved/two/control/merge" children
check "the clone's base is what it was" cmp "$work/one" "$images/moved-vda.one"
v undefine clone
step moved "without the clone it is" gives OK write "$moved/two/control/merge" children

# QEMU itself takes a name for a number as well, and the machine would be stopped before.
define_machine numbers vda
v start numbers
check "called 2" eventually mkdir "$mnt/numbers/2"
check "the second" mkdir "$mnt/numbers/2/b"
step numbers "running: back to 2 is refused" gives EUCLEAN write "$mnt/numbers/2/control/revert" 1
check "it still runs" prints running state_of numbers
finish
