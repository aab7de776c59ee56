#!/bin/bash
# kill -9 in the middle of each operation, then a remount: every acknowledged snapshot is there with
# equal bytes, every other is wholly there or wholly absent, and nothing is left over.
#
# strace is attached to the daemon and kills it, or the qemu-img under it, at the N-th call of one
# kind. It counts per call and per thread, so each call is swept by itself. A first run of each
# operation without killing says how many calls there are: those are the points. A normal run takes
# an even sample of them; LONG=1 takes every one.
. "$(dirname "$0")/lib.sh"

command -v strace >/dev/null || skip_all "there is no strace"
# LeakSanitizer cannot run under a tracer.
export LSAN_OPTIONS=$LSAN_OPTIONS:detect_leaks=0 ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0

CALLS="openat write pwrite64 ftruncate fsync fdatasync fchmod fchmodat link linkat
  rename renameat renameat2 unlink unlinkat execve"
SAMPLE=18

domain=$mnt/db01
disks=

# ---- stores to begin with: base and base/leaf, on one disk and on two

describe_domain ()
{
  local disk
  echo "<domain type='kvm'><name>db01</name><uuid>c7a5fdbd-edaf-9455-926a-d65c16db1809</uuid>"
  echo "<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>"
  for disk in $disks; do
    echo "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
    echo "<source file='$store/db01/$disk.qcow2'/><target dev='$disk' bus='virtio'/></disk>"
  done
  echo "</devices></domain>"
}

# Makes it in $store and moves it to $1; beside it, the sums of every state on every disk.
make_seed ()
{
  local seed=$1 disk
  rm -rf "$store"
  mkdir -p "$store/db01" "$seed/sums"
  for disk in $disks; do
    make_image "$store/db01/$disk.qcow2" 1M
  done
  describe_domain >"$store/db01/domain.xml"
  serve "$store" "$mnt" || exit 1
  change_all 1
  mkdir "$domain/base" || exit 1
  remember "$seed" base
  change_all 2
  mkdir "$domain/base/leaf" || exit 1
  remember "$seed" leaf
  change_all 3
  remember "$seed" live
  unserve "$mnt"
  mv "$store" "$seed/store"
}
change_all ()
{
  local disk
  for disk in $disks; do
    change "$store/db01/$disk.qcow2" "$1" $(($1 * 128))k
  done
}
remember ()
{
  local disk
  for disk in $disks; do
    sum_of "$store/db01/$disk.qcow2" >"$1/sums/$2-$disk"
  done
}
sum_of ()
{
  despite_tidying qemu-img convert -f qcow2 -O raw "$1" "$work/raw" && sha256sum <"$work/raw"
}

# The snapshot $1 has the bytes remembered as $2, on every disk.
snapshot_has ()
{
  local disk
  for disk in $disks; do
    [ "$(sum_of "$(frozen_image "$domain/.snapshots/$1" "$disk")")" = \
      "$(cat "$seed/sums/$2-$disk")" ] || { echo "$1 has not the bytes of $2 on $disk"; return 1; }
  done
}
live_has ()
{
  local disk
  for disk in $disks; do
    [ "$(sum_of "$store/db01/$disk.qcow2")" = "$(cat "$seed/sums/$1-$disk")" ] ||
      { echo "the live disk has not the bytes of $1 on $disk"; return 1; }
  done
}

# ---- the operations: do it, and what must hold before ($1 = old) and after it ($1 = new)

do_create ()
{
  "$ERRNO" mkdir "$domain/.snapshots/new"
}
state_create ()
{
  case $1 in
    old) [ ! -e "$domain/.snapshots/new" ] && [ "$(readlink "$domain/current")" = base/leaf ] ;;
    new) [ "$(readlink "$domain/current")" = base/leaf/new ] && snapshot_has new live ;;
  esac && snapshot_has base base && snapshot_has leaf leaf && live_has live
}
do_revert ()
{
  "$ERRNO" write "$domain/base/control/revert" 1
}
state_revert ()
{
  case $1 in
    old) [ "$(readlink "$domain/current")" = base/leaf ] && live_has live ;;
    new) [ "$(readlink "$domain/current")" = base ] && live_has base ;;
  esac && snapshot_has base base && snapshot_has leaf leaf
}
do_save ()
{
  "$ERRNO" write "$domain/base/control/revert" 'save kept'
}
state_save ()
{
  case $1 in
    old) [ ! -e "$domain/.snapshots/kept" ] && [ "$(readlink "$domain/current")" = base/leaf ] &&
      live_has live ;;
    new) [ "$(readlink "$domain/current")" = base ] && live_has base && snapshot_has kept live ;;
  esac && snapshot_has base base && snapshot_has leaf leaf
}
do_discard ()
{
  "$ERRNO" rmdir "$domain/base/leaf"
}
state_discard ()
{
  case $1 in
    old) [ "$(readlink "$domain/current")" = base/leaf ] && snapshot_has leaf leaf ;;
    new) [ ! -e "$domain/base/leaf" ] && [ "$(readlink "$domain/current")" = base ] ;;
  esac && snapshot_has base base && live_has live
}
do_merge ()
{
  "$ERRNO" write "$domain/base/leaf/control/merge" parent
}
state_merge ()
{
  case $1 in
    old) [ "$(readlink "$domain/current")" = base/leaf ] && snapshot_has base base &&
      snapshot_has leaf leaf ;;
    new) [ ! -e "$domain/base/leaf" ] && [ "$(readlink "$domain/current")" = base ] &&
      snapshot_has base leaf ;;
  esac && live_has live
}
do_push ()
{
  "$ERRNO" write "$domain/base/control/merge" children
}
state_push ()
{
  case $1 in
    old) [ "$(readlink "$domain/current")" = base/leaf ] && snapshot_has base base ;;
    new) [ ! -e "$domain/base" ] && [ "$(readlink "$domain/current")" = leaf ] ;;
  esac && snapshot_has leaf leaf && live_has live
}
do_describe ()
{
  "$ERRNO" write "$domain/base/leaf/description" 'new words'
}
state_describe ()
{
  case $1 in
    old) [ "$(cat "$domain/base/leaf/description")" = '' ] ;;
    new) [ "$(cat "$domain/base/leaf/description")" = 'new words' ] ;;
  esac && snapshot_has base base && snapshot_has leaf leaf && live_has live
}
do_rename ()
{
  "$ERRNO" rename "$domain/base/leaf" "$domain/base/renamed"
}
state_rename ()
{
  case $1 in
    old) [ ! -e "$domain/base/renamed" ] && snapshot_has leaf leaf ;;
    new) [ ! -e "$domain/base/leaf" ] && snapshot_has renamed leaf ;;
  esac && snapshot_has base base && live_has live
}

