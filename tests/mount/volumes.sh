#!/bin/bash
# Disks that are logical volumes, snapshotted by LVM's commands: which devices are disks at all, all
# operations, commands that fail, and a daemon that is killed in the middle. Scripts on loop devices stand
# for LVM (tests/fake-lvm); what it does itself is tests/guest's matter.
if [ -z "${VOLUMES_OF_OUR_OWN:-}" ]; then
  [ "$(id -u)" = 0 ] || { echo "# skipped: only root can attach loop devices"; exit 77; }
  [ -e /dev/loop-control ] || { echo "# skipped: there are no loop devices"; exit 77; }
  VOLUMES_OF_OUR_OWN=yes exec unshare -m --propagation slave "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

names=$(mktemp -d /dev/vmsnapfs-test-XXXXXX)
state=$work/lvm
group=${names##*/}
db=$mnt/db01
leave ()
{
  local link
  clean_up
  for link in "$names"/*; do
    [ ! -b "$link" ] || losetup -d "$(readlink "$link")"
  done
  rm -rf "$names"
}
trap leave EXIT
chmod 755 "$names"

# The programs, and what the kernel would say, where the daemon looks for them.
mkdir -p "$state/sys" "$state/volumes" "$work/bin" "$store/db01"
printf 'state=%s names=%s group=%s\n' "$state" "$names" "$group" >"$work/bin/.state"
for command in lvs lvcreate lvchange lvremove; do
  ln -s "$(realpath "$here/../fake-lvm")" "$work/bin/$command"
done
mount --bind "$work/bin" /usr/local/sbin
mount --bind "$state/sys" /sys/dev/block
PATH=/usr/local/sbin:$PATH

behaves () { printf '%s\n' "$1" >"$state/mood"; }
describe ()
{
  local source
  echo "<domain type='kvm'><name>db01</name><uuid>c0ffee00-edaf-9455-926a-d65c16db1809</uuid>"
  echo "<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>"
  for target in vda vdb; do
    [ $target = vda ] && source=$1 || source=$2
    echo "<disk type='block' device='disk'><driver name='qemu' type='raw'/>"
    echo "<source dev='$source'/><target dev='$target' bus='virtio'/></disk>"
  done
  echo "</devices></domain>"
}
write_all ()
{
  despite_tidying qemu-io -f raw -c "write -q -P $1 $2 64k" "$names/root" &&
    despite_tidying qemu-io -f raw -c "write -q -P $1 $2 64k" "$names/data"
}
keep_all ()
{
  cp "$names/root" "$work/$1-vda" && cp "$names/data" "$work/$1-vdb"
}
are () { cmp "$1/disks/vda.raw" "$work/$2-vda" && cmp "$1/disks/vdb.raw" "$work/$2-vdb"; }
devices_are () { cmp "$names/root" "$work/$1-vda" && cmp "$names/data" "$work/$1-vdb"; }
# How many snapshots LVM has.
kept () { find "$state/volumes" -name 'vmsnapfs-*' | wc -l; }
keeps () { [ "$(kept)" = "$1" ]; }
sentence () { tail -n 1 "$db/control/error"; }
with_lvm () { serve "$store" "$mnt" -o "allow=$names"; }

lvcreate --yes --name root --size 8M "$group"
lvcreate --yes --name data --virtualsize 8M --thinpool pool "$group"
write_all 1 1M

# ---- which devices are disks

describe "$names/root" "$names/data" >"$store/db01/domain.xml"
check "no device is a disk" serve "$store" "$mnt"
check "that the one who mounts has not allowed" gives EOPNOTSUPP mkdir "$db/x"
check "which is said" prints_like 'outside of the store; give its directory' sentence
check "nothing of it is shown" refused test -e "$db/disks/vda.raw"
unserve "$mnt"
describe "$(realpath "$names/root")" "$names/data" >"$store/db01/domain.xml"
check "where a group is allowed" with_lvm
check "others are not" gives EOPNOTSUPP mkdir "$db/x"
check "nothing of those is shown" refused test -e "$db/disks/vda.raw"
unserve "$mnt"
describe "$names/root" "$names/data" >"$store/db01/domain.xml"
with_lvm
keep_all live
check "the others are read as they are" are "$db" live
check "as large as they are" prints 8388608 stat -c %s "$db/disks/vda.raw"
check "LVM is their default" prints "<diskSnapshot method='lvm'/>" cat "$db/disks/vda.method"
check "and all that there is" prints_like '^methods: vdb lvm$' cat "$db/info"
own="<diskSnapshot method='lvm'><device path='$names/root'/></diskSnapshot>"
other="<diskSnapshot method='lvm'><device path='$names/data'/></diskSnapshot>"
check "their own volume may be named" bash -c 'echo "$1" >"$2"' - "$own" "$db/disks/vda.method"
check "another may not" gives EOPNOTSUPP write "$db/disks/vda.method" "$other"
check "which is said" prints_like "$names/data is not the disk vda" sentence
check "no overlay takes their place" gives EOPNOTSUPP write "$db/disks/vda.method" qemu

# ---- all operations

check "a snapshot is taken" mkdir "$db/base"
keep_all base
write_all 2 2M
check "and a second" mkdir "$db/base/leaf"
keep_all leaf
write_all 3 3M
check "of both disks" keeps 4
check "the first is as it was" are "$db/base" base
check "and the second" are "$db/base/leaf" leaf
check "it is a device" prints_like "<source dev=\"$names/vmsnapfs-" cat "$db/base/disks/vda.xml"
check "a backup is told of it" bash -c "mkdir '$db/disks/vda/alone' &&
  grep -q '<source dev=\"$names/vmsnapfs-' '$db/disks/vda/alone/backup-source.xml'"
check "what it is is removed with it" bash -c "rmdir '$db/disks/vda/alone'"
check "at the latest after a while" eventually keeps 4
check "the first is brought back" bash -c "echo 1 >'$db/base/control/revert'"
check "to the devices" devices_are base
check "the second is as it was" are "$db/base/leaf" leaf
check "the present is saved on the way" bash -c "echo save now >'$db/base/leaf/control/revert'"
check "as it was" are "$db/base/now" base
check "and the second brought back" devices_are leaf
check "what was saved is discarded" rmdir "$db/base/now"
check "a merge" bash -c "echo parent >'$db/base/leaf/control/merge'"
check "leaves the parent with its bytes" are "$db/base" leaf
check "the rest is removed" eventually keeps 2
# Each operation interrupts the tidying before it while that asks what there is.
behaves '[ $me != lvs ] || sleep 0.05'
for _ in {1..20}; do
  mkdir "$db/.snapshots/again" && rmdir "$db/.snapshots/again"
done
check "what is taken and dropped all the time does not pile up" test "$(kept)" -lt 24
behaves ''
check "and is removed" eventually keeps 2
unserve "$mnt"
check "the store is sound" "$VMSNAP" check --allow "$names" "$store"
with_lvm

# ---- what uses a disk

exec 5<>"$names/root"
check "what somebody may write to is busy" gives EBUSY mkdir "$db/.snapshots/x"
check "which is said" prints_like 'has it open for writing' sentence
exec 5>&-
image=$names/root
qemu-io -f raw -c "sleep 3000" "$names/root" >"$work/machine.log" 2>&1 &
machine=$!
has_it () { ls -l "/proc/$machine/fd" | grep -q "$(readlink "$names/root")\$"; }
eventually has_it
check "a machine's disk as well" gives EBUSY mkdir "$db/.snapshots/x"
wait "$machine"
exec 6<"$db/base/disks/vda.raw"
check "what is read stays" gives EBUSY rmdir "$db/base"
exec 6>&-

# ---- commands that fail

behaves "[ \$me != lvcreate ] || { echo '  Volume group has insufficient free space' >&2; exit 5; }"
check "a group that is full has no room" gives ENOSPC mkdir "$db/.snapshots/x"
behaves "case \"\$me \$*\" in lvcreate*/data) exit 5 ;; esac"
check "one of two is none" gives EIO mkdir "$db/.snapshots/x"
check "and is removed" eventually keeps 2
behaves :
mkdir "$db/.snapshots/y"
behaves "[ \$me != lvremove ] || { echo '  Logical volume in use.' >&2; exit 5; }"
check "what cannot be removed" rmdir "$db/.snapshots/y"
check "is told" eventually grep -q '^untidy: .*in use' "$db/info"
behaves :
PATIENCE=90 check "and tried again" eventually keeps 2

# ---- a daemon that is killed

behaves "[ \$me != lvcreate ] || { : >\$state/going; sleep 1; }"
mkdir "$db/.snapshots/killed" 2>/dev/null &
until [ -e "$state/going" ]; do sleep 0.05; done
kill -9 "${daemons[$mnt]}"
wait "${daemons[$mnt]}"
umount -l "$mnt"
check "a command is not killed with it" eventually keeps 3
rm "$state/going"
behaves :
check "the next mount" with_lvm
check "has no such snapshot" refused test -e "$db/.snapshots/killed"
check "and removes what there is of it" eventually keeps 2
check "what was there is as it was" are "$db/base" leaf

# $1: a call of which the $2-th is the daemon's last; the rest: a command meanwhile. FALSE: it lives. Else
# the store is mounted again.
killed_at ()
{
  local call=$1 when=$2 daemon=${daemons[$mnt]} tracer
  shift 2
  # It has been seen to wait for ever for a thread that was killed.
  timeout --foreground -s KILL 60 strace -f -qq -o "$work/trace" -e trace="$call" \
    -e inject="$call:signal=KILL:when=$when" -p "$daemon" 2>/dev/null &
  tracer=$!
  eventually grep -q '^TracerPid:[[:space:]]*[1-9]' "/proc/$daemon/status"
  "$@" 2>/dev/null
  kill "$tracer" 2>/dev/null
  wait "$tracer"
  ! grep -qs '^State:[[:space:]]*[^ZX]' "/proc/$daemon/status" || return 1
  wait "$daemon"
  umount -l "$mnt"
  with_lvm
}
revert_base () { bash -c "echo 1 >'$db/base/control/revert'"; }
whole_or_absent ()
{
  eventually nothing_prepared "$store" || return 1
  [ -d "$db/.snapshots/swept" ] || { eventually keeps 2; return; }
  are "$db/.snapshots/swept" live && keeps 4
}
one_or_the_other () { eventually nothing_prepared "$store" && { devices_are leaf || devices_are live; }; }

write_all 7 4M
write_all 8 6M
keep_all live
if command -v strace >/dev/null; then
  # LeakSanitizer cannot run under a tracer.
  export LSAN_OPTIONS=$LSAN_OPTIONS:detect_leaks=0
  for call in fsync renameat; do
    when=1
    while [ $when -lt 60 ] && killed_at $call $when mkdir "$db/.snapshots/swept"; do
      check "killed at $call $when, a snapshot is whole or absent" whole_or_absent
      [ ! -d "$db/.snapshots/swept" ] || rmdir "$db/.snapshots/swept"
      eventually keeps 2
      when=$((when + 4))
    done
    check "it was killed at some" [ $when -gt 2 ]
    rmdir "$db/.snapshots/swept"
    eventually keeps 2
  done
  for call in pwrite64 fsync renameat; do
    when=1
    while [ $when -lt 60 ] && killed_at $call $when revert_base; do
      check "killed at $call $when, the disks are what they were or the snapshot's" one_or_the_other
      check "which is as it was" are "$db/base" leaf
      write_all 7 4M
      write_all 8 6M
      when=$((when + 2))
    done
    check "it was killed at some" [ $when -gt 1 ]
    check "at last it is whole" devices_are leaf
    write_all 7 4M
    write_all 8 6M
  done
fi

# ---- what nobody may make us do

id=$(sed -n 's/.*\(vmsnapfs-[0-9a-f-]*\).*/\1/p' "$db/base/disks/vda.xml" | head -n 1)
sed -i 's/"lv_tags":"[^"]*"/"lv_tags":"mine"/' "$state/volumes/$id"
: >"$state/log"
check "a volume without our tag" bash -c "rmdir '$db/base'"
check "is told of" eventually grep -q '^untidy: .*left alone' "$db/info"
check "and left alone" test -e "$names/$id"
check "nobody tries" refused grep -q "^lvremove .*$id" "$state/log"
finish
