#!/bin/bash
# vmsnap export and import, and the same by hand: the tree of one mount becomes that of another.
. "$(dirname "$0")/tools.sh"
other=$work/other
mkdir "$other"
: >"$work/empty"

import ()
{
  "$VMSNAP" import "$@" "$other/web01" <"$file"
}
# The snapshots of the domain $1, depth first.
names_of ()
{
  ls -U "$1/.snapshots"
}
# Every snapshot.xml of the domain $1, and which snapshot is current.
hierarchy_of ()
{
  (cd "$1/.snapshots" && sha256sum -- */snapshot.xml)
  readlink "$1/current"
}
forget_all ()
{
  find "$1" -mindepth 1 -depth -type d ! -path '*/disks*' ! -path '*/control*' -exec rmdir {} \; 2>/dev/null
  prints '' names_of "$1"
}
# Writes a document of our own with the start $1, the snapshots $2 and the end $3 to $file.
file=$work/document.xml
write_document ()
{
  printf '%s' "$1" "$2" "$3" >"$file"
}
# A snapshot $1 with the parent $2 (none when empty).
snapshot ()
{
  printf '<domainsnapshot><name>%s</name>%s<state>shutoff</state><creationTime>1700000000</creationTime>' \
    "$1" "${2:+<parent><name>$2</name></parent>}"
  printf '<domain><uuid>%s</uuid></domain></domainsnapshot>' "${3:-$uuid}"
}
start='<domainsnapshots>' end='</domainsnapshots>'

# ---- export

serve memory: "$mnt" || exit 1
uuid=$(field "$mnt/web01/info" uuid)
"$VMSNAP" export "$mnt/web01" >"$work/web01.xml"
check "an export is XML" xmllint --noout "$work/web01.xml"
names ()
{
  xmllint --xpath '//domainsnapshot/name/text()' "$1"
}
check "with all snapshots, parents first" prints "$(names_of "$mnt/web01")" names "$work/web01.xml"
check "and which is current" prints nginx xmllint --xpath 'string(/domainsnapshots/@current)' "$work/web01.xml"
check "each as it is in the tree" cmp "$work/web01.xml" <(echo "<domainsnapshots current='nginx'>"
  for name in $(names_of "$mnt/web01"); do cat "$mnt/web01/.snapshots/$name/snapshot.xml"; done
  echo '</domainsnapshots>')
check "a whole tree is no domain" fails 1 'one domain' "$VMSNAP" export "$mnt"
check "nor is another directory" fails 1 'neither' "$VMSNAP" export "$work"
check "a full disk is told" fails 1 'No space' eval '"$VMSNAP" export "$mnt/web01" >/dev/full'

# ---- import

serve memory: "$other" || exit 1
file=$work/web01.xml
check "what is there already is not written over" fails 1 '^vmsnap: 5 .* "base"; --missing' import
check "it can be left alone" import --missing
check "a domain can be emptied" forget_all "$other/web01"
check "the export is imported" import
check "and all is as it was" prints "$(hierarchy_of "$mnt/web01")" hierarchy_of "$other/web01"
check "the records have no data" prints none field "$other/web01/base/info" data
check "and are marked so" prints_like '── nginx \[current, no data\]' "$VMSNAP" tree "$other/web01"
rmdir "$other/web01/base/updates/nginx" "$other/web01/base/rescue"
check "what is missing is added" import --missing
check "and all is as it was" prints "$(hierarchy_of "$mnt/web01")" hierarchy_of "$other/web01"

by_hand ()
{
  local name
  for name in $(names_of "$mnt/web01"); do
    { echo "--redefine -"; cat "$mnt/web01/.snapshots/$name/snapshot.xml"; } >"$other/web01/control/create" || return 1
  done
  echo 1 >"$other/web01/.snapshots/nginx/control/current"
}
forget_all "$other/web01"
check "it can be done by hand" by_hand
check "and all is as it was" prints "$(hierarchy_of "$mnt/web01")" hierarchy_of "$other/web01"

