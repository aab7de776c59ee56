#!/bin/bash
# Merging snapshots in files of their own while the machine runs: every byte under every name that
# stays is what it was, but for the parent that is merged into; and libvirt agrees with what is left.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda vdb
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01
started=0

take ()
{
  gives OK write "$web/control/create" "$1 --disk-only --atomic" || return 1
  cp "$web/.snapshots/$1/disks/vda.raw" "$work/$1.raw" || return 1
  started=$((started + 1))
  machine_writes web01 $((started + 10)) $((started * 1024))k
}
# Every snapshot in "$@" (NAME=COPY) reads as that copy did.
reads_as ()
{
  local pair
  for pair in "$@"; do
    cmp "$work/${pair#*=}.raw" "$web/.snapshots/${pair%%=*}/disks/vda.raw" || return 1
  done
}
chain_of ()
{
  v dumpxml web01 | xmllint --xpath '//disk[target/@dev="'"$1"'"]//source/@file' - |
    sed 's/.*web01-[^.]*\.\([^"]*\)"/\1/' | xargs
}
merge ()
{
  gives "${3:-OK}" write "$web/.snapshots/$1/control/merge" "$2"
}

v start web01
eventually prints running field "$web/info" state
for name in s1 s2 s3 s4 s5; do check "$name" take $name; done
check "they differ" refused cmp -s "$work/s2.raw" "$work/s3.raw"
check "the chain" prints 's5 s4 s3 s2 s1 qcow2' chain_of vda
check "all read as they were taken" \
  reads_as s1=s1 s2=s2 s3=s3 s4=s4 s5=s5

step web01 "s3 into its children" merge s3 children
check "the chain is one shorter" prints 's5 s4 s2 s1 qcow2' chain_of vda
check "for the other disk, too" prints 's5 s4 s2 s1 qcow2' chain_of vdb
check "the others hold their bytes" reads_as s1=s1 s2=s2 s4=s4 s5=s5
check "the merged file is gone" test ! -e "$images/web01-vda.s3"

step web01 "s2 into its parent" merge s2 parent
check "s1 is what s2 was" reads_as s1=s2 s4=s4 s5=s5
check "the chain is shorter again" prints 's5 s4 s2 qcow2' chain_of vda
check "s4 is its child" prints_like '^s4 s1$' tree_of_mount web01

step web01 "the current one into its parent" merge s5 parent
check "its parent is current" prints s4 basename "$(readlink "$web/current")"
check "and what it was" reads_as s1=s2 s4=s5

step web01 "a leaf into its children" merge s4 children EINVAL
step web01 "both" gives EINVAL write "$web/s1/control/merge" 'parent children'
step web01 "the root into its children" merge s1 children
check "the one that is left" reads_as s4=s5
check "the machine still runs" prints running state_of web01
check "jobs shows them" prints_like 'done merge' cat "$web/control/jobs"

# libvirt must be able to go on from here by itself.
check "virsh deletes the last" v snapshot-delete web01 s4
check "which is seen" eventually prints '' tree_of_mount web01
check "the chain is one image" prints 'qcow2' chain_of vda
for name in r1 r2; do check "$name" take $name; done
step web01 "the root into its parent: only the name goes" merge r1 parent
check "the other holds its bytes" reads_as r2=r2

# ---- refused

step web01 "a third" take r3
mv "$work/r3.raw" "$work/before.raw"
exec 8<"$web/.snapshots/r3/disks/vda.raw"
step web01 "while it is read" merge r3 parent EBUSY
exec 8<&-
v snapshot-create-as web01 memory --live --memspec "$images/memory" >/dev/null
step web01 "into a parent without its memory" merge memory parent EOPNOTSUPP
v destroy web01
eventually prints shutoff field "$web/info" state
step web01 "when it is off" merge r3 parent EBUSY
check "with a sentence" prints_like 'shut off' tail -n 1 "$web/control/error"
check "nothing happened" cmp "$work/before.raw" "$web/.snapshots/r3/disks/vda.raw"

define_machine inside vda
check "inside an image" eventually mkdir "$mnt/inside/a"
check "there is nothing to merge: no row" test ! -e "$mnt/inside/a/control/merge"
finish
