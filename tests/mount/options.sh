#!/bin/bash
# Options, mounting and unmounting: what fstab, service managers and people rely on.
. "$(dirname "$0")/lib.sh"

make_image "$store/web01.qcow2"
make_image "$store/web02.qcow2"
make_image "$store/db01.qcow2"
serve "$store" "$mnt" || exit 1
mkdir "$mnt/web01/base"
unserve "$mnt"

# Whether no daemon of ours has $1 mounted or is still there for it.
no_daemon ()
{
  ! pgrep -f -- " $1( |\$)" >/dev/null
}
not_mounted ()
{
  ! mountpoint -q "$1"
}
# Mounts in the background, as people do; the daemon's process is looked up for the trap.
background ()
{
  local point=${*: -1}
  "$VMSNAPFS" "$@" >>"$work/daemon.log" 2>&1
}
gone ()
{
  eventually not_mounted "$1" && eventually no_daemon "$1"
}

# ---- help

check "--version" prints_like '[0-9]+\.[0-9]+' "$VMSNAPFS" --version
check "--help" prints_like 'domains=' "$VMSNAPFS" --help
check "an unknown option is refused" refused "$VMSNAPFS" -o no-such-option "$store" "$mnt"
check "a missing argument is refused" refused "$VMSNAPFS" "$store"
check "a store that is not there is refused" refused "$VMSNAPFS" "$work/nowhere" "$mnt"
check "an unknown scheme is refused" refused "$VMSNAPFS" nowhere:x "$mnt"
check "nothing was mounted" not_mounted "$mnt"

# ---- starting and ending

check "it goes to the background" background "$store" "$mnt"
check "and answers at once" test -d "$mnt/web01/base"
check "fusermount3 -u unmounts" fusermount3 -u "$mnt"
check "and ends it" gone "$mnt"
check "it closes its streams: a pipe ends" timeout 10 bash -c \
  '"$1" "$2" "$3" | cat' bash "$VMSNAPFS" "$store" "$mnt"
check "and the mount is there" test -d "$mnt/web01"
check "umount by path" umount "$mnt"
check "ends it" gone "$mnt"

check "with -f it stays" serve "$store" "$mnt"
kill -TERM "${daemons[$mnt]}"
check "SIGTERM ends it" eval 'wait "${daemons[$mnt]}" && unset "daemons[$mnt]"'
check "and unmounts" not_mounted "$mnt"
check "-d says what happens" serve "$store" "$mnt" -d
ls "$mnt" >/dev/null
check "on standard error" eventually grep -q OPENDIR "$work/daemon.log"
check "unmounting" unserve "$mnt"
: >"$work/daemon.log"
check "-s is accepted" serve "$store" "$mnt" -s
check "unmounting" unserve "$mnt"

check "a daemon" serve "$store" "$mnt"
mkdir "$work/other"
check "a second one on the same store is refused" refused serve "$store" "$work/other"
check "with a sentence" grep -q "$store" "$work/daemon.log"
check "its mount point is free" not_mounted "$work/other"
pid=${daemons[$mnt]}
kill -KILL "$pid"
wait "$pid" 2>/dev/null
unset "daemons[$mnt]"
check "after kill -9 the mount is stale" refused ls "$mnt"
check "a new daemon replaces it" serve "$store" "$mnt"
check "and serves" test -d "$mnt/web01/base"
exec 8<"$mnt/web01/info"
check "with an open file, fusermount3 -u refuses" refused fusermount3 -q -u "$mnt"
exec 8<&-
check "unmounting" unserve "$mnt"
: >"$work/daemon.log"

# ---- where it may be mounted

mkdir "$store/inside"
check "not on the store" refused "$VMSNAPFS" "$store" "$store"
check "not inside the store" refused "$VMSNAPFS" "$store" "$store/inside"
check "not above the store" refused "$VMSNAPFS" "$store" "$work"
ln -s "$store/inside" "$work/link"
check "nor by a symbolic link" refused "$VMSNAPFS" "$store" "$work/link"
check "nor with dots" refused "$VMSNAPFS" "$store" "$mnt/../store/inside"
check "nothing was mounted" refused grep -q "$work" /proc/mounts
rmdir "$store/inside"

