#!/bin/bash
# A snapshot of one disk while the guest is at rest, asked for with --quiesce: a guest with an agent, under
# TCG, writes to a file system all the time.
. "$(dirname "$0")/lib.sh"

"$(dirname "$0")/../guest/make-guest" "${GUEST:?is to be the directory of the small guests}" writer || exit 1
BOOT_LIMIT=300 # seconds

# ---- the guest

channel ()
{
  echo "<channel type='unix'><source mode='bind' path='$work/$1.sock'/>\
<target type='virtio' name='$2'/></channel>"
}
guest_xml ()
{
  machine_xml guest vda vdb | sed "
    s,<memory unit='MiB'>64<,<memory unit='MiB'>256<,
    s,</os>,<kernel>$GUEST/writer/vmlinuz</kernel><initrd>$GUEST/writer/initramfs</initrd>\
<cmdline>console=ttyS0 quiet panic=-1 mitigations=off nokaslr agent=yes</cmdline></os>\
<cpu mode='maximum'/>,
    s,</devices>,$(channel agent org.qemu.guest_agent.0)$(channel control vmsnapfs.control)\
<serial type='file'><source path='$work/console.log'/></serial></devices>,"
}
# The guest's shell does $1.
in_guest ()
{
  python3 - "$work/control.sock" "$1" <<'END'
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.settimeout(120)
s.connect(sys.argv[1])
s.sendall(sys.argv[2].encode() + b"\n")
said = b""
while b"\x04 " not in said or not said.endswith(b"\n"):
    part = s.recv(4096)
    if not part:
        break
    said += part
sys.exit(0 if b"\x04 0" in said else said.decode(errors="replace"))
END
}
boots ()
{
  local end=$((SECONDS + BOOT_LIMIT))
  until grep -qs "guest: ready" "$work/console.log"; do
    [ "$SECONDS" -lt "$end" ] || { tail "$work/console.log"; return 1; }
    sleep 0.1
  done
}

start_libvirtd || finish
make_image "$images/guest-vda.qcow2"
qemu-img create -q -f raw "$work/fs.raw" 64M && mke2fs -q -t ext4 "$work/fs.raw"
qemu-img convert -f raw -O qcow2 "$work/fs.raw" "$images/guest-vdb.qcow2"
guest_xml >"$work/guest.xml" && v define "$work/guest.xml" >/dev/null
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
guest=$mnt/guest
of=$guest/disks/vdb
v start guest
check "the guest boots" boots || finish
check "its agent answers" eventually v qemu-agent-command guest '{"execute":"guest-ping"}'
writer='(while :; do date >/mnt/$((i = (i + 1) % 50)); done) >/dev/null 2>&1 &'
check "it writes" in_guest "mount -t ext4 /dev/vdb /mnt || exit; $writer"

# ---- snapshots of it

# Whether the file system in the snapshot $1 needs no recovery.
is_clean ()
{
  cp "$of/$1/vdb.raw" "$work/copy.raw" && ! dumpe2fs -h "$work/copy.raw" 2>/dev/null | grep needs_recovery &&
    e2fsck -fn "$work/copy.raw" >/dev/null 2>&1
}
thawed ()
{
  prints_like thawed v qemu-agent-command guest '{"execute":"guest-fsfreeze-status"}'
}
for number in 1 2 3; do
  step guest "quiet $number" gives OK write "$guest/control/create" \
    "quiet$number --disk-only --quiesce --diskspec vdb --diskspec vda,snapshot=no"
  check "the guest is thawed" thawed
  check "it is one of that disk" test -e "$of/quiet$number/vdb.raw"
  check "its file system is clean" is_clean "quiet$number"
  check "which libvirt does not record" prints unknown field "$of/quiet$number/info" quiesced
  step guest "one that is not asked for so" mkdir "$of/loud$number"
  check "is not clean" refused is_clean "loud$number"
done
check "the guest goes on" in_guest 'sync'
finish