forget_all "$other/db01"
check "another domain's are refused" fails 1 "uuid is $uuid and not .*--adopt" \
  "$VMSNAP" import "$other/db01" <"$file"
check "before anything is written" prints '' names_of "$other/db01"
check "but can be adopted" "$VMSNAP" import --adopt "$other/db01" <"$file"
check "all of them" prints "$(names_of "$mnt/web01")" names_of "$other/db01"
check "with this domain's uuid" prints "$(field "$other/db01/info" uuid)" \
  xmllint --xpath 'string(/domainsnapshot/domain/uuid)' "$other/db01/base/snapshot.xml"

# ---- names

forget_all "$mnt/web01"
forget_all "$other/web01"
long=$(printf 'l%.0s' {1..255})
for name in '50%25' '雪の日' "a'b\"c<d>&" "$long" $'c1\u0085x' '-dash' '100%0A' ' both ends '; do
  mkdir "$mnt/web01/.snapshots/$name" || exit 1
done
"$VMSNAP" export "$mnt/web01" >"$file"
check "names of all kinds are exported" xmllint --noout "$file"
check "and imported" import
check "as they were" prints "$(hierarchy_of "$mnt/web01")" hierarchy_of "$other/web01"
check "and known as there" fails 1 '^vmsnap: [78] ' import

# ---- documents that nobody should trust

forget_all "$other/web01"
uuid=$(field "$other/web01/info" uuid)
file=$work/document.xml
# The document is refused with $2, and nothing is written.
is_refused ()
{
  local pattern=$1
  shift
  write_document "$@"
  fails 1 "$pattern" import && prints '' names_of "$other/web01"
}
check "parents may come last" eval 'write_document "$start" "$(snapshot b a)$(snapshot a)" "$end"; import'
check "and are parents" prints a field "$other/web01/.snapshots/b/info" parent
forget_all "$other/web01"
check "no snapshot is nothing to do" eval 'write_document "" "<domainsnapshots/>" ""; import'
check "nothing is no document" is_refused 'not a <domainsnapshots>' '' '' ''
check "text is none" is_refused 'not a <domainsnapshots>' 'hello' '' ''
check "one snapshot is none" is_refused 'not a <domainsnapshots>' '' "$(snapshot a)" ''
check "a longer name is none" is_refused 'mismatch' '<domainsnapshotsx>' "$(snapshot a)" '</domainsnapshotsx>'
check "a document that is cut off" is_refused 'ends too early' "$start" "$(snapshot a)" ''
check "within a snapshot" is_refused 'ends too early' "$start" "$(snapshot a | head -c 60)" ''
check "within a tag" is_refused 'ends otherwise' "$start" '' '</domainsnapshot'
check "a document type" is_refused 'refused' '<!DOCTYPE domainsnapshots [<!ENTITY a "b">]><domainsnapshots>' '' "$end"
check "one in the middle" is_refused 'refused' "$start" "<!DOCTYPE a>$(snapshot a)" "$end"
check "one inside a snapshot" is_refused 'refused' "$start" "$(snapshot a | sed 's/<state>/<!DOCTYPE a><state>/')" "$end"
check "an entity" is_refused 'refused' "$start" "$(snapshot '&a;')" "$end"
check "tags that cross" is_refused 'refused' "$start" '<domainsnapshot><name>a</domainsnapshot></name>' "$end"
check "another element" is_refused 'not a <domainsnapshot>' "$start" '<domain/>' "$end"
check "text between" is_refused 'something else' "$start" "$(snapshot a)x$(snapshot b)" "$end"
check "more behind the end" is_refused 'behind its end' "$start" "$(snapshot a)" "$end<a/>"
check "a second end" is_refused 'behind its end' "$start" "$(snapshot a)" "$end$end"
check "another end" is_refused 'ends otherwise' "$start" "$(snapshot a)" '</domainsnapshot>'
check "a snapshot without a name" is_refused 'no name' "$start" '<domainsnapshot/>' "$end"
check "two of one name" is_refused 'two snapshots' "$start" "$(snapshot a)$(snapshot a)" "$end"
check "a cycle" is_refused 'descends from itself' "$start" "$(snapshot a c)$(snapshot b a)$(snapshot c b)" "$end"
check "its own parent" is_refused 'descends from itself' "$start" "$(snapshot a a)" "$end"
check "a parent that is nowhere" is_refused 'neither in the document' "$start" "$(snapshot a x)" "$end"
check "a current one that is nowhere" is_refused 'not in it' "<domainsnapshots current='x'>" "$(snapshot a)" "$end"
check "not UTF-8" is_refused 'UTF-8' "$start" "$(snapshot $'\xff')" "$end"
printf '%s' "$start" "$(snapshot a | sed 's/<state>/<description>HUGE<state>/')" "$end" |
  awk -v RS=HUGE -v ORS= 'NR == 2 { while (i++ < 2048) printf "%1024s", "x"; print "</description>" } { print }' >"$work/huge.xml"