# ---- what is shown, to whom

check "domains=GLOB" serve "$store" "$mnt" -o 'domains=web*'
check "shows those" prints $'web01\nweb02' ls "$mnt"
check "and no other" gives ENOENT stat "$mnt/db01"
check "unmounting" unserve "$mnt"

check "uid, gid, umask" serve "$store" "$mnt" -o uid=1234,gid=2345,umask=027
check "own everything" prints '1234 2345' stat -c '%u %g' "$mnt/web01/base/snapshot.xml"
check "and the root" prints '1234 2345' stat -c '%u %g' "$mnt"
check "the umask takes bits away" prints '' find "$mnt" ! -type l -perm /027
check "unmounting" unserve "$mnt"

check "ro" serve "$store" "$mnt" -o ro
check "is ro for the kernel as well" prints_like '\bro\b' findmnt -n -o OPTIONS "$mnt"
check "browsing works" cat "$mnt/web01/base/snapshot.xml"
check "mkdir does not" gives EROFS mkdir "$mnt/web01/base/x"
check "unmounting" unserve "$mnt"

check "discard=no" serve "$store" "$mnt" -o discard=no
check "rmdir is not offered" gives EPERM rmdir "$mnt/web01/base"
check "nor is control/discard" gives ENOENT stat "$mnt/web01/base/control/discard"
find "$mnt" -depth -delete 2>/dev/null
check "find -delete leaves the snapshot" test -d "$mnt/web01/base"
check "mkdir works" gives OK mkdir "$mnt/web01/base/kept"
check "revert works" gives OK write "$mnt/web01/base/control/revert" 1
check "unmounting" unserve "$mnt"

# ---- images outside the store

mkdir "$work/elsewhere" "$store/far"
make_image "$work/elsewhere/far.qcow2"
cat >"$store/far/domain.xml" <<XML
<domain type='kvm'><name>far</name><uuid>d00dfeed-edaf-9455-926a-d65c16db1809</uuid>
<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os>
<devices><disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='$work/elsewhere/far.qcow2'/><target dev='vda' bus='virtio'/></disk></devices></domain>
XML
before=$(picture_of "$work/elsewhere")
check "an image elsewhere" serve "$store" "$mnt"
check "is refused" refused mkdir "$mnt/far/one"
check "with a sentence that names the option" prints_like 'allow=' \
  cat "$mnt/far/info" "$mnt/far/control/error"
check "and is not touched" prints "$before" picture_of "$work/elsewhere"
check "unmounting" unserve "$mnt"
check "allow=DIR" serve "$store" "$mnt" -o "allow=$work/elsewhere"
check "lets it be snapshotted" mkdir "$mnt/far/one"
check "beside its image" prints 2 eval 'find "$work/elsewhere" -name "*.qcow2" | wc -l'
check "unmounting" unserve "$mnt"

# ---- as fstab has it

if [ "$(id -u)" -eq 0 ]; then
  mkdir "$work/bin"
  ln -s "$VMSNAPFS" "$work/bin/vmsnapfs"
  export PATH=$work/bin:$PATH
  options=rw,nosuid,nodev,allow_other,uid=1000,gid=1000,discard=no,nofail,_netdev
  # mount(8) looks for the program in its own PATH only, hence its full name.
  echo "$VMSNAPFS#$store $mnt fuse $options 0 0" >"$work/fstab"
  check "mount by an fstab line" mount -T "$work/fstab" "$mnt"
  check "is served" prints 1000 stat -c %u "$mnt/web01/base"
  check "umount" umount "$mnt"
  check "ends it" gone "$mnt"
  # What mount -t fuse.vmsnapfs runs.
  check "mount.fuse3" mount.fuse3 "$store" "$mnt" -t fuse.vmsnapfs -o "$options"
  check "is served" prints 1000 stat -c %u "$mnt/web01/base"
  check "and known as fuse.vmsnapfs" prints fuse.vmsnapfs findmnt -n -o FSTYPE "$mnt"
  check "with its source" prints "$store" findmnt -n -o SOURCE "$mnt"
  check "umount" umount "$mnt"
  check "ends it" gone "$mnt"
else
  skip "mount by an fstab line" "needs root"
fi
finish
