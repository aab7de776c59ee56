#!/bin/bash
# Disks that LVM or ZFS snapshots, on a real mount: inside a guest, in the group of tests/guest/on-lvm or in the
# pool of tests/guest/on-zfs.
#
#   tests/guest/storage.sh lvm|zfs [brief]
#
# In brief it is as much as CI has time for: a command of LVM's takes a second under TCG. One disk of the machine is a classic volume, or one of ZFS's; the other a thin volume, or a file in a data set.
. "$(dirname "$0")/../mount/lib.sh"

kind=$1 brief=${2:-}
db=$mnt/db01
PATIENCE=120 # seconds, for a busy host

case $kind in
lvm)
  group=${CONTRACT_VOLUMES:?is the directory of a volume group: see tests/guest/on-lvm}
  name=${group##*/}
  first=$group/root second=$group/data
  allowed=("$group")
  lvcreate -q -y -L 8M -n root "$name" >/dev/null
  lvcreate -q -y -V 8M -T "$name/pool" -n data >/dev/null
  second_disk="<disk type='block' device='disk'><driver name='qemu' type='raw'/><source dev='$second'/>"
  # How many snapshots the store has there.
  snapshots ()
  {
    lvs --noheadings -o lv_name --select 'lv_tags = vmsnapfs' "$name" | wc -l
  }
  # There is one extent: LVM would make a snapshot of it, which would be full sooner or later.
  fill ()
  {
    lvcreate -q -y -l $(($(vgs --noheadings -o vg_free_count "$name") - 1)) -n full "$name"
  }
  make_room ()
  {
    lvremove -q -y "$name/full"
  }
  remove_disks ()
  {
    lvremove -q -y "$name/root" "$name/data"
  }
  ;;
zfs)
  pool=${ZFS_POOL:?is the name of a pool: see tests/guest/on-zfs}
  first=/dev/zvol/$pool/root second=/$pool/files/data.raw
  allowed=("/dev/zvol/$pool" "/$pool/files")
  zfs create -V 8M "$pool/root"
  zfs create "$pool/files"
  truncate -s 8M "$second"
  eventually test -b "$first"
  second_disk="<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='$second'/>"
  snapshots ()
  {
    zfs list -H -r -t snapshot -o name "$pool" | grep -c '@vmsnapfs-'
  }
  # All of a volume has its room set aside; what a snapshot keeps of it wants as much again.
  fill ()
  {
    local available
    dd if=/dev/urandom of="$first" bs=1M count=6 conv=fsync status=none
    zpool sync "$pool"
    available=$(zfs get -H -p -o value available "$pool")
    zfs create -o refreservation=$((available - (2 << 20))) "$pool/full"
  }
  make_room ()
  {
    zfs destroy "$pool/full"
  }
  remove_disks ()
  {
    eventually zfs destroy "$pool/root" && eventually zfs destroy "$pool/files"
  }
  ;;
esac

options=$(printf 'allow=%s,' "${allowed[@]}")
mkdir "$store/db01"
cat >"$store/db01/domain.xml" <<XML
<domain type='kvm'><name>db01</name><uuid>c0ffee00-edaf-9455-926a-d65c16db1810</uuid>
<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='block' device='disk'><driver name='qemu' type='raw'/>
<source dev='$first'/><target dev='vda' bus='virtio'/></disk>
$second_disk<target dev='vdb' bus='virtio'/></disk>
</devices></domain>
XML

