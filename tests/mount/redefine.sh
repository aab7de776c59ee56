#!/bin/bash
# Redefining: control/create --redefine, and writing to snapshot.xml. No data are touched.
. "$(dirname "$0")/lib.sh"

redefine ()
{
  { echo "--redefine $* -"; cat "$work/document"; } >"$dom/control/create"
}
snapshots ()
{
  ls "$dom/.snapshots"
}
# A document: $1 name, $2 parent ('': none), $3 time, $4 state.
write_document ()
{
  {
    echo "<domainsnapshot><name>$1</name><state>$4</state><creationTime>$3</creationTime>"
    [ -z "$2" ] || echo "<parent><name>$2</name></parent>"
    echo "<domain><uuid>$(field "$dom/info" uuid)</uuid></domain></domainsnapshot>"
  } >"$work/document"
}
# $1: an errno; then a command that writes to snapshot.xml. The file says the same afterwards.
keeps ()
{
  local code=$1 before
  shift
  before=$(sha256sum "$xml")
  ! "$@" && prints_like " $code: " tail -n 1 "$dom/control/error" && prints "$before" sha256sum "$xml"
}
# What an editor that writes in place leaves.
edit_into ()
{
  sed "$1" "$xml" >"$work/edited" && cat "$work/edited" >"$xml"
}

# $1: a domain's directory in which `base` has the child `leaf`, with data.
try_redefine ()
{
  dom=$1 xml=$1/base/snapshot.xml
  local was node
  check "snapshot.xml can be written" prints 640 stat -c %a "$xml"
  node=$(stat -c %i "$xml")
  was=$(cat "$xml")

  check "an identical document" cp "$xml" "$work/document"
  check "is accepted" cp "$work/document" "$xml"
  check "and changes nothing" prints "$was" cat "$xml"
  check "truncating means nothing" gives OK truncate "$xml" 0
  check "nor does opening" eval ': >"$xml"'
  check "still nothing changed" prints "$was" cat "$xml"
  check "size is exact" prints "$(stat -c %s "$xml")" eval 'wc -c <"$xml"'

  # Strip what is there, so that one element can be added.
  check "a description, by cat" edit_into '/<description>/d; s,</name>,&<description>by cat</description>,;t'
  check "is shown" prints 'by cat' cat "$dom/base/description"
  check "in snapshot.xml" prints 'by cat' xmllint --xpath 'string(/*/description)' "$xml"
  sed 's/by cat/by cp/' "$xml" >"$work/document"
  check "by cp" cp "$work/document" "$xml"
  check "is shown" prints 'by cp' cat "$dom/base/description"
  sed 's/by cp/by tee/' "$xml" >"$work/document"
  check "by tee" eval 'tee "$xml" <"$work/document" >"$work/said"'
  check "is shown" prints 'by tee' cat "$dom/base/description"
  sed 's/by tee/by dd/' "$xml" >"$work/document"
  check "byte by byte" dd if="$work/document" of="$xml" bs=7 status=none
  check "is shown" prints 'by dd' cat "$dom/base/description"
  check "through .snapshots" eval \
    'sed s/by\ dd/flat/ "$xml" >"$work/document" && cp "$work/document" "$dom/.snapshots/base/snapshot.xml"'
  check "is shown" prints flat cat "$dom/base/description"
  check "the file is the same one" prints "$node" stat -c %i "$xml"
  check "the children are where they were" test -d "$dom/base/leaf"

  # What is refused.
  head -n 3 "$xml" >"$work/document"
  check "half a document" keeps EINVAL cp "$work/document" "$xml"
  check "words" keeps EINVAL eval 'echo 1 >"$xml"'
  check "#" keeps EINVAL eval 'echo "# x" >"$xml"'
  check "nothing" keeps EINVAL eval 'echo >"$xml"'
  check "another name" keeps EINVAL edit_into 's,<name>base<,<name>other<,'
  check "another time" keeps EINVAL edit_into 's,<creationTime>[0-9]*,<creationTime>12345,'
  check "another parent" keeps EINVAL edit_into 's,</name>,&<parent><name>leaf</name></parent>,;t'
  check "a state that is none" keeps EINVAL edit_into 's,<state>[a-z]*,<state>happy,'
  check "another element" keeps EINVAL edit_into 's,domainsnapshot,domain,'
  check "another domain" keeps EINVAL edit_into \
    's,<uuid>[^<]*,<uuid>11111111-1111-4111-8111-111111111111,'
  check "a document type" keeps EINVAL edit_into 's,<domainsnapshot>,<!DOCTYPE x>&,'
  check "text behind its end" keeps EINVAL edit_into 's,</domainsnapshot>,&x,'
  { echo '<domainsnapshot><description>'; head -c 2M /dev/zero | tr '\0' x
    echo '</description></domainsnapshot>'; } >"$work/document"
  check "2 MiB" keeps EFBIG cp "$work/document" "$xml"

  # Records of another host.
  write_document imported base 1234567890 shutoff
  check "a record without data" redefine
  check "is there" test -d "$dom/base/imported"
  check "with its own time" prints 1234567890 stat -c %Y "$dom/base/imported"
  check "says that it has no data" prints 'data: none' grep ^data: "$dom/base/imported/info"
  check "has no bytes to read" prints '' find "$dom/base/imported/disks" -name '*.raw'
  check "cannot be reverted to" refused test -e "$dom/base/imported/control/revert"
  check "is not current" refused prints base/imported readlink "$dom/current"
  write_document imported leaf 1234567890 shutoff
  check "another parent" redefine
  check "moves it" test -d "$dom/base/leaf/imported"
  check "it is not where it was" refused test -e "$dom/base/imported"
  write_document imported base 1234567890 shutoff
  check "with --current" redefine --current
  check "it is current" prints base/imported readlink "$dom/current"
  write_document imported imported 1234567890 shutoff
  check "itself as parent" refused redefine
  write_document imported nobody 1234567890 shutoff
  check "a parent that is not there" refused redefine
  write_document base leaf 1234567890 shutoff
  check "a cycle" refused redefine
  write_document imported base '' shutoff
  check "no time" refused redefine
  write_document imported base 1234567890 shutoff
  check "--disk-only with another state" refused redefine --disk-only
  check "NAME and another name" refused redefine other
  check "it is where it was" test -d "$dom/base/imported"
  check "an exported document, back under its name" eval \
    'cp "$dom/base/leaf/snapshot.xml" "$work/document" && redefine leaf'
  check "and base is as it was" prints flat cat "$dom/base/description"
  check "discarding the record" rmdir "$dom/base/imported"
  check "makes its parent current" prints base readlink "$dom/current"
}

