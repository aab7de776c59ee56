#!/bin/bash
# Disks as files: inside an image and through chains, only what this host may read, never other bytes.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda vdb
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01
image=$images/web01-vda.qcow2

same_as_copy ()
{
  cmp "$work/$1.raw" "$web/$2"
}
keep ()
{
  qemu-img convert -f qcow2 -O raw "$image" "$work/$1.raw"
}

keep first
check "the live disk of a machine that is off" same_as_copy first disks/vda.raw
check "has its size" prints $((32 * 1024 * 1024)) stat -c %s "$web/disks/vda.raw"
check "two snapshots" mkdir "$web/1" 
change "$image" 7 16M
keep second
check "with names that are IDs of others" mkdir "$web/1/3"
change "$image" 9 16M
keep third
check "a third" mkdir "$web/1/3/2"
check "the first reads as it was" same_as_copy first 1/disks/vda.raw
check "the second" same_as_copy second 1/3/disks/vda.raw
check "the third" same_as_copy third 1/3/2/disks/vda.raw
check "a disk cannot be written" gives EACCES write "$web/1/disks/vda.raw" x
check "vda.xml is libvirt's" prints "$image" frozen_image "$web/1"
exec 8<"$web/1/disks/vda.raw"
check "who is read cannot be discarded" gives EBUSY write "$web/1/control/discard" keep-children
check "nor can the machine start" refused v start web01
exec 8<&-
v start web01
check "while it runs there is no live disk" eventually test ! -e "$web/disks/vda.raw"
check "and what is inside its image is busy" gives EBUSY read "$web/1/disks/vda.raw"
v destroy web01
check "afterwards there is" eventually test -e "$web/disks/vda.raw"
check "and the first reads as ever" same_as_copy first 1/disks/vda.raw

# ---- chains, and images behind that libvirt does not list

define_machine db01 vda
db=$mnt/db01
mkdir "$work/elsewhere"
make_image "$work/elsewhere/base.qcow2" 8M
qemu-io -f qcow2 -c 'write -q -P 3 0 64k' "$work/elsewhere/base.qcow2"
rm "$images/db01-vda.qcow2"
qemu-img create -q -f qcow2 -b "$work/elsewhere/base.qcow2" -F qcow2 "$images/db01-vda.qcow2"
check "what the XML does not list is not read" eventually gives EACCES read "$db/disks/vda.raw"
check "and the sentence says what would help" prints_like 'allow=DIR' tail -n 1 "$db/control/error"
v start db01
check "its file goes elsewhere" eventually gives OK write "$db/control/create" \
  "s --disk-only --diskspec vda,file=$work/elsewhere/top.qcow2"
check "so it lists both directories" eventually gives OK write "$db/control/create" 't --disk-only'
check "and both are read" prints '3' eval 'od -An -tu1 -N1 "$db/s/t/disks/vda.raw" | tr -d " "'
v destroy db01
ln -s "$work/elsewhere/base.qcow2" "$images/link.qcow2"
qemu-img create -q -f qcow2 -b "$images/link.qcow2" -F qcow2 "$images/leads.qcow2"
machine_xml leads vda | sed "s,leads-vda.qcow2,leads.qcow2," >"$work/leads.xml"
v define "$work/leads.xml" >/dev/null
check "a link is not followed" eventually refused cat "$mnt/leads/disks/vda.raw"
check "unmounted" unserve "$mnt"
check "mounted with allow" serve "$uri" "$mnt" -o allow="$work/elsewhere"
check "it is read now" prints '3' eval 'od -An -tu1 -N1 "$db/s/disks/vda.raw" | tr -d " "'
finish
