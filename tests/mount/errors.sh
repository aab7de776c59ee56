#!/bin/bash
# Every errno that the manual promises.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
make_image "$image"
serve "$store" "$mnt" || exit 1
web=$mnt/web01
mkdir "$web/base" "$web/base/leaf" || exit 1
long=$(head -c 1000 /dev/zero | tr '\0' n)

# ---- mkdir: names

check "mkdir: it exists" gives EEXIST mkdir "$web/base"
check "mkdir: it exists elsewhere in the domain" gives EEXIST mkdir "$web/base/leaf/base"
check "mkdir: a name of 255 bytes" gives OK mkdir "$web/.snapshots/${long:0:255}"
check "rmdir of it" gives OK rmdir "$web/.snapshots/${long:0:255}"
check "mkdir: a name of 256 bytes" gives ENAMETOOLONG mkdir "$web/.snapshots/${long:0:256}"
check "mkdir: a name of 1000 bytes" gives ENAMETOOLONG mkdir "$web/.snapshots/$long"
check "stat: a name of 256 bytes" gives ENAMETOOLONG stat "$web/${long:0:256}"
check "mkdir: 255 bytes of two each" gives OK mkdir "$web/.snapshots/x$(printf 'é%.0s' {1..127})"
check "rmdir of it" gives OK rmdir "$web/.snapshots/x$(printf 'é%.0s' {1..127})"
check "mkdir: invalid UTF-8" gives EILSEQ mkdir "$web/.snapshots/"$'a\xff'
check "mkdir: overlong UTF-8" gives EILSEQ mkdir "$web/.snapshots/"$'\xc0\xaf'
check "mkdir: a percent sign alone" gives EINVAL mkdir "$web/.snapshots/50%"
check "mkdir: a form that is not canonical" gives EINVAL mkdir "$web/.snapshots/%41"
check "mkdir: lower-case digits" gives EINVAL mkdir "$web/.snapshots/a%2fb"
check "mkdir: a NUL" gives EINVAL mkdir "$web/.snapshots/a%00"
check "mkdir: a control character as itself" gives EINVAL mkdir "$web/.snapshots/"$'a\nb'
for name in 'a%2Fb' 'a%0Ab' '50%25' '%2Ehidden' '%69nfo' '%64isks' '--' '-d' "it's" '雪'; do
  check "mkdir: $name" gives OK mkdir "$web/.snapshots/$name"
  check "$name is listed as it was made" test -d "$web/.snapshots/$name"
  check "rmdir: $name" gives OK rmdir "$web/.snapshots/$name"
done
for name in snapshot.xml description; do
  check "mkdir: $name is reserved" gives EINVAL mkdir "$web/$name"
done
for name in domain.xml info disks control current .snapshots; do
  check "mkdir: $name is there" gives EEXIST mkdir "$web/$name"
done
check "mkdir: a leading dot" gives EINVAL mkdir "$web/base/leaf/.hidden"
check "mkdir: reserved in a snapshot too" gives EEXIST mkdir "$web/base/leaf/description"

# ---- mkdir, rmdir, rename: places

check "mkdir: under a snapshot that is not current" gives EOPNOTSUPP mkdir "$web/base/other"
check "mkdir: in the domain when there is a current one" gives EOPNOTSUPP mkdir "$web/other"
check "mkdir: in the root" gives EPERM mkdir "$mnt/web02"
check "mkdir: in control" gives EPERM mkdir "$web/control/x"
check "mkdir: in disks" gives EPERM mkdir "$web/disks/x"
check "mkdir: below .snapshots/NAME" gives EPERM mkdir "$web/.snapshots/leaf/x"
check "mkdir: below what is not there" gives ENOENT mkdir "$web/nowhere/x"
check "mkdir: below a file" gives ENOTDIR mkdir "$web/info/x"
check "rmdir: with children" gives ENOTEMPTY rmdir "$web/base"
check "rmdir: with children, through .snapshots" gives ENOTEMPTY rmdir "$web/.snapshots/base"
check "rmdir: a domain" gives EPERM rmdir "$web"
check "rmdir: control" gives EPERM rmdir "$web/control"
check "rmdir: .snapshots" gives EPERM rmdir "$web/.snapshots"
check "rmdir: what is not there" gives ENOENT rmdir "$web/nowhere"
check "rmdir: a file" gives ENOTDIR rmdir "$web/info"
check "rename: across directories" gives EPERM rename "$web/base/leaf" "$web/leaf"
check "rename: out of the domain" gives EPERM rename "$web/base/leaf" "$mnt/leaf"
check "rename: a file" gives EPERM rename "$web/info" "$web/information"
check "rename: a domain" gives EPERM rename "$web" "$mnt/web02"
check "rename: exchange" gives EINVAL rename-exchange "$web/base" "$web/disks"
check "mv fails without copying" refused mv "$web/base/leaf" "$web/leaf"

