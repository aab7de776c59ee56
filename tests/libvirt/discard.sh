#!/bin/bash
# Discarding in every mode, of a machine that is off and one that runs, inside images and in files
# of their own; and setting what is current.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda vdb
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01

tags ()
{
  qemu-img snapshot -U -l "$images/$1.qcow2" | awk 'NR > 2 {print $2}' | sort | xargs
}
# $1: the snapshot; $2: the word.
discard ()
{
  gives OK write "$web/.snapshots/$1/control/discard" "$2"
}
# a, below it b and e; below b c and d.
plant ()
{
  local name
  for name in a b c; do v snapshot-create-as web01 "$name" >/dev/null; done
  v snapshot-current web01 b >/dev/null
  v snapshot-create-as web01 d >/dev/null
  v snapshot-current web01 a >/dev/null
  v snapshot-create-as web01 e >/dev/null
  eventually trees_agree web01
}
clear_all ()
{
  v snapshot-delete web01 a --children 2>/dev/null
  local name
  for name in $(v snapshot-list web01 --name); do v snapshot-delete web01 "$name"; done
  eventually prints '' tree_of_mount web01
}

for state in off running; do
  [ $state = off ] || v start web01
  check "$state: a tree of five" plant
  step web01 "$state: rmdir of a parent" gives ENOTEMPTY rmdir "$web/a/b"
  step web01 "$state: 1 on a parent" gives ENOTEMPTY write "$web/a/b/control/discard" 1
  step web01 "$state: 1 on a leaf" discard c 1
  check "$state: c is nowhere inside" prints 'a b d e' tags web01-vdb
  step web01 "$state: make d current" gives OK write "$web/a/b/d/control/current" 1
  step web01 "$state: rmdir of the current leaf" rmdir "$web/a/b/d"
  check "$state: its parent is current" prints a/b readlink "$web/current"
  step web01 "$state: keep-children of a" discard a keep-children
  check "$state: b and e are roots" prints $'b -\ne -' tree_of_mount web01
  check "$state: they are inside" prints 'b e' tags web01-vda
  clear_all
  plant
  step web01 "$state: children-only of b" discard b children-only
  check "$state: b is a leaf" prints 'a b e' tags web01-vda
  step web01 "$state: metadata-only of b" discard b metadata-only
  check "$state: its data stay" prints 'a b e' tags web01-vda
  step web01 "$state: force on a" discard a force
  check "$state: nothing but those data is left" prints b tags web01-vda
  qemu-img snapshot -d b "$images/web01-vda.qcow2" 2>/dev/null
  qemu-img snapshot -d b "$images/web01-vdb.qcow2" 2>/dev/null
  step web01 "$state: none is current: the next is a root" mkdir "$web/last"
  step web01 "$state: the last" rmdir "$web/last"
done
v destroy web01

# ---- files of their own

define_machine db01 vda
web=$mnt/db01
v start db01
at=1
for name in w x y z; do
  v snapshot-create-as db01 $name --disk-only
  machine_writes db01 $((at += 1)) ${at}M
done
check "external: the tree" eventually trees_agree db01
cp "$web/.snapshots/y/disks/vda.raw" "$work/y.raw"
step db01 "external: force with children is libvirt's no" refused discard w force
step db01 "external: 1 on the leaf" discard z 1
step db01 "external: metadata-only of a parent" discard x metadata-only
check "external: its child moved up and has its bytes" cmp "$work/y.raw" "$web/w/y/disks/vda.raw"
check "external: its file is still there" test -e "$images/db01-vda.x"
step db01 "external: keep-children" discard w keep-children
check "external: y is left" prints 'y -' tree_of_mount db01
check "external: with its bytes" cmp "$work/y.raw" "$web/y/disks/vda.raw"
step db01 "external: metadata-only" discard y metadata-only
check "external: its overlay is still the disk" \
  eval 'v domblklist db01 | grep -q "$images/db01-vda.y"'
finish
