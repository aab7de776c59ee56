#!/bin/bash
# What two reviews that tried to break the store found, each told once more: what was lost, altered or
# refused for ever then must not be now.
. "$(dirname "$0")/keeping.sh"

export LSAN_OPTIONS=$LSAN_OPTIONS:detect_leaks=0 ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0

# ---- domains

# The description of a domain on standard output: its name, its uuid and the file of its disk.
description ()
{
  echo "<domain type='kvm'><name>$1</name><uuid>$2</uuid>"
  echo "<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>"
  echo "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
  echo "<source file='$3'/><target dev='vda' bus='virtio'/></disk></devices></domain>"
}
# The machine $1 with the disk $2, whose first bytes are $3.
make_described ()
{
  mkdir -p "$store/$1" "$(dirname "$2")"
  make_image "$2" 1M
  change "$2" "$3" 0
  description "$1" "$(cat /proc/sys/kernel/random/uuid)" "$2" >"$store/$1/domain.xml"
}
uuid_of ()
{
  xmllint --xpath 'string(/domain/uuid)' "$store/$1/domain.xml"
}
# Tidying had the time to do what it should not.
tidied ()
{
  sleep 0.5
  eventually is_at_rest
}
# The images without an own name below $1, but for the one whose name is $2.
frozen_but ()
{
  find "$1" -name '.vmsnapfs-*.qcow2' ! -name "${2:-}"
}
first_byte ()
{
  head -c 1 "$1" | od -An -tu1 | tr -d ' '
}
# A record of a snapshot without data: its name $1, its parent $2.
redefine_without_data ()
{
  printf -- '--redefine -\n<domainsnapshot><name>%s</name><state>shutoff</state>%s%s</domainsnapshot>' "$1" \
    "<creationTime>1000</creationTime><parent><name>$2</name></parent>" \
    "<domain><uuid>$(field "$dom/info" uuid)</uuid></domain>" >"$dom/control/create"
}

# ---- ids of snapshots inside images

