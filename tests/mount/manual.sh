#!/bin/bash
# Commands that the manual prints do what it says: they are taken from its text.
. "$(dirname "$0")/lib.sh"

man=$(cd "$here/../../tools/man" && pwd)/vmsnapfs.5

# What groff makes of the escapes that commands need.
unescape ()
{
  sed "s/\\\\(aq/'/g; s/\\\\(ha/^/g; s/\\\\-/-/g"
}
# The command below the item $1 of the list of filters.
filter ()
{
  awk -v item="$1" '$0 == ".It " item {getline; sub (/^\.Dl /, ""); print; exit}' "$man" | unescape
}
# The names that the filter $1 prints, in one line.
filters ()
{
  (cd "$dom" && eval "$(filter "$1")") | sed 's,/info$,,; s,.*/,,' | sort | paste -sd' '
}

check "the demonstration" serve memory: "$mnt"
dom=$mnt/web01
echo 0 >"$dom/current/control/current"
echo 'lone' >"$dom/control/create"
{ echo '--redefine -'
  echo '<domainsnapshot><name>recorded</name><state>disk-snapshot</state><creationTime>1</creationTime>'
  echo '<parent><name>base</name></parent></domainsnapshot>'; } >"$dom/control/create"
{ echo '--redefine -'
  echo '<domainsnapshot><name>live</name><state>running</state><creationTime>1</creationTime>'
  echo '<parent><name>base</name></parent></domainsnapshot>'; } >"$dom/control/create"
# By what the tree is, as find sees it.
all=$(ls "$dom/.snapshots")
below ()
{
  find "$dom/$1" -mindepth 1 -type d -exec test -e {}/snapshot.xml \; -printf '%f\n' | sort | paste -sd' '
}
check "roots" prints 'base lone' filters roots
check "leaves" prints "$(grep -l '^children: 0$' "$dom"/.snapshots/*/info | sed 's,/info,,; s,.*/,,' |
  sort | paste -sd' ')" filters leaves
check "among them lone" prints_like lone filters leaves
check "no-leaves" prints 'base updates' filters no-leaves
check "internal and external are all" prints "$(sort <<<"$all")" eval \
  '{ filters internal; filters external; } | tr " " "\n" | grep . | sort'
check "disk-only" prints recorded filters disk-only
check "active" prints_like live filters active
check "inactive, active and disk-only are all" prints "$(sort <<<"$all")" eval \
  '{ filters inactive; filters active; filters disk-only; } | tr " " "\n" | grep . | sort'
check "current" prints lone filters current
check "children" prints 'live recorded rescue updates' filters 'children of Ar base'
check "descendants" prints "$(below base)" filters 'descendants of Ar base'
check "metadata" prints "$(sort <<<"$all" | paste -sd' ')" filters metadata
check "no-metadata" prints '' filters no-metadata
check "unmounting" unserve "$mnt"

# ---- a backup comes back as another domain

make_image "$store/web01.qcow2"
change "$store/web01.qcow2" 7 0
qemu-img snapshot -c tag "$store/web01.qcow2"
check "a store" serve "$store" "$mnt"
dom=$mnt/web01
mkdir "$dom/base"
check "no-metadata is what was inside the image" prints tag filters no-metadata
check "metadata is what was not" prints base filters metadata
check "internal" prints tag filters internal
check "external" prints base filters external
cp "$dom/base/disks/vda.raw" "$work/backup.raw"
back=$(sed -n 's/^\.Dl \(qemu-img convert .*\)/\1/p' "$man" | unescape)
check "the manual says how" test -n "$back"
cd "$work" || exit 1
check "converted into the store" eval "${back/STORE\/NAME/$store/web02}"
check "it appears by itself" eventually test -d "$mnt/web02"
check "with the same bytes" cmp "$work/backup.raw" "$mnt/web02/disks/vda.raw"
check "as a domain of its own" mkdir "$mnt/web02/first"
finish
