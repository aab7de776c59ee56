#!/bin/bash
# Who is who: inode numbers, link counts, working directories and descriptors over remounts,
# changes and removals.
. "$(dirname "$0")/lib.sh"

make_image "$store/web01.qcow2"
serve "$store" "$mnt" || exit 1
web=$mnt/web01
mkdir "$web/base" "$web/base/updates" "$web/base/updates/leaf" || exit 1

numbers ()
{
  (cd "$mnt" && find . "$mnt/web01/.snapshots" "$mnt/.vmsnapfs" -printf '%i %y %p\n' | sort -k 3)
}
inode ()
{
  stat -c %i "$1"
}

before=$(numbers)
check "no two directories share a number" prints '' eval \
  'grep " d " <<<"$before" | cut -d " " -f 1 | sort | uniq -d'
check "no number is 0 or 1 but the root's" prints '' eval 'grep -E "^[01] [^d]" <<<"$before"'
check "directories have one link" prints '' find "$mnt" -type d ! -links 1
check "files have one link" prints '' find "$mnt" -type f ! -links 1
for file in snapshot.xml info description; do
  check "$file has one number under both paths" \
    prints "$(inode "$web/base/updates/$file")" inode "$web/.snapshots/updates/$file"
done
check "directories in .snapshots are nodes of their own" \
  refused prints "$(inode "$web/base/updates")" inode "$web/.snapshots/updates"
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"
check "every number is the same" prints "$before" numbers

# A second snapshot of the same name is another snapshot.
old=$(inode "$web/base/updates/leaf")
rmdir "$web/base/updates/leaf"
mkdir "$web/base/updates/leaf"
check "a new snapshot of the same name has a new number" \
  refused prints "$old" inode "$web/base/updates/leaf"

# In a snapshot that goes away.
gone_or_stale ()
{
  [[ $("$ERRNO" "$@") =~ ^(ENOENT|ESTALE|OK)$ ]]
}
in_removed ()
{
  cd "$web/base/updates/leaf" || return 1
  gives OK rmdir "$web/base/updates/leaf" && gone_or_stale stat . && gives ENOENT stat info &&
    prints '' eval 'ls -A 2>/dev/null'
}
check "the working directory is discarded" in_removed
cd /
check "the mount is alive" ls -R "$mnt"

mkdir "$web/base/updates/leaf"
exec 8<"$web/base/updates/leaf/snapshot.xml" 9<"$web/base/updates/leaf"
rmdir "$web/base/updates/leaf"
check "a text that was opened before is read to its end" grep -q '</domainsnapshot>' <&8
check "a directory descriptor answers or is stale" gone_or_stale stat /proc/self/fd/9/.
exec 8<&- 9<&-

# Revert leaves everything where it is.
before=$(numbers)
echo 1 >"$web/base/control/revert"
check "a revert changes no number" prints "$before" numbers
finish
