#!/bin/bash
# Disks as files: size, holes and every byte, with the tools that people copy and back up with.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
web=$mnt/web01
make_machine "$image"
serve "$store" "$mnt" || exit 1
mkdir "$web/base" || exit 1
change "$image" 7 16M
mkdir "$web/base/next" || exit 1
change "$image" 9 20M

# What QEMU reads, to compare with.
as_raw ()
{
  despite_tidying qemu-img convert -f qcow2 -O raw "$1" "$2"
}
as_raw "$(frozen_image "$web/base")" "$work/base"
as_raw "$(frozen_image "$web/base/next")" "$work/next"
as_raw "$image" "$work/live"
base=$web/base/disks/vda.raw
next=$web/base/next/disks/vda.raw
live=$web/disks/vda.raw
flat=$web/.snapshots/next/disks/vda.raw

# Bytes that are stored for a file.
stored ()
{
  echo $(($(stat -c %b "$1") * 512))
}

# ---- what stat says

for file in "$base" "$next" "$live"; do
  check "${file#"$web"/} has the disk's size" prints 33554432 stat -c %s "$file"
  check "and may only be read" prints 440 stat -c %a "$file"
done
check "as much is stored as the image has" \
  prints "$(stat -c %b "$(frozen_image "$web/base")")" stat -c %b "$base"
check "a disk with a base has no more than its layers" \
  [ "$(stored "$next")" -le $(($(stored "$(frozen_image "$web/base")") +
                               $(stored "$(frozen_image "$web/base/next")"))) ]
check "and less than its size" [ "$(stored "$next")" -lt 33554432 ]
check "its times are the snapshot's" \
  prints "$(stat -c '%Y %Y' "$web/base")" stat -c '%Y %Z' "$base"
check "ls lists both files of a disk" prints $'vda.raw\nvda.xml' ls "$web/base/disks"
check "and of the live one" prints $'vda\nvda.method\nvda.raw\nvda.xml' ls "$web/disks"

# ---- bytes

for name in base next live; do
  check "$name has every byte" cmp "${!name}" "$work/$name"
done
check "and under .snapshots" cmp "$flat" "$work/next"
check "they are different disks" refused cmp -s "$base" "$next"

same_and_sparse ()
{
  cmp "$1" "$2" && [ "$(stored "$1")" -le $(($(stored "$3") + 65536)) ]
}
check "cp --sparse=auto" cp --sparse=auto "$next" "$work/cp"
check "copies bytes and holes" same_and_sparse "$work/cp" "$work/next" "$next"
check "cp without options" cp "$next" "$work/cp2"
check "does too" same_and_sparse "$work/cp2" "$work/next" "$next"
check "tar -S" tar -SC "$web/base/next/disks" -cf "$work/tar" vda.raw
check "stores no holes" [ "$(stat -c %s "$work/tar")" -le $(($(stored "$next") + 65536)) ]
check "and is unpacked" tar -C "$work" -xf "$work/tar"
check "to the same" same_and_sparse "$work/vda.raw" "$work/next" "$next"
check "rsync -S" rsync -S --times "$next" "$work/rsync"
check "copies the bytes" cmp "$work/rsync" "$work/next"
check "dd" dd if="$next" of="$work/dd" bs=1M status=none
check "copies the bytes too" cmp "$work/dd" "$work/next"
check "dd with an odd size" dd if="$next" of="$work/odd" bs=12345 status=none
check "is no different" cmp "$work/odd" "$work/next"
check "dd with O_DIRECT" dd if="$next" of="$work/direct" bs=64k iflag=direct status=none
check "is not either" cmp "$work/direct" "$work/next"
rm -f "$work"/{cp,cp2,tar,vda.raw,dd,odd,direct}

# Every block of this disk has a checksum and its own offset in it.
fio_reads ()
{
  fio --name=read --filename="$1" --size=24M --rw=randread --bs=4k --verify=crc32c --readonly \
    --aux-path="$work" --minimal
}
if command -v fio >/dev/null; then
  fio --name=write --filename="$work/checked" --size=24M --rw=write --bs=4k --verify=crc32c \
    --do_verify=0 --aux-path="$work" --minimal >/dev/null
  qemu-img convert -c -f raw -O qcow2 "$work/checked" "$store/checked.qcow2"
  check "a disk that fio wrote appears" eventually test -d "$mnt/checked"
  check "a snapshot of it" mkdir "$mnt/checked/base"
  check "fio finds every checksum" fio_reads "$mnt/checked/base/disks/vda.raw"
  printf x | dd of="$work/checked" bs=1 seek=5000000 conv=notrunc status=none
  check "and would find a wrong byte" refused fio_reads "$work/checked"
  rm -f "$work/checked"
else
  skip "fio finds every checksum" "fio is not installed"
fi

parallel_readers ()
{
  local pids=() pid bad=0
  for _ in 1 2 3 4; do
    cmp "$next" "$work/next" & pids+=($!)
    cmp "$base" "$work/base" & pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid" || bad=1
  done
  return "$bad"
}
check "eight readers at a time" parallel_readers

# ---- holes

cat >"$work/holes.py" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
size = os.fstat(fd).st_size
reference = open(sys.argv[2], "rb") if len(sys.argv) > 2 else None
at, holes, data = 0, 0, 0
def seek(offset, how):
    try:
        return os.lseek(fd, offset, how)
    except OSError as error:
        assert error.errno == errno.ENXIO, error
        return None
