#!/bin/bash
# vmsnap umount: when it returns, the tree is gone and its images are free; when it cannot, it says why.

# Who is not root may use /dev/fuse on most machines; where not, then one of our own, which nobody else
# sees.
if [ "$(id -u)" = 0 ] && [ -z "${OWN_DEVICE:-}" ] &&
   ! setpriv --reuid=65534 --regid=65534 --clear-groups test -w /dev/fuse; then
  # shellcheck disable=SC2016 # for the shell in there
  OWN_DEVICE=1 exec unshare --mount --propagation slave bash -c '
    devices=$(mktemp -d) && mount -t tmpfs -o mode=755 tmpfs "$devices" &&
    mknod -m 666 "$devices/fuse" c 10 229 && mount --bind "$devices/fuse" /dev/fuse &&
    umount -l "$devices" && rmdir "$devices" && exec "$1"' bash "$0"
fi

. "$(dirname "$0")/tools.sh"

unmount ()
{
  "$VMSNAP" umount --timeout 10 "$@"
}
is_gone ()
{
  ! mountpoint -q "$1"
}
# The daemon of $1 has ended well by itself.
ended ()
{
  local pid=${daemons[$1]}
  unset 'daemons[$1]' # quoted: the name itself may have quotes
  wait "$pid"
}
# Somebody else may have the store at once.
is_free ()
{
  flock -n -x "$store" true
}

# ---- what is mounted

check "what is no mount is told" fails 1 "mnt: no tree is mounted there" "$VMSNAP" umount "$mnt"
check "what is not there, too" fails 1 'nowhere' "$VMSNAP" umount "$work/nowhere/mnt"
check "another's mount is left alone" fails 1 'no tree is mounted' "$VMSNAP" umount /proc
check "a time-out is a number" fails 2 'no number' "$VMSNAP" umount --timeout soon "$mnt"

serve memory: "$mnt" || exit 1
check "a tree in memory" unmount "$mnt"
check "is gone" is_gone "$mnt"
check "and its daemon ends well" ended "$mnt"

make_image "$store/vm.qcow2"
serve "$store" "$mnt" || exit 1
mkdir "$mnt/vm/base" || exit 1
check "the store is taken while it is mounted" refused is_free
check "a tree of images" unmount "$mnt"
check "is gone when the command returns" is_gone "$mnt"
check "and the store is free" is_free
check "as the daemon has ended" ended "$mnt"

# One after the other without a pause: each needs the store for itself.
again_and_again ()
{
  local round
  for round in {1..10}; do
    if ! { serve "$store" "$mnt" && unmount "$mnt" && is_free && ended "$mnt"; }; then
      echo "round $round"
      return 1
    fi
  done
}
check "it can be mounted again at once" again_and_again

strange=$work/$'a\\b "c"\n\t%s'
mkdir "$strange"
ln -s "$strange" "$work/link"
serve memory: "$strange" || exit 1
check "a mount point may have any name" unmount "$strange"
ended "$strange"
serve memory: "$strange" || exit 1
check "and be named by a link" unmount "$work/link"
ended "$strange"
serve memory: "$strange" || exit 1
check "or from within its directory" eval '(cd "$work" && unmount "./${strange##*/}/")'
ended "$strange"
mkdir "$work/-u"
serve memory: "$work/-u" || exit 1
check "and look like an option" eval '(cd "$work" && unmount -- -u)'
ended "$work/-u"

serve "$store" "$mnt" || exit 1
kill -KILL "${daemons[$mnt]}"
ended "$mnt" 2>/dev/null
check "a mount that a killed daemon left is taken off" unmount "$mnt"
check "and is gone" is_gone "$mnt"

mkdir "$work/second"
serve "$store" "$mnt" -o ro || exit 1
serve "$store" "$work/second" -o ro || exit 1
check "who only reads does not wait for others who do" "$VMSNAP" umount --timeout 2 "$mnt"
ended "$mnt"
check "whose tree stays" test -e "$work/second/vm/info"
check "several at once, of which one is wrong" fails 1 'nowhere' unmount "$work/nowhere" "$work/second"
check "the others are gone" is_gone "$work/second"
ended "$work/second"

# ---- in the way

serve "$store" "$mnt" || exit 1
exec 8<"$mnt/vm/info"
# A subshell of ours has it open, too, and its number may be the smaller one.
check "an open file is in the way" fails 1 "mnt: in use by .*umount.sh \($$\), which has something in it open" \
  "$VMSNAP" umount --timeout 0 "$mnt"
check "vmsnap itself, which has it from the shell, is not" \
  refused eval '"$VMSNAP" umount --timeout 0 "$mnt" 2>&1 | grep "vmsnap ("'
