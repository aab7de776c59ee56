#!/bin/bash
# A person's own directory of images, with snapshots inside them: browsable with nothing set up and
# nothing written to it, until the first mkdir.
. "$(dirname "$0")/lib.sh"

make_machine "$store/web01.qcow2"
qemu-img snapshot -c base "$store/web01.qcow2"
change "$store/web01.qcow2" 5 20M
qemu-img snapshot -c updates "$store/web01.qcow2"

# Tags that need care: the same one twice, one that looks like another's ID, none at all.
make_image "$store/odd.qcow2"
for tag in twice twice 1 '' 'with space' 50%; do
  qemu-img snapshot -c "$tag" "$store/odd.qcow2"
done
mkdir "$store/isos"
echo 'no image' >"$store/isos/readme.txt"
echo 'no image either' >"$store/notes.txt"
truncate -s 1M "$store/plain.raw"
touch -d '2020-01-01' "$store"/*.qcow2 "$store/notes.txt" "$store"

everything ()
{
  ls -lRi --time-style=full-iso "$mnt" >"$work/listing" && cat "$work/listing" &&
    find "$mnt" -type f -exec cat {} + >/dev/null &&
    find "$mnt"/*/.snapshots -type f -exec cat {} + >/dev/null
}

before=$(picture_of "$store")
check "the directory is mounted" serve "$store" "$mnt" || finish
check "what is an image is a domain, the rest is not" prints $'odd\nweb01' ls "$mnt"
check "its snapshots are there" prints $'base\nupdates' ls "$mnt/web01/.snapshots"
check "as roots" test -d "$mnt/web01/base" -a -d "$mnt/web01/updates"
check "info says where the bytes are" prints internal field "$mnt/web01/base/info" location
check "and that there is no record" prints no field "$mnt/web01/base/info" metadata
check "none is current" test ! -e "$mnt/web01/current"
check "all of the odd tags are listed" prints 6 eval 'ls "$mnt/odd/.snapshots" | wc -l'
check "the first of two has the plain name" prints twice field "$mnt/odd/twice/info" name
check "the second has its ID" prints twice field "$mnt/odd/twice%~2/info" name
check "a tag like another's ID is itself" prints 1 field "$mnt/odd/1/info" name
check "a missing tag has its ID" prints '' field "$mnt/odd/%~4/info" name
check "a space is a space" prints 'with space' field "$mnt/odd/with space/info" name
check "a percent sign is escaped" prints 50% field "$mnt/odd/50%25/info" name
check "everything can be read" everything
check "unmounting" unserve "$mnt"
check "nothing was written" prints "$before" picture_of "$store"

check "mounting read-only" serve "$store" "$mnt" -o ro
check "everything can be read" everything
check "mkdir is refused" gives EROFS mkdir "$mnt/web01/new"
check "unmounting" unserve "$mnt"
check "nothing was written" prints "$before" picture_of "$store"

check "mounting again" serve "$store" "$mnt"
check "a refused operation" gives EINVAL mkdir "$mnt/web01/50%"
check "writes nothing" prints "$before" picture_of "$store"
keep_copy "$store/web01.qcow2" "$work/new.copy"
check "the first mkdir" mkdir "$mnt/web01/new"
check "makes the records" test -d "$store/.vmsnapfs"
check "freezes the image" same_bytes "$(frozen_image "$mnt/web01/new")" "$work/new.copy"
check "the snapshots inside it are still listed" \
  prints $'base\nnew\nupdates' eval 'ls "$mnt/web01/.snapshots" | sort'
check "and still inside it" prints 2 eval \
  'qemu-img snapshot -l "$(frozen_image "$mnt/web01/new")" | grep -cE "base|updates"'
check "the other machine's image is untouched" \
  prints "$(grep '[ /]odd.qcow2' <<<"$before")" eval 'picture_of "$store" | grep "[ /]odd.qcow2"'

# Going back to one that is inside: by copying, the rest stays.
qemu-img convert -f qcow2 -O qcow2 -l snapshot.name=base "$(frozen_image "$mnt/web01/new")" \
  "$work/base.copy"
check "a revert to an internal snapshot" gives OK write "$mnt/web01/base/control/revert" 1
check "gives its bytes" same_bytes "$store/web01.qcow2" "$work/base.copy"
check "and keeps all snapshots" \
  prints $'base\nnew\nupdates' eval 'ls "$mnt/web01/.snapshots" | sort'
check "and their bytes" same_bytes "$(frozen_image "$mnt/web01/new")" "$work/new.copy"
check "every image is clean" all_clean "$store"
finish