# What a machine writes: the byte $1 at $2 of both disks.
write_both ()
{
  despite_tidying qemu-io -f raw -c "write -q -P $1 $2 64k" "$first" &&
    despite_tidying qemu-io -f raw -c "write -q -P $1 $2 64k" "$second"
}
# The present bytes, as $1.
keep_both ()
{
  cp "$first" "$work/$1-vda" && cp "$second" "$work/$1-vdb"
}
# The disks below $1 are those that were kept as $2.
are ()
{
  cmp "$1/disks/vda.raw" "$work/$2-vda" && cmp "$1/disks/vdb.raw" "$work/$2-vdb"
}
sentence ()
{
  tail -n 1 "$db/control/error"
}
check_store ()
{
  local allow=() place
  for place in "${allowed[@]}"; do
    allow+=(--allow "$place")
  done
  "$VMSNAP" check "${allow[@]}" "$store"
}
# Kills the daemon and mounts again.
after_a_kill ()
{
  kill -KILL "${daemons[$mnt]}"
  wait "${daemons[$mnt]}" 2>/dev/null
  unset "daemons[$mnt]"
  umount -l "$mnt"
  serve "$store" "$mnt" -o "$options"
}
# All that is listed can be read, and in the storage is one for each disk of it and no other.
is_whole ()
{
  local snapshot count=0
  for snapshot in "$db/.snapshots"/*; do
    cat "$snapshot/disks/vda.raw" "$snapshot/disks/vdb.raw" >/dev/null || return 1
    count=$((count + 2))
  done
  eventually prints "$count" snapshots
}

# ---- the longer parts

more_of_it ()
{
  write_both 3 5M
  keep_both next
  check "a second one" mkdir "$db/base/next"
  check "is read as it was" are "$db/base/next" next
  check "a disk by itself" mkdir "$db/disks/vdb/alone"
  check "is read as it is" cmp "$db/disks/vdb/alone/vdb.raw" "$work/next-vdb"
  check "it is removed" rmdir "$db/disks/vdb/alone"
  check "a revert that saves" gives OK write "$db/base/control/revert" 'save saved'
  check "leaves the others as they are" eval 'are "$db/base/next" next && are "$db/.snapshots/saved" next'
  check "a merge" gives OK write "$db/.snapshots/saved/control/merge" parent
  check "gives the parent its bytes" eventually are "$db/base/next" next
  check "it is discarded" gives OK write "$db/base/next/control/discard" 1
  check "those are left that are needed" eventually prints 2 snapshots
}

killed_at_work ()
{
  local delay asked
  for delay in 0.1 0.5 1.5 4; do
    mkdir "$db/.snapshots/killed-$delay" 2>/dev/null &
    asked=$!
    sleep "$delay"
    check "killed $delay s after a snapshot was asked for, it starts" after_a_kill
    wait "$asked"
    check "the state is whole" is_whole
    check "what was there still is" are "$db/base" base
  done
}

in_use ()
{
  check "a volume that the host has mounted" eval 'mke2fs -q -F -t ext4 "$first" && mount "$first" /mnt'
  check "is not snapshotted" gives EBUSY mkdir "$db/.snapshots/busy"
  check "and it is said why" prints_like 'in use by the host' sentence
  umount /mnt
}

# ---- as it should be

check "mounting" serve "$store" "$mnt" -o "$options" || finish
check "a disk's method is what it is on" grep -q "'$kind'" "$db/disks/vda.method"
check "as is that of the other" grep -q "'$kind'" "$db/disks/vdb.method"
write_both 1 1M
keep_both base
check "a snapshot" mkdir "$db/base"
check "there is one of each disk" prints 2 snapshots
write_both 2 1M
check "it is read as it was, whatever is written since" are "$db/base" base
check "a revert" gives OK write "$db/base/control/revert" 1
check "sets both disks back" eval 'cmp "$first" "$work/base-vda" && cmp "$second" "$work/base-vdb"'
[ -n "$brief" ] || more_of_it

# ---- killed

check "after a kill -9 it starts" after_a_kill
check "and all is there" are "$db/base" base
[ -n "$brief" ] || killed_at_work

# ---- refused

[ -n "$brief" ] || in_use
count=$(snapshots)
check "where there is no room" fill
check "there is no snapshot" gives ENOSPC mkdir "$db/.snapshots/full"
check "and it is said why" prints_like 'ENOSPC: .*(less room|out of space)' sentence
check "nothing is left of it" eventually prints "$count" snapshots
check "nor in the tree" refused ls "$db/.snapshots/full"
check "with room" make_room
[ -n "$brief" ] || check "there is one again" mkdir "$db/.snapshots/later"

# ---- the end

for snapshot in "$db/.snapshots"/*; do
  check "discarding ${snapshot##*/}" gives OK write "$snapshot/control/discard" keep-children
done
check "leaves nothing in the storage" eventually prints 0 snapshots
check "unmounting" unserve "$mnt"
check "the store is sound" check_store
check "the disks are in nobody's way" remove_disks
finish