# Three snapshots inside the image $1, all with QEMU's ID 1: b of a moment, b seven nanoseconds later, and
# one whose tag is what the first of these could be told apart by.
make_namesakes ()
{
  local tag
  make_image "$1" 1M
  for tag in x b b; do
    qemu-img snapshot -c "$tag" "$1" || return 1
  done
  python3 - "$1" <<'PATCH'
import struct, sys

with open(sys.argv[1], 'r+b') as image:
    header = image.read(104)
    (count,), (place,) = struct.unpack('>I', header[60:64]), struct.unpack('>Q', header[64:72])
    image.seek(place)
    table, patched = image.read(4096), b''
    for number in range(count):
        id_size, tag_size = struct.unpack('>HH', table[12:16])
        extra = struct.unpack('>I', table[36:40])[0]
        tag = table[40 + extra + id_size:][:tag_size]
        entry, table = table[:40 + extra], table[(40 + extra + id_size + tag_size + 7) // 8 * 8:]
        if number == 0:
            tag = b'b@1000000000.000000000'
        entry = entry[:12] + struct.pack('>HHII', 1, len(tag), 1000000000, 7 if number == 2 else 0) + entry[24:]
        entry += b'1' + tag
        patched += entry + bytes(-len(entry) % 8)
    image.seek(place)
    image.write(patched)
PATCH
}
namesakes ()
{
  empty_store
  make_namesakes "$image"
  make_image "$store/other.qcow2" 1M
  serve_store
  check "namesakes: the image is a domain" test -e "$dom/info"
  check "namesakes: all are listed" prints 3 eval 'names | wc -l'
  check "namesakes: the daemon lives" test -e "$mnt/other/info"
  check "namesakes: a snapshot" mkdir "$dom/.snapshots/s1"
  check "namesakes: and in another domain" mkdir "$mnt/other/.snapshots/s1"
}

# ---- what reads an image from below another mount

mounted_below ()
{
  local frozen
  [ "$(id -u)" = 0 ] || { skip "mounted: clones on another file system" "only root can mount"; return; }
  store_of_two
  make_image "$store/other.qcow2" 1M
  mkdir "$store/clones"
  mount -t tmpfs none "$store/clones"
  frozen=$(frozen_image "$dom/.snapshots/leaf")
  qemu-img create -q -f qcow2 -b "$frozen" -F qcow2 "$store/clones/clone.qcow2"
  qemu-img create -q -f qcow2 -b "$store/other.qcow2" -F qcow2 "$store/clones/second.qcow2"
  check "mounted: back to base" ordered OK base revert 1
  check "mounted: leaf is discarded" ordered OK leaf discard 1
  check "mounted: tidied" tidied
  check "mounted: the clone of leaf has its bytes" reads_as 128k "$store/clones/clone.qcow2" 2
  check "mounted: for its image is there" test -f "$frozen"
  check "mounted: a template takes no snapshot" gives EBUSY mkdir "$mnt/other/.snapshots/x"
  unserve "$mnt"
  umount "$store/clones"
}

# ---- other names of an image

hard_linked ()
{
  local before frozen
  store_of_two
  check "linked: a third snapshot" mkdir "$dom/base/leaf/tip"
  frozen=$(frozen_image "$dom/.snapshots/leaf")
  ln "$frozen" "$work/linked.qcow2"
  before=$(sha256sum <"$work/linked.qcow2")
  remember
  check "linked: leaf is discarded" ordered OK leaf discard keep-children
  check "linked: and tidied away" eventually test ! -e "$frozen"
  check "linked: somebody's other name has the bytes it had" prints "$before" eval 'sha256sum <"$work/linked.qcow2"'
  check "linked: the others, too" lasts web01/.snapshots/leaf
  rm "$work/linked.qcow2"
}

# ---- what a guest writes into its raw disk

raw_with_magic ()
{
  store_of_two
  printf 'QFI\xfb\0\0\0\3\0\0\0\0\0\0\0\0garbage' >"$store/other.img"
  check "magic: a file that only looks like an image stops nobody" mkdir "$dom/.snapshots/new"
  check "magic: nor a discard" ordered OK new discard 1
  check "magic: nor tidying" eventually prints 2 eval 'frozen_but "$store" | wc -l'
  qemu-img create -q -f qcow2 -b web01.qcow2 -F qcow2 "$store/other.qcow2"
  mv "$store/other.qcow2" "$store/other.img"
  check "magic: one that reads the disk does" gives EBUSY mkdir "$dom/.snapshots/new"
  check "magic: and is named" eval 'tail -n 1 "$dom/control/error" | grep -q other.img'
  rm "$store/other.img"
  check "magic: without it" mkdir "$dom/.snapshots/new"
}

# ---- a description that changes in the moment before an operation

# The descriptions of the machines db and zz change places with those prepared.
swap ()
{
  local name
  for name in db zz; do
    mv "$store/$name/domain.xml" "$store/$name/away"
    mv "$store/$name/next" "$store/$name/domain.xml"
    mv "$store/$name/away" "$store/$name/next"
  done
}
# The rest, a call, is done or refused for the moment.
done_or_busy ()
{
  local said
  said=$("$ERRNO" "$@")
  [ "$said" = OK ] || [ "$said" = EBUSY ] || { echo "$said"; return 1; }
}
snapshot_is_taken ()
{
  [ -e "$1" ] || mkdir "$1"
}
swapped_disks ()
{
  local one=$store/disks/one.qcow2 two=$store/disks/two.qcow2
  empty_store
  make_described db "$two" 2
  make_described zz "$one" 1
  description db "$(uuid_of db)" "$one" >"$store/db/next"
  description zz "$(uuid_of zz)" "$two" >"$store/zz/next"
  serve_store
  check "swapped: a snapshot" mkdir "$mnt/db/.snapshots/s0"
  swap
  check "swapped: a snapshot in that moment is taken or refused" done_or_busy mkdir "$mnt/db/.snapshots/s1"
  check "swapped: it is taken at last" eventually snapshot_is_taken "$mnt/db/.snapshots/s1"
  check "swapped: of the disk that is described now" prints 1 first_byte "$mnt/db/.snapshots/s1/disks/vda.raw"
  swap
  check "swapped: a revert in that moment is done or refused" \
    done_or_busy write "$mnt/db/.snapshots/s0/control/revert" 1
  check "swapped: the other machine's disk has its bytes" reads_as 0 "$one" 1
  check "swapped: and this one's" reads_as 0 "$two" 2
  check "swapped: the first shows it again" eventually prints 2 first_byte "$mnt/db/disks/vda.raw"
  remember
  check "swapped: all is kept" lasts
}

# ---- a disk that is written to when another one of its machine is replaced already

written_between ()
{
  local vda=$store/pair/vda.qcow2 vdb=$store/pair/vdb.qcow2 dom=$mnt/pair number aside
  command -v strace >/dev/null || { skip "written: killed between two disks" "there is no strace"; return; }
  empty_store
  make_several pair vda=1M vdb=1M
  change_several pair 1 0
  serve_store
  check "written: a snapshot" mkdir "$dom/base"
  change_several pair 2 0
  trace_daemon -P vdb.qcow2 -e trace=unlinkat -e signal=none -e inject=unlinkat:signal=SIGKILL:when=1
  check "written: a revert is killed between two disks" refused ordered OK base revert 1
  crash_daemon
  check "written: the first disk is under no name that is its own" test ! -e "$vda"
  number=$(stat -c %i "$vdb")
  touch "$vdb"
  check "written: mounted again" serve_store
  check "written: the revert is completed" eventually test -e "$vda"
  check "written: on one disk" reads_as 0 "$vda" 1
  check "written: and on the other" reads_as 0 "$vdb" 1
  aside=$(find "$store/pair" -inum "$number" -name '.vmsnapfs-*.qcow2')
  check "written: what was written is kept" test -n "$aside"
  check "written: with its bytes" reads_as 0 "$aside" 2
  check "written: and said to be" prints_like ' replay: .*is kept beside it' cat "$dom/control/error"
  check "written: a snapshot" mkdir "$dom/base/next"
  check "written: and another revert" ordered OK base revert 1
  check "written: at rest" come_to_rest
  check "written: it is still kept" reads_as 0 "$aside" 2
  check "written: and vmsnap check names it" prints_like "${aside##*/}" "$VMSNAP" check "$store"
}

# ---- records of a domain that goes and comes back

dropped_and_back ()
{
  local orphans=$mnt/.vmsnapfs/orphans
  store_of_two
  mv "$image" "$store/moved.qcow2"
  check "dropped: the records are an orphan" eventually eval 'test -n "$(ls "$orphans")"'
  check "dropped: they are dropped" gives OK rmdir "$orphans"/*
  mv "$store/moved.qcow2" "$image"
  check "dropped: the domain is back" eventually test -e "$dom/disks/vda.raw"
  check "dropped: without the snapshots" prints '' names
  check "dropped: none is current" prints '' field "$dom/info" current
  check "dropped: none takes children" gives ENOENT mkdir "$dom/.snapshots/base/x"
  check "dropped: all bytes are there" eval \
    'reads_as 0 "$image" 1 && reads_as 128k "$image" 2 && reads_as 256k "$image" 3'
  check "dropped: a new snapshot" mkdir "$dom/.snapshots/new"
  remember
  check "dropped: it lasts" lasts
  check "dropped: it is a root" test -d "$dom/new"
}
renamed_and_back ()
{
  local disk=$store/disks/disk.qcow2
  empty_store
  make_described db01 "$disk" 1
  serve_store
  mkdir "$mnt/db01/base"
  change "$disk" 2 0
  mkdir "$mnt/db01/base/s1"
  change "$disk" 3 0
  check "renamed: back to base" gives OK write "$mnt/db01/base/control/revert" 1
  mv "$store/db01" "$store/db02"
  check "renamed: it is under its new name" eventually test -e "$mnt/db02/base/s1/info"
  check "renamed: a copy of a snapshot" gives OK write "$mnt/db02/control/create" 'cp1 --from s1'
  check "renamed: has its bytes" prints 2 first_byte "$mnt/db02/.snapshots/cp1/disks/vda.raw"
  mv "$store/db02" "$store/db01"
  check "renamed: and back" eventually test -e "$mnt/db01/base/s1/info"
  check "renamed: the copy is there" prints 'base cp1 s1' eval 'ls "$mnt/db01/.snapshots" | xargs'
  check "renamed: what it was copied from is discarded" \
    gives OK write "$mnt/db01/.snapshots/s1/control/discard" keep-children
  check "renamed: tidied" tidied
  remember
  check "renamed: the copy has its bytes" prints 2 first_byte "$mnt/db01/.snapshots/cp1/disks/vda.raw"
  check "renamed: and keeps them" lasts
}

# The images are in the directory that gets another name, and go along.
renamed_with_images ()
{
  empty_store
  make_described db01 "$store/db01/disk.qcow2" 1
  sed -i "s,$store/db01/,," "$store/db01/domain.xml"
  serve_store
  mkdir "$mnt/db01/base"
  change "$store/db01/disk.qcow2" 2 0
  mkdir "$mnt/db01/base/s1"
  change "$store/db01/disk.qcow2" 3 0
  mv "$store/db01" "$store/db02"
  check "along: it is under its new name" eventually test -e "$mnt/db02/base/s1/disks/vda.raw"
  check "along: a snapshot is read" prints 2 first_byte "$mnt/db02/base/s1/disks/vda.raw"
  check "along: no problem is told" refused grep -r ^problem: "$mnt/db02" --include=info
  check "along: back to one" gives OK write "$mnt/db02/base/control/revert" 1
  check "along: it is so" prints 1 first_byte "$mnt/db02/disks/vda.raw"
  check "along: another one" gives OK mkdir "$mnt/db02/base/s2"
  check "along: one is discarded" gives OK rmdir "$mnt/db02/base/s1"
  check "along: tidied" tidied
  remember
  check "along: it lasts" lasts
}

# ---- a held snapshot of a domain that is gone

held_orphan ()
{
  local orphans=$mnt/.vmsnapfs/orphans
  store_of_two
  remember
  check "held: leaf" ordered OK leaf hold 1
  mv "$image" "$work/away.qcow2"
  check "held: its domain is gone" eventually eval 'test -n "$(ls "$orphans")"'
  check "held: its records are not dropped" gives EBUSY rmdir "$orphans"/*
  mv "$work/away.qcow2" "$image"
  check "held: it is back" eventually test -e "$dom/.snapshots/leaf/disks/vda.raw"
  check "held: leaf is still held" ordered EBUSY leaf discard 1
  check "held: nothing is lost" lasts
  check "held: no longer" ordered OK leaf hold 0
  mv "$image" "$work/away.qcow2"
  check "held: gone again" eventually eval 'test -n "$(ls "$orphans")"'
  check "held: now they are dropped" gives OK rmdir "$orphans"/*
  rm "$work/away.qcow2"
}

# ---- two domains with one uuid

one_uuid ()
{
  local name
  empty_store
  make_described one "$store/disks/one.qcow2" 1
  serve_store
  check "uuid: a snapshot" mkdir "$mnt/one/s1"
  change "$store/disks/one.qcow2" 2 0
  make_image "$store/disks/copy.qcow2" 1M
  mkdir "$store/0copy"
  description 0copy "$(uuid_of one)" "$store/disks/copy.qcow2" >"$store/0copy/domain.xml"
  check "uuid: a copy that has the same" eventually test -e "$mnt/0copy/info"
  for name in one 0copy; do
    check "uuid: $name takes no snapshot" refused mkdir "$mnt/$name/.snapshots/x"
    check "uuid: for that reason" eval 'tail -n 1 "$mnt/$name/control/error" | grep -q "same uuid"'
    [ ! -e "$mnt/$name/.snapshots/s1" ] ||
      check "uuid: nor discards one" refused rmdir "$mnt/$name/.snapshots/s1"
  done
  description 0copy "$(cat /proc/sys/kernel/random/uuid)" "$store/disks/copy.qcow2" >"$store/0copy/next"
  mv "$store/0copy/next" "$store/0copy/domain.xml"
  check "uuid: with its own it takes one" eventually mkdir "$mnt/0copy/.snapshots/own"
  check "uuid: and has no other" prints own ls "$mnt/0copy/.snapshots"
  check "uuid: the first has its snapshot" prints 1 first_byte "$mnt/one/.snapshots/s1/disks/vda.raw"
  check "uuid: and no other" prints s1 ls "$mnt/one/.snapshots"
  check "uuid: which is current" prints s1 readlink "$mnt/one/current"
  check "uuid: and takes another" mkdir "$mnt/one/s1/s2"
}

# ---- an image that is folded into the one above it

folded_up ()
{
  local disk=$store/we:b.qcow2 dom=$mnt/we:b frozen
  empty_store
  make_image "$disk" 1M
  change "$disk" 1 0
  serve_store
  mkdir "$dom/s1"
  change "$disk" 2 128k
  mkdir "$dom/s1/s2"
  change "$disk" 3 256k
  remember
  frozen=$(frozen_image "$dom/s1")
  check "up: s2 is discarded" rmdir "$dom/s1/s2"
  check "up: its image goes" eventually prints "$frozen" frozen_but "$store"
  check "up: nothing is lost" lasts we:b/.snapshots/s2
}

# ---- merging

merged_parent ()
{
  local option raw=$dom/base/disks/vda.raw before
  for option in '' '-o cache'; do
    empty_store
    make_image "$image" 1M
    change "$image" 1 0
    # shellcheck disable=SC2086
    serve "$store" "$mnt" $option
    mkdir "$dom/base"
    change "$image" 2 0
    mkdir "$dom/base/leaf"
    change "$image" 3 0
    check "merged ($option): base is read" prints 1 first_byte "$raw"
    before=$(stat -c %Y "$raw")
    check "merged ($option): leaf into it" ordered OK leaf merge parent
    check "merged ($option): it has the new bytes" prints 2 first_byte "$raw"
    check "merged ($option): and a time that is a second later at least" test $(($(stat -c %Y "$raw") - before)) -ge 1
  done
}
# Backup programs compare size and second.
other_texts_are_later ()
{
  local option text=$mnt/web01/.snapshots/leaf before
  for option in memory: "$store"; do
    empty_store
    make_image "$image" 1M
    serve "$option" "$mnt"
    for name in upper leaf; do
      mkdir -p "$mnt/web01/.snapshots/$name"
    done
    before=$(stat -c %Y "$text/snapshot.xml")
    check "later ($option): the upper one has another name" \
      gives OK rename "$mnt/web01/.snapshots/upper" "$mnt/web01/.snapshots/reppu"
    check "later ($option): which leaf tells" eventually grep -q '<name>reppu</name>' "$text/snapshot.xml"
    check "later ($option): in a later second" eventually is_later "$text/snapshot.xml" "$before"
    before=$(stat -c %Y "$text/description")
    check "later ($option): a description" gives OK write "$text/description" abc
    check "later ($option): so it is with it" eventually is_later "$text/description" "$before"
    before=$(stat -c %Y "$text/description")
    check "later ($option): another one" gives OK write "$text/description" xyz
    check "later ($option): and with that" eventually is_later "$text/description" "$before"
    check "later ($option): unmounting" unserve "$mnt"
  done
}
is_later ()
{
  [ "$(stat -c %Y "$1")" -gt "$2" ]
}
merged_into_nothing ()
{
  store_of_two
  check "nothing: back to base" ordered OK base revert 1
  check "nothing: leaf has a child without data" redefine_without_data none leaf
  check "nothing: which is there" test -d "$dom/base/leaf/none"
  remember
  check "nothing: leaf is not merged into that" ordered EINVAL leaf merge children
  check "nothing: nor by force" ordered EINVAL leaf merge 'children force'
  check "nothing: nor that into leaf" prints_like "EINVAL|EOPNOTSUPP" order none merge parent
  check "nothing: leaf is there" test -d "$dom/base/leaf"
  check "nothing: nothing is lost" lasts
}
merged_away ()
{
  empty_store
  make_image "$image" 1M
  change "$image" 1 0
  serve_store
  mkdir "$dom/base"
  check "away: base has a child without data" redefine_without_data none base
  check "away: which is the current one" ordered OK none current 1
  remember
  check "away: base, a root, is not merged with what is before it" ordered EINVAL base merge parent
  check "away: nothing is lost" lasts
}

namesakes
mounted_below
hard_linked
raw_with_magic
swapped_disks
written_between
dropped_and_back
renamed_and_back
renamed_with_images
held_orphan
one_uuid
folded_up
merged_parent
other_texts_are_later
merged_into_nothing
merged_away
finish
