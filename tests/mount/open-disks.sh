#!/bin/bash
# Disks while something happens to them: a snapshot that is read, a machine that runs, an image that
# is damaged, a storage that is slow.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
web=$mnt/web01
make_machine "$image"
serve "$store" "$mnt" || exit 1
mkdir "$web/base" "$web/base/leaf" || exit 1
leaf=$web/base/leaf/disks/vda.raw
live=$web/disks/vda.raw
despite_tidying qemu-img convert -f qcow2 -O raw "$image" "$work/live"

# ---- nobody writes

for file in "$leaf" "$live"; do
  check "${file#"$web"/} cannot be opened for writing" gives EACCES open-for-writing "$file"
  check "nor cut" gives EACCES truncate "$file" 0
done
check "the refusal has a sentence" prints_like 'EACCES: .*cannot be written' \
  cat "$web/control/error"

# ---- who reads a snapshot keeps it

exec 8<"$leaf"
check "a snapshot that is read cannot be discarded" gives EBUSY rmdir "$web/base/leaf"
check "with a sentence that says why" prints_like 'EBUSY: disk vda .*open' \
  tail -n 1 "$web/control/error"
check "nor through .snapshots" gives EBUSY rmdir "$web/.snapshots/leaf"
check "nor by control/discard" gives EBUSY write "$web/base/leaf/control/discard" 1
check "it can be renamed" mv "$web/base/leaf" "$web/base/blade"
check "and is read on" prints "$(sha256sum <"$work/live")" eval 'sha256sum <&8'
exec 8<&-
check "afterwards it is discarded" eventually rmdir "$web/base/blade"

# ---- who reads the live disk hinders nobody but the machine

exec 8<"$live"
check "a snapshot is taken while the live disk is read" gives OK mkdir "$web/base/more"
check "which is read as it was" prints "$(sha256sum <"$work/live")" eval 'sha256sum <&8'
exec 8<&-

exec 8<"$live"
check "no machine starts while its live disk is open" refused \
  qemu-io -f qcow2 -c 'write -q 0 512' "$image"
exec 8<&-
check "the live disk is there" prints vda.raw eval 'ls "$web/disks" | grep raw'
touch -r "$live" "$work/before"
check "the machine starts" eventually start_machine
check "the row of the live disk is gone" prints $'vda\nvda.method\nvda.xml' ls "$web/disks"
check "and cannot be opened" gives ENOENT read "$live"
check "snapshots are read on" cmp "$web/base/disks/vda.raw" "$work/live"
check "find goes on" find "$mnt"
check "the machine writes" eval 'echo "write -q -P 9 16M 64k" >&7'
check "the machine stops" stop_machine
check "the live disk is back" test -f "$live"
check "and younger than before" test "$live" -nt "$work/before"
despite_tidying qemu-img convert -f qcow2 -O raw "$image" "$work/live"
check "with what was written" cmp "$live" "$work/live"
check "unmounting" unserve "$mnt"

# ---- read-only

check "mounting read-only" serve "$store" "$mnt" -o ro
check "disks are read" cmp "$live" "$work/live"
check "writing is refused as on any such mount" gives EROFS open-for-writing "$live"
check "unmounting that" unserve "$mnt"

# ---- damage

# The image of base keeps its first half; what was in the other half is in no other file.
base=$web/base/disks/vda.raw
check "mounting again" serve "$store" "$mnt"
frozen=$(frozen_image "$web/base")
cp --sparse=never "$base" "$work/base"
check "unmounting again" unserve "$mnt"
chmod u+w "$frozen"
truncate -s "$(($(stat -c %s "$frozen") / 2 / 65536 * 65536))" "$frozen"
check "mounting what is damaged" serve "$store" "$mnt"
cat >"$work/damage.py" <<'END'
import errno, os, sys
fd = os.open(sys.argv[1], os.O_RDONLY)
whole = open(sys.argv[2], "rb").read()
good = bad = 0
for at in range(0, len(whole), 65536):
    try:
        assert os.pread(fd, 65536, at) == whole[at:at + 65536], "other bytes at %d" % at
        good += 1
    except OSError as error:
        assert error.errno == errno.EIO, error
        bad += 1
print("both" if good and bad else "%d good, %d bad" % (good, bad))
END
check "what is damaged is EIO and the rest is right" prints both \
  python3 "$work/damage.py" "$base" "$work/base"
