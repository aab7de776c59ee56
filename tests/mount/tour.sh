#!/bin/bash
# The main job on a real disk: take, change, revert, branch, discard; and at each step the tree,
# info, current, times, XML and every byte are right.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
web=$mnt/web01
schema=/usr/share/libvirt/schemas/domainsnapshot.rng
make_machine "$image"

# The directories of all snapshots, one a line, relative to the domain.
tree ()
{
  (cd "$web" && find . -name snapshot.xml -printf '%h\n' | sed 's,^\./,,' | sort)
}

# Every snapshot in "$@" (NAME=PATH) holds what $work/NAME.copy was taken from.
bytes_as_taken ()
{
  local pair frozen
  for pair in "$@"; do
    frozen=$(frozen_image "$web/${pair#*=}")
    same_bytes "$frozen" "$work/${pair%%=*}.copy" || { echo "$pair: $frozen differs"; return 1; }
    [ "$(stat -c %a "$frozen")" = 444 ] || { stat "$frozen"; return 1; }
  done
}

xml_is_valid ()
{
  if [ ! -e "$schema" ]; then
    xmllint --nonet --noout "$1"
  else
    xmllint --nonet --noout --relaxng "$schema" "$1"
  fi
}

# The snapshot at $1: its name, parent, time, kind and XML; $2: name, $3: parent's name or nothing.
snapshot_is ()
{
  local dir=$web/$1 created
  prints "$2" field "$dir/info" name &&
    prints web01 field "$dir/info" domain &&
    prints "$3" field "$dir/info" parent &&
    prints external field "$dir/info" location &&
    prints "$2" xmllint --xpath 'string(/domainsnapshot/name)' "$dir/snapshot.xml" &&
    prints "$3" xmllint --xpath 'string(/domainsnapshot/parent/name)' "$dir/snapshot.xml" &&
    xml_is_valid "$dir/snapshot.xml" || return 1
  created=$(xmllint --xpath 'string(/domainsnapshot/creationTime)' "$dir/snapshot.xml")
  prints "$created" stat -c %Y "$dir" &&
    [ "$created" -ge "$started" ] && [ "$created" -le "$(date +%s)" ]
}

# $1: the path of the current snapshot, or nothing; asked in three places.
current_is ()
{
  local path
  if [ -z "$1" ]; then
    [ ! -e "$web/current" ] && [ ! -L "$web/current" ]
    return
  fi
  prints "$1" readlink "$web/current" &&
    prints "$1" field "$web/info" current || return 1
  for path in $(tree); do
    case $path in
      "$1") prints yes field "$web/$path/info" current ;;
      *) prints no field "$web/$path/info" current ;;
    esac || return 1
  done
}

# One frozen image is behind the active one, each by its bare name, and all are sound.
chain_is_sound ()
{
  qemu-img check -q -f qcow2 "$image" && all_clean "$store" && nothing_left_over "$store" &&
    [ -w "$image" ] && [ -f "$image" ]
}

started=$(date +%s)
check "the directory of images is mounted" serve "$store" "$mnt" || finish
check "the image is a domain" prints web01 ls "$mnt"
check "it has no snapshot" prints '' tree
check "and no current one" current_is ''
check "info says it is shut off" prints shutoff field "$web/info" state

keep_copy "$image" "$work/base.copy"
check "mkdir takes base" mkdir "$web/base"
check "base is there" prints base tree
check "base is current" current_is base
check "base is described rightly" snapshot_is base base ''
check "base holds the disk's bytes" bytes_as_taken base=base
check "the live disk reads as before" same_bytes "$image" "$work/base.copy"
check "the store is sound" chain_is_sound

change "$image" 7 16M
keep_copy "$image" "$work/updates.copy"
check "mkdir current/updates takes a child" mkdir "$web/current/updates"
check "the tree has both" prints $'base\nbase/updates' tree
check "updates is current" current_is base/updates
check "updates is described rightly" snapshot_is base/updates updates base
check "base is described as before" snapshot_is base base ''
check "base has one child" prints 1 field "$web/base/info" children
check "both hold the bytes they were taken of" bytes_as_taken base=base updates=base/updates
check "the store is sound after the second" chain_is_sound

change "$image" 9 20M
keep_copy "$image" "$work/unsaved.copy"
check "the live disk differs from both" refused same_bytes "$image" "$work/updates.copy"
check "a revert to base" gives OK write "$web/base/control/revert" 1
check "base is current again" current_is base
check "the live disk is base" same_bytes "$image" "$work/base.copy"
check "both snapshots hold their bytes" bytes_as_taken base=base updates=base/updates
check "the store is sound after the revert" chain_is_sound

change "$image" 11 24M
keep_copy "$image" "$work/other.copy"
check "mkdir takes a second child" mkdir "$web/base/other"
check "the tree has three" prints $'base\nbase/other\nbase/updates' tree
check "other is current" current_is base/other
check "other is described rightly" snapshot_is base/other other base
check "base has two children" prints 2 field "$web/base/info" children
check "all three hold their bytes" \
  bytes_as_taken base=base updates=base/updates other=base/other
check "the store is sound after branching" chain_is_sound

check "base cannot be discarded below its children" gives ENOTEMPTY rmdir "$web/base"
gone=$(frozen_image "$web/base/updates")
check "rmdir discards the leaf" rmdir "$web/base/updates"
check "the tree has two" prints $'base\nbase/other' tree
check "other is still current" current_is base/other
check "the image of the leaf is gone" test ! -e "$gone"
check "the others hold their bytes" bytes_as_taken base=base other=base/other
check "the live disk is untouched" same_bytes "$image" "$work/other.copy"
check "the store is sound after the discard" chain_is_sound

change "$image" 13 28M
keep_copy "$image" "$work/live.copy"
check "discarding the current one" rmdir "$web/base/other"
check "makes its parent current" current_is base
check "and leaves the live disk alone" same_bytes "$image" "$work/live.copy"
check "and base" bytes_as_taken base=base

check "describing base" gives OK write "$web/base/description" $'before the update\n'
check "is read back" prints 'before the update' cat "$web/base/description"
check "and is in the XML" prints 'before the update' \
  xmllint --xpath 'string(/domainsnapshot/description)' "$web/base/snapshot.xml"

before=$(tree; cat "$web/base/info" "$web/base/snapshot.xml"; readlink "$web/current")
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"
check "everything is as it was" prints "$before" eval \
  'tree; cat "$web/base/info" "$web/base/snapshot.xml"; readlink "$web/current"'
check "base after the remount" bytes_as_taken base=base
check "the live disk after the remount" same_bytes "$image" "$work/live.copy"
finish