# ---- what no one may do

for path in "$web/info" "$web/domain.xml" "$web/base/snapshot.xml" "$web/control/error" "$web/current"; do
  check "unlink: ${path#"$web/"}" gives EPERM unlink "$path"
done
for dir in "$mnt" "$web" "$web/base" "$web/control" "$web/disks" "$web/.snapshots"; do
  check "create in ${dir#"$work/"}" gives EPERM create "$dir/x"
  check "mknod in ${dir#"$work/"}" gives EPERM mknod "$dir/x"
  check "symlink in ${dir#"$work/"}" gives EPERM symlink "$dir/x"
  check "link in ${dir#"$work/"}" gives EPERM link "$web/info" "$dir/x"
done
for path in "$mnt" "$web" "$web/base" "$web/info" "$web/base/description"; do
  check "chmod: ${path#"$work/"}" gives EPERM chmod "$path"
  check "chown: ${path#"$work/"}" gives EPERM chown "$path"
  check "utimens: ${path#"$work/"}" gives EPERM utimens "$path"
  check "setxattr: ${path#"$work/"}" gives EPERM setxattr "$path"
  # ENOSYS from the daemon, so that the kernel stops asking; people see this:
  check "getxattr: ${path#"$work/"}" gives EOPNOTSUPP getxattr "$path"
done

# ---- files

check "writing to what is only read" gives EACCES open-for-writing "$web/info"
check "writing to domain.xml" gives EACCES open-for-writing "$web/domain.xml"
check "a command over 4096 bytes" gives E2BIG write "$web/base/control/revert" \
  "$(head -c 4097 /dev/zero | tr '\0' 1)"
check "a wrong word" gives EINVAL write "$web/base/control/revert" sideways
check "a text over its limit" gives EFBIG write "$web/base/description" \
  "$(head -c 70000 /dev/zero | tr '\0' t)"
check "a text that grows over it" gives EFBIG write "$web/base/description" \
  "$(head -c 40000 /dev/zero | tr '\0' t)" "$(head -c 40000 /dev/zero | tr '\0' t)"
check "a description that is no UTF-8" gives EILSEQ write "$web/base/description" $'a\xff'
check "the daemon never answers ENOSYS" refused grep -c ENOSYS "$web/control/error"

# ---- a template is not touched

qemu-img create -q -f qcow2 -b web01.qcow2 -F qcow2 "$store/clone.qcow2"
check "the clone appears" eventually test -d "$mnt/clone"
check "an image that is another's base is busy" gives EBUSY mkdir "$web/base/leaf/more"
check "with the other's name in the sentence" prints_like 'clone' tail -n 1 "$web/control/error"
rm "$store/clone.qcow2"
check "without it, it is not" eventually gives OK mkdir "$web/base/leaf/more"

# ---- no room, damage

check "unmounting" unserve "$mnt"
check "mounting read-only" serve "$store" "$mnt" -o ro
check "mkdir: read-only" gives EROFS mkdir "$web/.snapshots/ro"
check "rmdir: read-only" gives EROFS rmdir "$web/base/leaf/more"
check "a command: read-only" gives EROFS open-for-writing "$web/base/control/revert"
check "unmounting" unserve "$mnt"

record=$(find "$store/.vmsnapfs" -name 's-*' | head -n 1)
printf 'damaged' >"$record"
check "a damaged record does not hinder the mount" serve "$store" "$mnt"
check "every snapshot is still shown" prints 3 eval 'ls "$web/.snapshots" | wc -l'
check "the domain says what is wrong" prints_like '^problem: .' cat "$web/info"
check "changes answer EUCLEAN" gives EUCLEAN mkdir "$web/.snapshots/fresh"
check "unmounting" unserve "$mnt"

if [ "$(id -u)" -eq 0 ] && mkdir "$work/small" && mount -t tmpfs -o size=1m none "$work/small"; then
  make_image "$work/small/web01.qcow2" 1M
  serve "$work/small" "$mnt"
  mkdir "$web/base"
  dd if=/dev/zero of="$work/small/filler" bs=4k status=none 2>/dev/null
  # Times of directories tell of files that came and went.
  before=$(picture_of "$work/small" | grep -v 'filler\| d ')
  check "mkdir: no space" gives ENOSPC mkdir "$web/base/full"
  check "no space: nothing is half there" prints "$before" eval \
    'picture_of "$work/small" | grep -v "filler\| d "'
  rm "$work/small/filler"
  check "with space again" gives OK mkdir "$web/base/full"
  check "unmounting" unserve "$mnt"
else
  skip "mkdir: no space" "needs root to mount a tmpfs"
fi
finish
