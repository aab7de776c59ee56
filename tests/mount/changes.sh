#!/bin/bash
# What others do in the directory of images appears without remounting.
. "$(dirname "$0")/lib.sh"

make_image "$work/spare.qcow2"
make_image "$store/web01.qcow2"
serve "$store" "$mnt" || exit 1

shows ()
{
  prints "$1" ls "$mnt"
}
snapshots_are ()
{
  prints "$1" ls "$mnt/$2/.snapshots"
}

check "one machine to begin with" shows web01
cp "$work/spare.qcow2" "$store/web02.qcow2"
check "an image copied in" eventually shows $'web01\nweb02'
check "is a domain" test -f "$mnt/web02/info"
cp "$work/spare.qcow2" "$store/web03.part"
mv "$store/web03.part" "$store/web03.qcow2"
check "an image moved in" eventually shows $'web01\nweb02\nweb03'
ls -lR "$mnt" >/dev/null
mv "$store/web03.qcow2" "$store/db01.qcow2"
check "an image renamed" eventually shows $'db01\nweb01\nweb02'
check "its old name is forgotten by the kernel too" eventually gives ENOENT stat "$mnt/web03/info"
exec 8<"$mnt/web02/info"
rm "$store/web02.qcow2"
check "an image removed" eventually shows $'db01\nweb01'
check "what was cached of it is forgotten" eventually gives ENOENT stat "$mnt/web02/info"
# Not with grep, which asks for the state of its input: that may be stale by now.
line=
read -r line <&8
check "a descriptor into it still reads" prints 'name: web02' echo "$line"
exec 8<&-

check "no snapshot to begin with" snapshots_are '' web01
qemu-img snapshot -c theirs "$store/web01.qcow2"
check "a snapshot by qemu-img" eventually snapshots_are theirs web01
check "is in the tree" test -f "$mnt/web01/theirs/snapshot.xml"
check "nobody can write into its texts" prints $'440\n440' \
  stat -c %a "$mnt/web01/theirs/snapshot.xml" "$mnt/web01/theirs/description"
cat "$mnt/web01/theirs/info" >/dev/null
qemu-img snapshot -d theirs "$store/web01.qcow2"
check "removed by qemu-img" eventually snapshots_are '' web01
check "is forgotten by the kernel" eventually gives ENOENT stat "$mnt/web01/theirs/info"

mkdir "$store/two"
cp "$work/spare.qcow2" "$store/two/root.qcow2"
describe ()
{
  cat <<XML
<domain type='kvm'><name>two</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>
<title>$1</title><memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='$store/two/root.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>
XML
}
describe first >"$store/two/domain.xml"
check "a domain described later" eventually shows $'db01\ntwo\nweb01'
check "its description" eventually grep -q first "$mnt/two/domain.xml"
describe second >"$store/two/domain.xml"
check "changed in place" eventually grep -q second "$mnt/two/domain.xml"
describe third >"$work/third.xml"
mv "$work/third.xml" "$store/two/domain.xml"
check "replaced" eventually grep -q third "$mnt/two/domain.xml"
describe fourth | sed 's/1809</1810</' >"$work/fourth.xml"
mv "$work/fourth.xml" "$store/two/domain.xml"
check "by that of another machine" eventually grep -q 1810 "$mnt/two/info"
check "whose description it has" grep -q fourth "$mnt/two/domain.xml"
qemu-img snapshot -c inside "$store/two/root.qcow2"
check "a snapshot inside a disk of it" eventually snapshots_are inside two
rm -r "$store/two"
check "a domain removed" eventually shows $'db01\nweb01'

# Our own changes, seen by those who looked before.
check "current is not there" gives ENOENT stat "$mnt/web01/current"
mkdir "$mnt/web01/base"
check "current is there at once" prints base readlink "$mnt/web01/current"
check "and info knows" prints base field "$mnt/web01/info" current
cat "$mnt/web01/base/snapshot.xml" >/dev/null
echo words >"$mnt/web01/base/description"
check "a description is in the XML at once" grep -q words "$mnt/web01/base/snapshot.xml"
check "with the right size" prints "$(stat -c %s "$mnt/web01/base/snapshot.xml")" eval \
  'wc -c <"$mnt/web01/base/snapshot.xml"'
check "through .snapshots as well" grep -q words "$mnt/web01/.snapshots/base/snapshot.xml"
mkdir "$mnt/web01/.snapshots/next"
check "made through .snapshots, seen in the tree at once" test -d "$mnt/web01/base/next"
ls -R "$mnt/web01" >/dev/null
rmdir "$mnt/web01/.snapshots/next"
check "removed through .snapshots, gone from the tree at once" \
  gives ENOENT stat "$mnt/web01/base/next"
check "current follows at once" prints base readlink "$mnt/web01/current"

# No program is started in between, which would give the kernel time to be told.
never_there_after_its_end ()
{
  local again
  for ((again = 0; again < 50; again++)); do
    mkdir "$mnt/web01/.snapshots/brief"
    [ -e "$mnt/web01/base/brief/info" ] || return
    echo metadata-only >"$mnt/web01/.snapshots/brief/control/discard" || return
    [ ! -e "$mnt/web01/base/brief" ] || return
    [ ! -e "$mnt/web01/.snapshots/brief" ] || return
  done
}
check "what a control file did is seen when its write returns" never_there_after_its_end
finish
