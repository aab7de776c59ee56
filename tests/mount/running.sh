#!/bin/bash
# A machine that runs: QEMU holds its lock on the image, so nothing here may change it.
. "$(dirname "$0")/lib.sh"

image=$store/web01.qcow2
web=$mnt/web01
make_machine "$image"
serve "$store" "$mnt" || exit 1
mkdir "$web/base" "$web/base/leaf" || exit 1

check "the machine is shut off" prints shutoff field "$web/info" state
check "the machine starts" start_machine
check "info says it runs" prints running field "$web/info" state
before=$(picture_of "$store")
check "mkdir is refused" gives EBUSY mkdir "$web/base/leaf/more"
check "with a sentence that names the image" prints_like 'EBUSY: .*web01' tail -n 1 "$web/control/error"
check "mkdir in .snapshots is refused" gives EBUSY mkdir "$web/.snapshots/more"
check "a revert is refused" gives EBUSY write "$web/base/control/revert" 1
check "nothing was written" prints "$before" picture_of "$store"
check "browsing goes on" cat "$web/base/snapshot.xml" "$web/base/leaf/info" "$web/domain.xml"
check "the machine writes" eval 'echo "write -q -P 9 16M 64k" >&7'
check "the machine stops" stop_machine
check "without an error" refused grep -qi error "$work/machine.log"
check "info says it is shut off" prints shutoff field "$web/info" state
check "what it wrote is there" qemu-io -f qcow2 -c 'read -q -P 9 16M 64k' "$image"

keep_copy "$image" "$work/more.copy"
check "then mkdir works" gives OK mkdir "$web/base/leaf/more"
check "and holds what was written" same_bytes "$(frozen_image "$web/base/leaf/more")" "$work/more.copy"
check "then rmdir works" gives OK rmdir "$web/base/leaf/more"

# Once the image of the discarded one is folded away, the machine can start on what is there now.
check "the discarded image is tidied away" eventually prints 2 eval \
  'find "$store" -name ".vmsnapfs-*.qcow2" | wc -l'
check "the machine starts on its new overlay" eventually start_machine
check "the machine stops again" stop_machine
check "every image is clean" all_clean "$store"
finish
