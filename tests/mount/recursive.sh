#!/bin/bash
# Tools that walk a tree: they end without error, see each snapshot once, remove nothing, and a
# backup copied back changes nothing.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
make_image "$image"
serve "$store" "$mnt" || exit 1
for name in base current/updates current/'with space' .snapshots/50%25; do
  check "taking $name" mkdir "$mnt/web01/$name"
  change "$image" 3 1M
done
# From here on nothing changes, not even by a notice of what was just written.
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"

# ---- reading

# The command, from the second word on, names $1 times a snapshot.xml.
names_snapshots ()
{
  local expected=$1
  shift
  prints "$expected" echo "$("$@" | grep -c '/snapshot\.xml$')"
}

check "find ends well" find "$mnt"
check "find sees each snapshot once" names_snapshots 4 find "$mnt"
check "find -L ends well too" find -L "$mnt/web01/base" -name snapshot.xml
check "ls -R ends well" ls -lR "$mnt"
check "ls -R sees each snapshot once" prints 4 eval 'ls -R "$mnt" | grep -c "^snapshot\.xml$"'
check "du ends well" du -a "$mnt"
check "du sees each snapshot once" prints 4 eval 'du -a "$mnt" | grep -c "/snapshot\.xml$"'
check "sizes are exact" prints "$(find "$mnt" -type f -printf '%s\n' | awk '{n += $1} END {print n}')" \
  eval 'find "$mnt" -type f -exec cat {} + | wc -c'

check "tar ends well" tar -cf "$work/backup.tar" -C "$mnt" .
check "tar sees each snapshot once" names_snapshots 4 tar -tf "$work/backup.tar"
mkdir "$work/untarred"
check "tar stored what is read" eval \
  'tar -xf "$work/backup.tar" -C "$work/untarred" && diff -r --no-dereference "$mnt" "$work/untarred"'
check "cp -r ends well" cp -r "$mnt" "$work/copied"
check "cp -r copied everything" diff -r --no-dereference "$mnt" "$work/copied"
check "rsync -a ends well" rsync -a "$mnt/" "$work/synced/"
check "rsync copied everything" diff -r --no-dereference "$mnt" "$work/synced"
check "rsync finds nothing to do the second time" prints '' rsync -ai "$mnt/" "$work/synced/"

# ---- removing and copying back

state ()
{
  find "$mnt" -printf '%p %m %s %T@ %l\n' | sort
  find "$mnt" -name error -prune -o -name jobs -prune -o -type f -print0 | sort -z |
    xargs -0 sha256sum
  picture_of "$store"
}

# The command may fail; the tree and the store must be the same. control/error and jobs tell of
# what was refused: they are not compared.
changes_nothing ()
{
  local before after
  before=$(state | grep -vE '/control/(error|jobs) ')
  "$@" >"$work/said" 2>&1
  after=$(state | grep -vE '/control/(error|jobs) ')
  diff <(echo "$before") <(echo "$after")
}

check "rm -rf of a snapshot removes nothing" changes_nothing rm -rf "$mnt/web01/base"
check "rm -rf of the domain removes nothing" changes_nothing rm -rf "$mnt/web01"
check "rm -r of a leaf removes nothing" changes_nothing \
  rm -r "$mnt/web01/base/updates/with space/50%25"
check "mv to another file system removes nothing" changes_nothing \
  mv "$mnt/web01/base/updates" "$work/moved"
check "cp -r back changes nothing" changes_nothing cp -r "$work/copied/." "$mnt/"
check "cp -a back changes nothing" changes_nothing cp -a "$work/copied/." "$mnt/"
check "rsync -a back changes nothing" changes_nothing rsync -a "$work/synced/" "$mnt/"
check "rsync without times changes nothing" changes_nothing \
  rsync -r --ignore-times --inplace "$work/synced/" "$mnt/"
check "rsync --delete back changes nothing" changes_nothing \
  rsync -a --delete "$work/synced/" "$mnt/"
check "untarring back changes nothing" changes_nothing tar -xf "$work/backup.tar" -C "$mnt"
check "nor over what is there" changes_nothing tar -xf "$work/backup.tar" -C "$mnt" --overwrite
check "unmounting" unserve "$mnt"

# ---- a chain deeper than PATH_MAX

check "a chain of 1,000" serve 'memory:?chain=1000' "$mnt"
check "find goes to its end" names_snapshots 1000 find "$mnt" -name snapshot.xml
check "find without error" eval 'find "$mnt" >/dev/null 2>"$work/said" && ! [ -s "$work/said" ]'
check "du goes to its end" names_snapshots 1000 du -a "$mnt"
# Without the disks: a thousand of them have gigabytes of zeros each.  Anchored and in C, because tar takes
# half a minute to match such long names from each slash on, and another one in UTF-8.
check "tar goes to its end" env LC_ALL=C \
  tar -cf "$work/chain.tar" -C "$mnt" --anchored --exclude="*.raw" .
check "tar stored every snapshot" names_snapshots 1000 tar -tf "$work/chain.tar"
check "all of them are in .snapshots" prints 1000 eval 'ls "$mnt/chain/.snapshots" | wc -l'
check "every snapshot.xml is read there" prints 1000 eval \
  'cat "$mnt/chain"/.snapshots/*/snapshot.xml | grep -c "</domainsnapshot>"'
check "find sees the 1,000 in .snapshots once as well" prints 1000 eval \
  'find "$mnt/chain/.snapshots" -name snapshot.xml | wc -l'
finish
