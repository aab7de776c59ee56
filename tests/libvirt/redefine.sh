#!/bin/bash
# A hierarchy carried into a fresh domain: the documents are read from the mount, the domain is
# undefined and defined again, and the documents are written back, parents first.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01

for name in a b c; do v snapshot-create-as web01 $name --description "of $name"; done >/dev/null
v snapshot-revert web01 a
v snapshot-create-as web01 'd e' >/dev/null
check "the tree" eventually trees_agree web01
before=$(tree_of_mount web01)
uuid=$(v domuuid web01)

mkdir "$work/kept"
cp "$web/domain.xml" "$work/kept/domain.xml"
for name in a b c 'd e'; do cp "$web/.snapshots/$name/snapshot.xml" "$work/kept/$name.xml"; done

v undefine web01 --snapshots-metadata
check "it is gone from the mount" eventually test ! -e "$web"
v define "$work/web01.xml" >/dev/null
check "another uuid, the same name" eventually test -d "$web"
check "the documents of another machine are refused" \
  refused gives OK write "$web/control/create" "--redefine -
$(cat "$work/kept/a.xml")"
v undefine web01
check "gone again" eventually test ! -e "$web"
v define "$work/kept/domain.xml" >/dev/null
check "the old one is back" eventually prints "$uuid" field "$web/info" uuid
check "without snapshots" prints '' tree_of_mount web01

redefine ()
{
  gives OK write "$web/control/create" "--redefine $2 -
$(cat "$work/kept/$1.xml")"
}
step web01 "a child before its parent is refused" refused redefine b ''
step web01 "a" redefine a ''
step web01 "b" redefine b ''
step web01 "c" redefine c ''
step web01 "d e, and it is current" redefine 'd e' --current
check "the tree is as it was" prints "$before" tree_of_mount web01
check "so are the documents" eval \
  'for name in a b c "d e"; do cmp "$work/kept/$name.xml" "$web/.snapshots/$name/snapshot.xml" || exit 1; done'
step web01 "another is made current" gives OK write "$web/a/b/c/control/current" 1
check "it is" prints a/b/c readlink "$web/current"
step web01 "none cannot be" gives EOPNOTSUPP write "$web/a/b/c/control/current" 0
step web01 "a reverts: the data are there" gives OK write "$web/a/control/revert" 1
step web01 "a document with another description" eval \
  'sed "s/of b/more of b/" "$work/kept/b.xml" >"$web/a/b/snapshot.xml"'
check "is what virsh has" prints 'more of b' \
  xmllint --xpath 'string(/*/description)' <(v snapshot-dumpxml web01 b)
step web01 "another parent by accident is refused" refused gives OK write "$web/a/b/snapshot.xml" \
  "$(sed '/<parent>/,/<\/parent>/d' "$work/kept/b.xml")"
finish
