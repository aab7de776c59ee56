#!/bin/bash
# Space comes back: what no name needs any more is folded away in the background, whatever was done to the names,
# and where there is no room for that nothing is lost.
#
# ROUNDS says how often a snapshot is taken and discarded; LONG=1 does it 1,000 times.
. "$(dirname "$0")/keeping.sh"

ROUNDS=${ROUNDS:-60}
[ -z "${LONG:-}" ] || ROUNDS=1000

# How many images the live disk is read through.
layers ()
{
  despite_tidying qemu-img info -U --backing-chain "$image" | grep -c '^image: '
}
# The live disk and one image for each of the $1 names that it comes from, and two at most that are being folded.
chain_is_short ()
{
  local layers
  layers=$(layers)
  echo "$layers layers"
  [ "$layers" -gt 0 ] && [ "$layers" -le $(($1 + 3)) ]
}
# No image is there but the live disk and those of $1 names.
is_tidied ()
{
  prints "$1" eval 'find "$store" -name ".vmsnapfs-*.qcow2" | wc -l' && is_at_rest
}
allocated ()
{
  du -s --block-size=1024 "$@" | awk '{sum += $1} END {print sum}'
}
# The whole store takes up what a copy of the live disk does, and a tenth more at most.
is_as_small_as_a_copy ()
{
  local copy whole
  keep_copy "$image" "$work/copy.qcow2"
  copy=$(allocated "$work/copy.qcow2")
  whole=$(allocated "$store")
  echo "the store has $whole KiB, a copy $copy KiB"
  [ "$whole" -le $((copy * 11 / 10)) ]
}
# The MiB number $2 of the live disk becomes the byte $1.
write_mib ()
{
  despite_tidying qemu-io -f qcow2 -c "write -q -P $1 ${2}M 1M" "$image"
}

# ---- the same again and again

a_round ()
{
  local number=$1
  mkdir "$dom/base/leaf/round" && write_mib $((number % 251)) $((number % 16)) &&
    rmdir "$dom/base/leaf/round" && ! [ -e "$dom/.snapshots/round" ] || return 1
  if [ $((number % 20)) = 0 ]; then
    # A name that is gone stays gone, whatever becomes of the daemon.
    crash_daemon
    serve_store && prints $'base\nleaf' names || return 1
  fi
  eventually chain_is_short 2
}
rounds ()
{
  local number layers most=0 began=$SECONDS
  empty_store
  make_image "$image" 16M
  change "$image" 1 0
  serve_store
  mkdir "$dom/base"
  change "$image" 2 1M
  mkdir "$dom/base/leaf"
  remember
  for ((number = 1; number <= ROUNDS; number++)); do
    a_round "$number" >"$work/round" 2>&1 || { cat "$work/round"; echo "in round $number"; return 1; }
    layers=$(layers)
    [ "$layers" -le "$most" ] || most=$layers
  done
  echo "# $ROUNDS rounds, $most layers at most, $((SECONDS - began)) s"
}
# What the last 16 rounds wrote is there.
last_rounds_are_there ()
{
  local number
  for ((number = ROUNDS - 15; number <= ROUNDS; number++)); do
    reads_as $((number % 16))M "$image" $((number % 251)) || return 1
  done
}
same_again ()
{
  check "rounds: $ROUNDS of mkdir, 1 MiB written, rmdir: never more than 2 images too many" rounds
  head -n 1 "$work/output"
  check "rounds: the chain ends as long as its names" eventually is_tidied 2
  check "rounds: the disk has what was written" last_rounds_are_there
  check "rounds: and the store the size of a copy" is_as_small_as_a_copy
  check "rounds: nothing was lost" lasts web01/disks
}

# Without a rest in between; then it is left alone.
without_rest ()
{
  local number
  empty_store
  make_image "$image" 16M
  serve_store
  for number in {1..20}; do
    mkdir "$dom/round"
    write_mib "$number" $((number % 16))
    rmdir "$dom/round"
  done
  echo "# no rest: $(layers) layers after 20 rounds"
  remember
  check "no rest: everything is tidied once there is time" eventually is_tidied 0
  check "no rest: the store has the size of a copy" is_as_small_as_a_copy
  check "no rest: nothing was lost" lasts
}