check "the tree is still there" test -e "$mnt/vm/info"
exec 8<&-
cd "$mnt/vm" || exit 1
check "so is a working directory" fails 1 "umount.sh \($$\), whose working directory is in it" \
  "$VMSNAP" umount --timeout 0 "$mnt"
cd "$work" || exit 1
python3 -c 'import mmap, os, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
held = mmap.mmap(fd, 0, prot=mmap.PROT_READ, flags=mmap.MAP_PRIVATE)
os.close(fd)
print("mapped", flush=True)
time.sleep(60)' "$mnt/vm/domain.xml" >"$work/mapped" &
mapper=$!
if eventually grep -q mapped "$work/mapped"; then
  check "so is a mapping" fails 1 "python3 \($mapper\), which has something in it (mapped|open)" \
    "$VMSNAP" umount --timeout 0 "$mnt"
fi
kill "$mapper"
wait "$mapper" 2>/dev/null

# An indexer: it goes away by itself.
sleep 1 8<"$mnt/vm/info" &
indexer=$!
check "who is in the way for a moment is waited for" unmount "$mnt"
check "and was let finish" wait "$indexer"
check "the tree is gone" is_gone "$mnt"
ended "$mnt"

# ---- waiting for the store

# A program that gets the store as soon as the daemon lets go, and keeps it until descriptor 9 is closed.
waiting_for ()
{
  grep -q "^[0-9]*: -> FLOCK .*:$(stat -c %i "$store") " /proc/locks
}
hold_next ()
{
  mkfifo "$work/hold" 2>/dev/null
  flock -x "$store" cat "$work/hold" >/dev/null &
  holder=$!
  eventually waiting_for
}
# It looks at the store now and then, and may do so just between the daemon and who waits for the
# lock: then the store was free, and it is right to return.  That does not happen every time.
unmount_while_held ()
{
  serve "$store" "$mnt" || exit 1
  hold_next
  unmount "$mnt" &
  waiting=$!
  exec 9>"$work/hold"
  eventually is_gone "$mnt" && kill -0 "$waiting"
}
let_go ()
{
  exec 9>&-
  wait "$holder"
  ended "$mnt"
}
for attempt in 1 2 3 4 5; do
  unmount_while_held 2>"$work/reason" && break
  wait "$waiting"
  let_go
done
check "the tree is gone" is_gone "$mnt"
check "but while the store is held it does not return" kill -0 "$waiting"
exec 9>&-
check "only then it does" wait "$waiting"
let_go

serve "$store" "$mnt" || exit 1
hold_next
check "nor for ever" fails 1 'unmounted, but something still holds its store' \
  "$VMSNAP" umount --timeout 1 "$mnt"
exec 9>"$work/hold"
exec 9>&-
wait "$holder"
check "and the tree is gone" is_gone "$mnt"
ended "$mnt"

# ---- without being root

as_nobody ()
{
  setpriv --reuid=65534 --regid=65534 --clear-groups env "$@"
}
mkdir "$work/theirs" "$work/bin"
cp "$VMSNAP" "$VMSNAPFS" "$work/bin/"
chmod 755 "$work" "$work/bin"
chown 65534:65534 "$work/theirs"
if [ "$(id -u)" = 0 ] && as_nobody "$work/bin/${VMSNAPFS##*/}" memory: "$work/theirs" 2>/dev/null; then
  check "root cannot see into another's tree, and unmounts it" unmount "$work/theirs"
  as_nobody "$work/bin/${VMSNAPFS##*/}" memory: "$work/theirs"
  check "its owner is not root, and unmounts it" as_nobody "$work/bin/${VMSNAP##*/}" umount "$work/theirs"
  check "it is gone" is_gone "$work/theirs"
  as_nobody "$work/bin/${VMSNAPFS##*/}" memory: "$work/theirs"
  # shellcheck disable=SC2016 # for the shell in there
  setpriv --reuid=65534 --regid=65534 --clear-groups \
    bash -c 'exec 8<"$1/web01/info"; exec sleep 60' bash "$work/theirs" &
  reader=$!
  holds_it ()
  {
    readlink "/proc/$reader/fd/8" | grep -q info
  }
  eventually holds_it
  check "who is in the way is told" fails 1 "sleep \($reader\)" \
    as_nobody "$work/bin/${VMSNAP##*/}" umount --timeout 0 "$work/theirs"
  kill "$reader"
  wait "$reader" 2>/dev/null
  check "and without it it goes" as_nobody "$work/bin/${VMSNAP##*/}" umount "$work/theirs"
else
  skip "who is not root unmounts by fusermount3" "nobody cannot mount here"
fi
finish
