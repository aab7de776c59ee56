#!/bin/bash
# A machine that runs and has a QMP socket in the store: it can be snapshotted. A real QEMU, no guest.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
web=$mnt/web01
make_machine "$image"

start_qemu ()
{
  qemu-system-x86_64 -accel tcg -nodefaults -display none -m 16 \
    -qmp "unix:$store/web01.qmp.sock,server=on,wait=off" -qmp "unix:$work/ours.sock,server=on,wait=off" \
    -drive "file=$image,if=none,id=vda,format=qcow2" -device virtio-blk-pci,drive=vda \
    </dev/null >"$work/qemu.log" 2>&1 &
  qemu=$!
  eventually test -S "$work/ours.sock"
}
trap 'kill -9 "${qemu:-}" 2>/dev/null; clean_up' EXIT

# Says the command $1 with the arguments $2, as JSON, to QEMU.
tell ()
{
  local none='{}'
  timeout 30 python3 - "$work/ours.sock" "$1" "${2:-$none}" <<'END'
import json, socket, sys

path, command, arguments = sys.argv[1:]
qmp = socket.socket(socket.AF_UNIX)
qmp.connect(path)
answers = qmp.makefile()
for name, words in (("qmp_capabilities", {}), (command, json.loads(arguments))):
    qmp.sendall(json.dumps({"execute": name, "arguments": words}).encode() + b"\n")
    while not (answer := json.loads(answers.readline())).keys() & {"return", "error"}:
        pass
sys.exit("error" in answer)
END
}
write_at ()
{
  tell human-monitor-command "{\"command-line\": \"qemu-io vda \\\"write -P $1 $2 64k\\\"\"}" &&
    tell human-monitor-command '{"command-line": "qemu-io vda flush"}'
}

serve "$store" "$mnt" || exit 1
check "the machine starts" start_qemu
check "info says that it runs" eventually prints running field "$web/info" state
check "the socket is no domain" prints web01 ls "$mnt"

check "the machine writes" write_at 5 16M
check "mkdir takes a snapshot" gives OK mkdir "$web/base"
check "the machine goes on" write_at 6 17M
check "and another" gives OK mkdir "$web/base/leaf"
check "its state is libvirt's" prints disk-snapshot field "$web/base/info" state
check "its document is valid" xmllint --noout --nonet \
  --relaxng /usr/share/libvirt/schemas/domainsnapshot.rng "$web/base/snapshot.xml"
check "the snapshot's disk can be read" cp "$web/base/leaf/disks/vda.raw" "$work/leaf.raw"
check "and holds what was written" qemu-io -r -f raw -c 'read -P 5 16M 64k' -c 'read -P 6 17M 64k' \
  "$work/leaf.raw"
check "the one before does not" refused cmp -s "$web/base/disks/vda.raw" "$work/leaf.raw"

check "the machine is paused" tell stop
check "info says so" eventually prints paused field "$web/info" state
check "it can be snapshotted still" gives OK mkdir "$web/base/leaf/still"
check "and stays paused" prints paused field "$web/info" state
check "it goes on" tell cont
check "info says that it runs again" eventually prints running field "$web/info" state

check "a revert is refused" gives EBUSY write "$web/base/control/revert" 1
check "with a sentence" prints_like 'EBUSY: .*switch the machine off' tail -n 1 "$web/control/error"
check "a discard is not" gives OK rmdir "$web/base/leaf/still"
check "the machine writes once more" write_at 7 18M

check "a daemon that is killed" eval 'kill -9 "${daemons[$mnt]}"; wait "${daemons[$mnt]}"; true'
unset "daemons[$mnt]"
umount -l "$mnt" 2>/dev/null || fusermount3 -q -u -z "$mnt"
check "is followed by another" serve "$store" "$mnt"
check "which sees the machine run" eventually prints running field "$web/info" state
check "and takes a snapshot of it" gives OK mkdir "$web/base/leaf/later"

check "the machine ends" tell quit
wait "$qemu"
check "info says that it is shut off" eventually prints shutoff field "$web/info" state
check "the disk holds all that was written" qemu-io -r -f qcow2 -c 'read -P 5 16M 64k' \
  -c 'read -P 6 17M 64k' -c 'read -P 7 18M 64k' "$image"
PATIENCE=70 check "and has one name again" eventually prints 1 stat -c %h "$image"
check "a revert works now" gives OK write "$web/base/control/revert" 1
check "nothing is left over" nothing_left_over "$store"
check "every image is clean" all_clean "$store"
finish
