# What the proofs share that nothing is lost (findings.sh, lost-data.sh, space.sh): the bytes of every
# snapshot remembered and compared, whole stores looked through, and file systems that lose their power.
# shellcheck shell=bash
. "$(dirname "$0")/lib.sh"
VMSNAP=${VMSNAP:-$(dirname "$VMSNAPFS")/../tools/vmsnap}

dom=$mnt/web01
image=$store/web01.qcow2

# ---- stores

# An empty store that nobody serves.
empty_store ()
{
  [ -z "${daemons[$mnt]:-}" ] || unserve "$mnt"
  chmod -R u+w "$store"
  rm -rf "${store:?}"/* "$store"/.vmsnapfs*
}
serve_store ()
{
  serve "$store" "$mnt"
}
# The machine web01 with one disk, and what a test begins with: base and its child leaf.
store_of_two ()
{
  empty_store
  make_image "$image" 1M
  change "$image" 1 0
  serve_store && mkdir "$dom/base" && change "$image" 2 128k && mkdir "$dom/base/leaf" &&
    change "$image" 3 256k
}
# The machine $1 with its disks in a directory of its own: the rest, TARGET=BYTES each.
make_several ()
{
  local name=$1 disk
  shift
  mkdir "$store/$name"
  {
    echo "<domain type='kvm'><name>$name</name><uuid>$(cat /proc/sys/kernel/random/uuid)</uuid>"
    echo "<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>"
    for disk; do
      echo "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
      echo "<source file='$store/$name/${disk%=*}.qcow2'/><target dev='${disk%=*}' bus='virtio'/></disk>"
    done
    echo "</devices></domain>"
  } >"$store/$name/domain.xml"
  for disk; do
    make_image "$store/$name/${disk%=*}.qcow2" "${disk#*=}"
  done
}
# Writes the byte $2 at $3 of every disk of the machine $1.
change_several ()
{
  local disk
  for disk in "$store/$1"/vd?.qcow2; do
    change "$disk" "$2" "$3" || return 1
  done
}

# ---- bytes

# A line for each disk of every snapshot, and for each live disk: its place below the mount and its sum.
sums ()
{
  local file
  for file in "$mnt"/*/.snapshots/*/disks/*.raw "$mnt"/*/disks/*.raw; do
    [ ! -e "$file" ] || printf '%s %s\n' "${file#"$mnt"/}" "$(sha256sum <"$file")"
  done | sort
}
remember ()
{
  sums >"$work/remembered"
}
# All that was remembered has the bytes that it had, but what is below the arguments.
kept ()
{
  local line but lost=0
  sums >"$work/now"
  while IFS= read -r line; do
    for but; do
      [[ $line != "$but"/* ]] || continue 2
    done
    echo "lost: $line"
    lost=1
  done < <(comm -23 "$work/remembered" "$work/now")
  return "$lost"
}
# The same after a remount, of a store that is sound.
lasts ()
{
  come_to_rest && is_sound && serve_store && kept "$@"
}
# Unmounts when nothing is being tidied: what unmounting interrupts is only repaired by the next mount.
come_to_rest ()
{
  local round
  for round in {1..10}; do
    PATIENCE=60 eventually is_at_rest || return 1
    unserve "$mnt" || return 1
    ! nothing_prepared "$store" || return 0
    serve_store || return 1
  done
  echo "tidying has not ended in $round mounts"
  return 1
}
is_at_rest ()
{
  # Tidying begins when a domain is looked at, and so does what a mount has to repair.
  ! grep -h ' running ' "$mnt"/*/control/jobs && nothing_prepared "$store"
}
is_sound ()
{
  all_clean "$store" && "$VMSNAP" check "$store"
}
sum_of ()
{
  sha256sum <"$dom/.snapshots/$1/disks/vda.raw"
}
live_sum ()
{
  sha256sum <"$dom/disks/vda.raw"
}
same_sum ()
{
  prints "$1" sum_of "$2"
}
same_live ()
{
  prints "$1" live_sum
}
# The whole of $2 reads as the byte $3 for 64 KiB from $1 on, as qemu-io tells.
reads_as ()
{
  local said
  said=$(despite_tidying qemu-io -r -f qcow2 -c "read -P $3 $1 64k" "$2" 2>&1)
  ! grep -q 'verification failed' <<<"$said" && grep -q '^read 65536/65536' <<<"$said"
}
order ()
{
  "$ERRNO" write "$dom/.snapshots/$1/control/$2" "$3"
}
# $1: OK or an errno; the rest: as order.
ordered ()
{
  local expected=$1
  shift
  prints "$expected" order "$@"
}
created ()
{
  gives "$1" write "$dom/control/create" "$2"
}
names ()
{
  ls "$dom/.snapshots"
}
current ()
{
  basename "$(readlink "$dom/current")" .
}
last_error ()
{
  prints_like " $1: " tail -n 1 "$dom/control/error"
}

# ---- a daemon that is killed

# Attaches strace to the daemon; the rest: its options.
trace_daemon ()
{
  strace -f -q -o "$work/trace" -p "${daemons[$mnt]}" "$@" 2>"$work/strace.log" &
  tracer=$!
  eventually is_traced "${daemons[$mnt]}"
}
is_traced ()
{
  local status
  for status in "/proc/$1/task/"*/status; do
    ! grep -q '^TracerPid:[[:space:]]*0$' "$status" || return 1
  done
}
# Ends the daemon as a crash does, what it left mounted, and the tracer.
crash_daemon ()
{
  local pid=${daemons[$mnt]}
  unset "daemons[$mnt]"
  kill -KILL "$pid" 2>/dev/null
  wait "$pid" 2>/dev/null
  [ -z "${tracer:-}" ] || wait "$tracer" 2>/dev/null
  tracer=
  umount -l "$mnt" 2>/dev/null || fusermount3 -q -u -z "$mnt"
}

# ---- a file system whose power is cut

can_mount_files ()
{
  [ "$(id -u)" = 0 ] && [ -e /dev/loop-control ] && command -v mkfs.ext4 >/dev/null
}
can_cut_power ()
{
  can_mount_files && command -v xfs_io >/dev/null
}
# An ext4 of $1 bytes at $store; its loop device ends with the mount.
mount_store ()
{
  truncate -s "$1" "$work/disk" && mkfs.ext4 -q -F "$work/disk" && mount -o loop "$work/disk" "$store"
}
unmount_store ()
{
  [ -z "${daemons[$mnt]:-}" ] || unserve "$mnt"
  umount "$store" && rm "$work/disk"
}
# What was not made durable is gone, as after a power cut; then the machine is started again.
cut_power ()
{
  xfs_io -x -c shutdown "$store" || return 1
  [ -z "${daemons[$mnt]:-}" ] || crash_daemon
  umount "$store" && mount -o loop "$work/disk" "$store"
}
