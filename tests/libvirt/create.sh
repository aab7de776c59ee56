#!/bin/bash
# Taking snapshots of a machine with two disks: shut off, running and paused, inside the images and
# in files of their own, with memory and without; virsh sees each.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda vdb
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01
create=$web/control/create

# $1: the snapshot's name; $2: an XPath that must be true of what virsh says.
xml_says ()
{
  prints true xmllint --xpath "boolean($2)" <(v snapshot-dumpxml web01 "$1")
}
tags ()
{
  qemu-img snapshot -U -l "$images/web01-$1.qcow2" | awk 'NR > 2 {print $2}' | sort | xargs
}
makes_up_a_name ()
{
  local before after
  before=$(tree_of_mount web01 | wc -l)
  gives OK write "$create" '<domainsnapshot/>' || return 1
  after=$(tree_of_mount web01 | wc -l)
  [ "$after" -eq $((before + 1)) ]
}

# ---- shut off

step web01 "shut off: mkdir" mkdir "$web/off"
check "is inside both images" prints 'off off' eval 'echo $(tags vda) $(tags vdb)'
check "is shut off" xml_says off '/*/state="shutoff"'
check "info says internal" prints internal field "$web/off/info" location
step web01 "a name is made up" makes_up_a_name
rmdir "$(dirname "$(find "$web/off" -mindepth 2 -name snapshot.xml)")"

# ---- running

v start web01
check "it runs" eventually prints running field "$web/info" state
step web01 "running: mkdir, with memory" mkdir "$web/off/live"
check "with memory inside" xml_says live '/*/memory/@snapshot="internal"'
check "was running" prints running field "$web/off/live/info" state
step web01 "running: control/create with a description" \
  gives OK write "$create" 'live2 --description "of the running one"'
check "the description" prints 'of the running one' cat "$web/off/live/live2/description"
check "and it still runs" prints running state_of web01
v suspend web01
step web01 "paused: mkdir" mkdir "$web/.snapshots/still"
check "was paused" xml_says still '/*/state="paused"'
v resume web01
step web01 "running: and halted after it" gives OK write "$create" 'last --halt'
check "it is off now" prints 'shut off' state_of web01

# ---- files of their own, on another machine: libvirt mixes no kinds

define_machine db01 vda vdb
v start db01
db=$mnt/db01
check "the new machine is seen" eventually test -d "$db"
check "and that it runs" eventually prints running field "$db/info" state
step db01 "disk-only" gives OK write "$db/control/create" 'd1 --disk-only --atomic'
check "is external" prints external field "$db/d1/info" location
check "both disks have files of their own" \
  test -e "$images/db01-vda.d1" -a -e "$images/db01-vdb.d1"
step db01 "files named by who asks" gives OK write "$db/control/create" \
  "d2 --disk-only --diskspec vda,file=$images/named.qcow2 --diskspec vdb,snapshot=no"
check "the named one is there" test -e "$images/named.qcow2"
check "and the other has none" test ! -e "$images/db01-vdb.d2"
step db01 "with memory in a file" gives OK write "$db/control/create" \
  "d3 --live --memspec $images/db01.memory"
check "the memory is there" test -s "$images/db01.memory"
check "and it still runs" prints running state_of db01
qemu-img create -q -f qcow2 -b "$images/db01-vdb.d3" -F qcow2 "$images/ready.qcow2"
step db01 "an overlay that is there already" gives OK write "$db/control/create" \
  "d4 --disk-only --reuse-external --diskspec vdb,file=$images/ready.qcow2 --diskspec vda,snapshot=no"
step db01 "a document" gives OK write "$db/control/create" \
  "d5 --disk-only -
<domainsnapshot><description>from XML</description></domainsnapshot>"
check "its description" prints 'from XML' cat "$db/.snapshots/d5/description"

# ---- what is refused leaves everything as it was

before=$(tree_of_virsh db01)
for words in 'x --quiesce' 'x --disk-only --quiesce' 'x --live' 'x --nonsense' \
  'x --diskspec vdz' 'x --redefine --halt' "x --memspec relative"; do
  step db01 "refused: $words" refused gives OK write "$db/control/create" "$words"
done
check "and nothing was taken" prints "$before" tree_of_virsh db01
check "the last sentence is libvirt's or ours" test -s "$db/control/error"
step db01 "no metadata: a file and no snapshot" \
  gives OK write "$db/control/create" 'gone --disk-only --no-metadata'
check "its file is there" test -e "$images/named.gone"

# ---- somebody else's job

# libvirt has our call wait for it; who is tired of waiting must not end it.
define_machine copied vda
v start copied
cat >"$work/backup.xml" <<END
<domainbackup mode='pull'><server transport='unix' socket='$work/backup.sock'/>
<disks><disk name='vda' type='file'><scratch file='$images/scratch.qcow2'/></disk></disks></domainbackup>
END
check "a backup of virsh's runs" v backup-begin copied "$work/backup.xml"
check "the machine is there" eventually test -d "$mnt/copied"
check "mkdir is interrupted" refused timeout -s INT -k 40 3 mkdir "$mnt/copied/late"
check "and the backup goes on" prints_like 'Backup' v domjobinfo copied
check "until it is ended" v domjobabort copied
finish