# ---- in the middle of a tree

middle ()
{
  local number
  empty_store
  make_image "$image" 16M
  serve_store
  for number in {1..8}; do
    write_mib "$number" "$number"
    check "middle: snapshot $number" mkdir "$dom/.snapshots/s$number"
  done
  check "middle: a branch" created OK 'branch --parent s4'
  write_mib 99 9
  remember
  check "middle: merged into the parent" ordered OK s3 merge parent
  check "middle: nothing else is lost" kept web01/.snapshots/s2 web01/.snapshots/s3
  check "middle: merged into its child" ordered OK s6 merge children
  check "middle: discarded" ordered OK s5 discard keep-children
  check "middle: where two branch off" ordered OK s4 discard keep-children
  check "middle: the images follow" eventually is_tidied 5
  check "middle: nothing else is lost" lasts web01/.snapshots/s{2,3,4,5,6}
  check "middle: back to the first" ordered OK s1 revert 1
  check "middle: and all of them discarded" eval \
    'for name in branch s8 s7 s2 s1; do order $name discard force; done; prints "" names'
  check "middle: the images follow" eventually is_tidied 0
  check "middle: the store has the size of a copy" is_as_small_as_a_copy
  check "middle: the disk has the bytes of the first" reads_as 1M "$image" 1
  check "middle: of which nothing is lost" lasts web01/.snapshots web01/disks
}

# ---- no room

fill_disk ()
{
  dd if=/dev/zero of="$store/filler" bs=64k status=none 2>"$work/said"
  # A record or two must find room, a megabyte must not.
  truncate -s -256k "$store/filler" && sync -f "$store/filler"
}
has_reason ()
{
  grep -Eq 'No space' "$dom/info" && grep -Eq ' tidy: ENOSPC' "$dom/control/error"
}
no_room ()
{
  local live number
  if ! can_mount_files; then
    skip "room: tidying without room" "needs root, loop devices and mkfs.ext4"
    return
  fi
  empty_store
  mount_store 40M
  make_image "$image" 16M
  write_mib 1 1
  serve_store
  mkdir "$dom/base"
  write_mib 2 2
  mkdir "$dom/base/leaf"
  for number in 3 4 5 6; do
    write_mib "$number" "$number"
  done
  live=$(live_sum)
  remember
  check "room: the disk is full" fill_disk
  check "room: a snapshot is discarded" rmdir "$dom/base/leaf"
  check "room: its name is gone" prints base names
  check "room: why it is not tidied stands in info and in control/error" eventually has_reason
  check "room: nothing was lost" kept web01/.snapshots/leaf
  check "room: nor after a remount" eval 'unserve "$mnt" && serve_store && kept web01/.snapshots/leaf'
  check "room: why is told again" eventually has_reason
  check "room: nothing half made is left" eval 'prints "" find "$store" -name "*.new" -o -name "*.t"'
  dd if=/dev/zero of="$store/filler2" bs=1k status=none 2>"$work/said"
  check "room: with none at all, a snapshot" gives ENOSPC mkdir "$dom/base/x"
  check "room: is not taken" prints base names
  check "room: nothing was lost" kept web01/.snapshots/leaf
  rm "$store/filler" "$store/filler2"
  PATIENCE=90 check "room: with room again it is tidied" eventually is_tidied 1
  check "room: and nothing more is told in info" refused grep 'No space' "$dom/info"
  check "room: the disk is what it was" same_live "$live"
  check "room: the store has the size of a copy" is_as_small_as_a_copy
  check "room: nothing was lost" lasts web01/.snapshots/leaf
  unmount_store
}

for part in ${PARTS:-same_again without_rest middle no_room}; do
  "$part"
done
finish