check "it is said once" prints 1 eval 'grep -c "read base/disks/vda.raw: EIO" "$web/control/error"'
check "everything else works" cat "$web/base/snapshot.xml" "$web/info"
check "unmounting the damaged one" unserve "$mnt"

# ---- the live disk is another one after each snapshot; who has it open stays with his

cat >"$work/two.py" <<'END'
import os, subprocess, sys
live, snapshot, image = sys.argv[1:]
def byte(fd, at):
    return os.pread(fd, 1, at)[0]
def write(pattern):
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -q -P {pattern} 0 16M", image], check=True)
first = os.open(live, os.O_RDONLY)
before = os.fstat(first)
old = byte(first, 1 << 20)
os.mkdir(snapshot)
write(old ^ 0xff)
assert byte(first, 2 << 20) == byte(first, 3 << 20)
second = os.open(live, os.O_RDONLY)
for at in range(1 << 20, 16 << 20, 1 << 20):
    assert byte(first, at) == old, ("first", at)
    assert byte(second, at) == old ^ 0xff, ("second", at)
os.close(second)
machine = subprocess.Popen(["qemu-io", "-f", "qcow2", image], stdin=subprocess.PIPE)
machine.stdin.write(b"write -q -P 1 0 4k\n"); machine.stdin.flush()
while os.path.exists(live):
    pass
assert os.fstat(first).st_size == before.st_size
assert os.lseek(first, 0, os.SEEK_END) == before.st_size
assert byte(first, 1 << 20) == old
machine.stdin.close(); machine.wait()
END
for options in '' '-o cache'; do
  qemu-img create -q -f qcow2 "$store/two.qcow2" 16M
  qemu-io -f qcow2 -c 'write -q -P 5 0 16M' "$store/two.qcow2"
  # shellcheck disable=SC2086 # words
  check "serving ${options:-as always}" serve "$store" "$mnt" $options
  check "the live disk is there" eventually test -e "$mnt/two/disks/vda.raw"
  check "two who open it at different times read their own bytes" \
    timeout 60 python3 "$work/two.py" "$mnt/two/disks/vda.raw" "$mnt/two/base" "$store/two.qcow2"
  check "unmounting" unserve "$mnt"
  rm -rf "$store/two.qcow2" "$store"/.vmsnapfs*
done
check "only reading, but cutting" serve 'memory:' "$mnt"
check "is refused" refused python3 -c 'import os, sys
os.open(sys.argv[1], os.O_RDONLY | os.O_TRUNC)' "$mnt/web01/base/disks/vda.raw"
check "unmounting" unserve "$mnt"

# ---- slow storage, as a script of memory: has it

slow=$mnt/web01/base/disks/vda.raw
check "reads that take long" serve 'memory:?delay=read:3000' "$mnt"
read_all_at_once ()
{
  local begin=$SECONDS pids=()
  for _ in $(seq 12); do
    head -c 4096 "$slow" >/dev/null &
    pids+=($!)
  done
  sleep 0.2
  timeout 2 ls -lR "$mnt" && timeout 2 cat "$mnt/db01/info" "$mnt"/db01/disks/vda.xml || return 1
  wait "${pids[@]}"
  [ $((SECONDS - begin)) -ge 3 ]
}
check "keep nobody waiting who looks around" read_all_at_once
check "unmounting the slow one" unserve "$mnt"
check "reads that take long again" serve 'memory:?delay=read:300' "$mnt"
ends_soon ()
{
  local pids=() daemon=${daemons[$mnt]} begin=$SECONDS
  for _ in 1 2 3 4 5 6; do
    cat "$slow" >/dev/null 2>&1 &
    pids+=($!)
  done
  sleep 0.5
  kill "$daemon"
  wait "$daemon"
  unset "daemons[$mnt]"
  wait "${pids[@]}"
  [ $((SECONDS - begin)) -le 5 ]
}
check "reads that go on do not hold up the end" ends_soon
check "with one thread" serve 'memory:?delay=read:100' "$mnt" -s
check "they are read all the same" eval '[ "$(dd if="$slow" bs=1M count=3 status=none | wc -c)" -eq 3145728 ]'
check "unmounting that one" unserve "$mnt"
check "a storage that fails" serve 'memory:?fail=read:damaged:2&fail=open:failed:1' "$mnt"
check "an open that fails" gives EIO read "$slow"
check "a read that fails" gives EIO read "$slow"
check "and again" gives EIO read "$slow"
check "and does not any more" gives OK read "$slow"
check "unmounting the last" unserve "$mnt"
finish