while at < size:
    start = seek(at, os.SEEK_DATA)
    start = size if start is None else start
    if reference is not None and start > at:
        reference.seek(at)
        assert not any(reference.read(start - at)), "data in the hole at %d" % at
    holes += start - at
    if start < size:
        assert seek(start, os.SEEK_DATA) == start
        at = seek(start, os.SEEK_HOLE)
        assert at > start
        data += at - start
    else:
        at = size
assert seek(size, os.SEEK_DATA) is None and seek(size, os.SEEK_HOLE) is None
assert holes + data == size
print("holes" if holes else "full")
END
check "holes are where QEMU reads zeros" prints holes python3 "$work/holes.py" "$next" "$work/next"
check "in the live disk too" prints holes python3 "$work/holes.py" "$live" "$work/live"
check "a text is data to its end" prints full python3 "$work/holes.py" "$web/base/snapshot.xml"
check "info as well" prints full python3 "$work/holes.py" "$web/info"

big=$store/big.qcow2
qemu-img create -q -f qcow2 "$big" 1T && qemu-io -f qcow2 -c 'write -q -P 5 600G 1M' "$big"
check "a tebibyte appears" eventually test -d "$mnt/big"
check "a snapshot of it" mkdir "$mnt/big/base"
copy_the_tebibyte ()
{
  local begin=${EPOCHREALTIME/./}
  cp "$mnt/big/base/disks/vda.raw" "$work/big" || return 1
  begin=$((${EPOCHREALTIME/./} - begin))
  echo "$begin microseconds"
  [ "$begin" -lt 2000000 ] && [ "$(stored "$work/big")" -le 2097152 ]
}
check "is copied at once" copy_the_tebibyte
check "with its data" eval \
  'cmp -n 1M -i 600G:0 "$work/big" <(head -c 1M /dev/zero | tr "\0" "\5")'
rm -f "$work/big"

# ---- file systems and mappings

loop_mount ()
{
  mkdir -p "$work/loop" &&
    mount -o loop,ro,noload "$1" "$work/loop" &&
    prints "$image" cat "$work/loop/etc/hostname" &&
    prints "$(seq 20000 | sha256sum)" eval 'sha256sum <"$work/loop/numbers"'
  local status=$?
  mountpoint -q "$work/loop" && umount "$work/loop"
  return "$status"
}
if [ "$(id -u)" -eq 0 ] && loop=$(losetup -f 2>/dev/null) && [ -e "$loop" ]; then
  check "the file system inside is mounted" loop_mount "$base"
else
  skip "the file system inside is mounted" "no loop devices"
fi

cat >"$work/map.py" <<'END'
import errno, mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
try:
    kind = mmap.MAP_PRIVATE if sys.argv[2] == "private" else mmap.MAP_SHARED
    with mmap.mmap(fd, 1 << 20, kind, mmap.PROT_READ) as mapped:
        print("same" if mapped[:] == open(sys.argv[3], "rb").read(1 << 20) else "other bytes")
except OSError as error:
    print(errno.errorcode[error.errno])
END
check "it can be mapped privately" prints same python3 "$work/map.py" "$next" private "$work/next"
check "but not shared" prints ENODEV python3 "$work/map.py" "$next" shared "$work/next"

# ---- backups

check "rsync finds nothing to do the second time" prints '' rsync -Si --times "$next" "$work/rsync"
if command -v restic >/dev/null; then
  export RESTIC_PASSWORD=test RESTIC_CACHE_DIR=$work/cache
  back_up ()
  {
    restic -r "$work/repository" backup --verbose=2 "$web/base" >"$work/restic" &&
      grep -E "^$1 .*/base/disks/vda.raw" "$work/restic" >/dev/null &&
      grep -E "^$1 .*/next/disks/vda.raw" "$work/restic" >/dev/null
  }
  check "restic has a repository" restic -q -r "$work/repository" init
  check "restic backs the disks up" back_up new
  check "and reads none the second time" back_up unchanged
else
  skip "restic reads no disk the second time" "restic is not installed"
fi

inode=$(stat -c %i "$next")
times=$(stat -c '%.9Y %.9Z' "$next")
check "a description" gives OK write "$web/base/next/description" hello
check "and a name" mv "$web/base/next" "$web/base/later"
next=$web/base/later/disks/vda.raw
check "change no time of a disk" prints "$times" stat -c '%.9Y %.9Z' "$next"
check "nor its number" prints "$inode" stat -c %i "$next"
check "unmounting" unserve "$mnt"
check "mounting again, through the page cache" serve "$store" "$mnt" -o cache
check "the number is the same" prints "$inode" stat -c %i "$next"
check "and the times" prints "$times" stat -c '%.9Y %.9Z' "$next"
check "rsync still finds nothing to do" prints '' rsync -Si --times "$next" "$work/rsync"

# ---- the page cache

check "every byte through the page cache" cmp "$next" "$work/next"
check "and the second time" cmp "$next" "$work/next"
check "and of the live disk" cmp "$live" "$work/live"
check "holes are found there too" prints holes python3 "$work/holes.py" "$next" "$work/next"
check "it can be mapped shared now" prints same python3 "$work/map.py" "$next" shared "$work/next"
check "what is written to the live disk" change "$image" 21 24M
as_raw "$image" "$work/live"
check "is read from then on" cmp "$live" "$work/live"
finish