serve memory: "$mnt" || exit 1
mkdir "$mnt/web01/.snapshots/x" # the demonstration's current one gets a child, to be left alone
echo 0 >"$mnt/web01/current/control/current"
mkdir "$mnt/web01/lone" "$mnt/web01/lone/leaf"
rmdir "$mnt/web01/base" 2>"$work/said"
mv "$mnt/web01/base" "$mnt/web01/old" && mv "$mnt/web01/lone" "$mnt/web01/base"
try_redefine "$mnt/web01"
check "unmounting" unserve "$mnt"
check "mounting read-only" serve memory: "$mnt" -o ro
check "nothing is redefined" gives EROFS open-for-writing "$mnt/web01/base/snapshot.xml"
check "unmounting" unserve "$mnt"

image=$store/web01.qcow2
make_image "$image"
check "a store" serve "$store" "$mnt"
change "$image" 1 0
mkdir "$mnt/web01/base"
change "$image" 2 0
mkdir "$mnt/web01/base/leaf"
sums=$(sha256sum "$mnt/web01/base/disks/vda.raw" "$mnt/web01/base/leaf/disks/vda.raw")
try_redefine "$mnt/web01"
check "every byte is as it was" prints "$sums" \
  sha256sum "$mnt/web01/base/disks/vda.raw" "$mnt/web01/base/leaf/disks/vda.raw"
check "nothing is half there" nothing_left_over "$store"
before=$(cat "$mnt/web01/base/snapshot.xml")
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"
check "what was redefined stays" prints "$before" cat "$mnt/web01/base/snapshot.xml"

# A snapshot inside an image has no record to be redefined.
check "unmounting" unserve "$mnt"
make_image "$store/inside.qcow2"
qemu-img snapshot -c tag "$store/inside.qcow2"
check "a store" serve "$store" "$mnt"
check "its snapshot.xml is only read" prints 440 stat -c %a "$mnt/inside/tag/snapshot.xml"
check "also by root" gives EACCES open-for-writing "$mnt/inside/tag/snapshot.xml"
finish