# ---- one point

# A daemon on a fresh copy of the seed, with strace attached to it; the rest: strace's options.
start_traced ()
{
  rm -rf "$store"
  cp -a "$seed/store" "$store"
  serve "$store" "$mnt" || return 1
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

# How often each call is made by one thread, at most: lines of "DISKS OPERATION CALL NUMBER".
count_points ()
{
  local operation=$1
  start_traced -e trace="$(tr -s ' \n' ',' <<<"$CALLS" | sed 's/,$//')" -e signal=none || return 1
  [ "$("do_$operation")" = OK ] || { echo "$operation does not work"; return 1; }
  unserve "$mnt"
  wait "$tracer"
  sed -nE 's/^([0-9]+) +([a-z0-9]+)\(.*/\1 \2/p' "$work/trace" | sort | uniq -c |
    awk -v OFS='\t' -v disks="${disks/ /,}" -v operation="$operation" '
      $1 > most[$3] { most[$3] = $1 }
      END { for (call in most) for (n = 1; n <= most[call]; n++) print disks, operation, call, n }' |
    sort -k 3,3 -k 4,4n >>"$work/points"
}

# Does the operation with the daemon killed at that call; a new daemon must find all or nothing.
try_point ()
{
  local operation=$1 call=$2 number=$3 answer watchdog
  start_traced -e trace="$call" -e signal=none -e inject="$call:signal=SIGKILL:when=$number" ||
    return 1
  # A mount that outlives its daemon would keep whoever uses it for ever.
  { sleep 20 && umount -f "$mnt"; } &
  watchdog=$!
  answer=$("do_$operation" 2>&1)
  kill -KILL "${daemons[$mnt]}" 2>/dev/null
  wait "${daemons[$mnt]}" "$tracer" 2>/dev/null
  unset "daemons[$mnt]"
  kill "$watchdog" 2>/dev/null || { echo "the mount hung after the kill"; return 1; }
  wait "$watchdog" 2>/dev/null
  umount -l "$mnt" 2>/dev/null || fusermount3 -q -u -z "$mnt"
  serve "$store" "$mnt" || { echo "no daemon starts afterwards"; return 1; }
  look_after "$operation" "$answer"
}

look_after ()
{
  local operation=$1 answer=$2 bad=0
  if [ "$answer" = OK ]; then
    "state_$operation" new || { echo "acknowledged, but not there"; bad=1; }
  elif ! { "state_$operation" old || "state_$operation" new; }; then
    echo "half done; it answered $answer"
    bad=1
  fi
  find "$mnt" -type f -exec cat {} + >/dev/null || bad=1
  nothing_left_over "$store" || bad=1
  all_clean "$store" || bad=1
  gives OK mkdir "$domain/.snapshots/afterwards" || bad=1
  unserve "$mnt" || bad=1
  return "$bad"
}

# ---- all of them

: >"$work/points"
for disks in vda 'vda vdb'; do
  seed=$work/seed-${disks/ /,}
  make_seed "$seed"
  for operation in create revert save discard merge push describe rename; do
    check "$operation on $disks works under strace" count_points "$operation"
  done
done

all=$(wc -l <"$work/points")
every=$((all / SAMPLE + 1))
[ -z "${LONG:-}" ] || every=1
tried=0
while IFS=$'\t' read -r disks operation call number <&5; do
  seed=$work/seed-$disks
  disks=${disks/,/ }
  check "$operation on $disks, killed at $call number $number" \
    try_point "$operation" "$call" "$number"
  tried=$((tried + 1))
done 5< <(awk -v every="$every" 'NR % every == 0' "$work/points")
echo "# $tried points of $all"
finish