file=$work/huge.xml
check "a description of 2 MiB" eval 'fails 1 "snapshot 1 .* bytes" import && prints "" names_of "$other/web01"'
file=$work/document.xml
deep ()
{
  printf '<domainsnapshot><name>deep</name>'
  printf '<a>%.0s' {1..5000}
  printf '</a>%.0s' {1..5000}
  printf '</domainsnapshot>'
}
check "elements that nest without end" is_refused 'nested' "$start" "$(deep)" "$end"
check "what looks like an end in a comment is none" \
  eval 'write_document "$start<!-- </domainsnapshots> -->" "$(snapshot a | sed "s,<state>,<!-- </domainsnapshot> --><state>,")" "$end"; import'
check "nor in a quoted value" eval \
  'write_document "$start" "$(snapshot b | sed "s,<name>,<memory snapshot=\"external\" file=\"/>\"/><name>,")" "$end"; import'
check "what only the backend refuses is told for each" eval \
  'write_document "$start" "$(snapshot c | sed s/shutoff/dancing/)$(snapshot d c)$(snapshot e)" "$end"
   fails 1 "\"c\": .*state" import --missing && fails 1 "\"d\": its parent was not imported" import --missing'
check "and the others are imported" test -e "$other/web01/e"
unserve "$mnt"
unserve "$other"

serve 'memory:?chain=1000' "$mnt" || exit 1
domain=$(ls "$mnt")
"$VMSNAP" export "$mnt/$domain" >"$file"
serve 'memory:?chain=1000' "$other" || exit 1
for name in $(names_of "$other/$domain" | tac); do rmdir "$other/$domain/.snapshots/$name"; done
check "a chain longer than any path" "$VMSNAP" import "$other/$domain" <"$file"
check "comes back whole" prints "$(hierarchy_of "$mnt/$domain")" hierarchy_of "$other/$domain"
unserve "$mnt"
unserve "$other"

# ---- the local store

mkdir "$work/copy"
make_image "$store/vm.qcow2"
make_image "$work/copy/vm.qcow2"
serve "$store" "$mnt" || exit 1
mkdir "$mnt/vm/base"
mkdir "$mnt/vm/base/next"
echo 'With <angles> & more' >"$mnt/vm/base/description"
"$VMSNAP" export "$mnt/vm" >"$file"
serve "$work/copy" "$other" || exit 1
check "snapshots of images can be imported" "$VMSNAP" import --adopt "$other/vm" <"$file"
check "with their parents" test -e "$other/vm/base/next/snapshot.xml"
check "descriptions" prints 'With <angles> & more' cat "$other/vm/base/description"
check "and the current one" prints base/next readlink "$other/vm/current"
check "they say that they have no data" prints none field "$other/vm/base/info" data
check "and nothing of a disk" eval '! ls "$other/vm/base/disks" | grep raw'
finish
