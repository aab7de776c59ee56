#!/bin/bash
# control/create: snapshots from words and documents, driven by what people write them with.
. "$(dirname "$0")/lib.sh"

# The last failure begins with this word.
last_error ()
{
  prints_like " $1: " tail -n 1 "$dom/control/error"
}
# The whole of $2, an XPath, in the snapshot.xml of the snapshot $1.
in_xml ()
{
  xmllint --xpath "$2" "$dom/.snapshots/$1/snapshot.xml"
}
snapshots ()
{
  ls "$dom/.snapshots"
}
# $1: an errno; the rest: what is written. It is refused, and nothing happens.
refuses ()
{
  local code=$1 before after
  shift
  before=$(snapshots; readlink "$dom/current")
  gives "$code" write "$create" "$@" || return 1
  after=$(snapshots; readlink "$dom/current")
  [ "$before" = "$after" ]
}
# A shell's redirection does not tell what close answers; cat does.
refuses_file ()
{
  local code=$1 before
  before=$(snapshots)
  ! cat "$work/document" >"$create" && last_error "$code" && prints "$before" snapshots
}
current_is ()
{
  prints "$1" eval 'basename "$(readlink "$dom/current")"'
}

# ---- on every backend: names, descriptions, documents

# $1: a domain's directory.
try_basics ()
{
  dom=$1 create=$1/control/create
  local before shell
  before=$(snapshots | wc -l)
  check "an empty document makes up a name" eval 'echo "<domainsnapshot/>" >"$create"'
  check "it is there" prints $((before + 1)) eval 'snapshots | wc -l'
  check "and again, in the same second" eval 'echo "<domainsnapshot/>" >"$create"'
  check "under another name" prints $((before + 2)) eval 'snapshots | wc -l'
  check "a name" eval 'echo one >"$create"'
  check "is current" current_is one
  check "a name that is there" refuses EEXIST one
  check "a name in quotes, a slash in it" eval 'echo "\"two / 2\"" >"$create"'
  check "is shown escaped" test -d "$dom/.snapshots/two %2F 2"
  check "a description" eval 'echo "three --description \"of words\"" >"$create"'
  check "is kept" prints 'of words' cat "$dom/.snapshots/three/description"
  check "=" eval 'echo "four --description=of\ words" >"$create"'
  check "is as good" prints 'of words' cat "$dom/.snapshots/four/description"
  check "flags that change nothing here" eval 'echo "five --atomic --disk-only" >"$create"'
  check "who does not ask is not told" refused grep ^quiesced: "$dom/.snapshots/five/info"
  check "quiesced where there is nobody" eval 'echo "still --quiesce --disk-only" >"$create"'
  check "is told" prints 'quiesced: no: the machine was off' grep ^quiesced: "$dom/.snapshots/still/info"
  for shell in bash dash; do
    check "$shell: a document in two writes" "$shell" -c \
      '{ echo "<domainsnapshot><name>$2</name>"; echo "</domainsnapshot>"; } >"$1"' "$shell" \
      "$create" "$shell-two"
    check "$shell: it is there" current_is "$shell-two"
    check "$shell: words, then a document" "$shell" -c \
      '{ echo "$2 --description=\"in words\" -"; echo "<domainsnapshot/>"; } >"$1"' "$shell" \
      "$create" "$shell-words"
    check "$shell: both count" prints 'in words' cat "$dom/.snapshots/$shell-words/description"
  done
  cat >"$work/document" <<'END'
<?xml version="1.0" encoding="UTF-8"?>
<!-- <domainsnapshot/> -->
<domainsnapshot>
  <name>document</name>
  <description>of a &lt;document></description>
  <creationTime>12345</creationTime>
  <creationdate>what is not read</creationdate>
  <state>running</state>
  <domain><uuid>z</uuid><uuid/></domain><cookie/><cookie/>
</domainsnapshot>
<!-- and this -->
END
  check "a document by cp" cp "$work/document" "$create"
  check "its name counts" current_is document
  check "its description counts" prints 'of a <document>' cat "$dom/.snapshots/document/description"
  check "its time does not" refused prints 12345 in_xml document 'string(//creationTime)'
  check "its state does not" prints 'state: shutoff' grep ^state: "$dom/.snapshots/document/info"
  sed -i 's/>document</>bytes</' "$work/document"
  check "a document, byte by byte" dd if="$work/document" of="$create" bs=1 status=none
  check "is one snapshot" current_is bytes
  sed -i 's/>bytes</>appended</' "$work/document"
  check "a document, appended" eval 'tail -n +3 "$work/document" >>"$create"'
  check "is there" current_is appended
  check "a byte order mark" eval '{ printf "\357\273\277"; sed "s/>appended</>marked</" "$work/document"; } >"$work/marked"'
  check "is skipped" cp "$work/marked" "$create"
  check "and is not the name" current_is marked
  check "a description over the limit" refuses EFBIG \
    "<domainsnapshot><description>$(head -c 65537 /dev/zero | tr '\0' x)</description></domainsnapshot>"
  check "the same name twice, the same" gives OK write "$create" 'same -' \
    $'\n<domainsnapshot><name>same</name></domainsnapshot>'
  check "white space may follow" gives OK write "$create" after $'\n' ' '
  check "comments may, behind a document" gives OK write "$create" \
    '<domainsnapshot><name>behind</name></domainsnapshot>' $'\n<!-- ' 'x -->'

  check "a document alone, of a parent that is current" gives OK write "$create" \
    '<domainsnapshot><name>child</name><parent><name>after</name></parent></domainsnapshot>'
  check "has that parent" prints 'parent: after' grep ^parent: "$dom/.snapshots/child/info"
  check "a parent that is not there" refuses EINVAL \
    '<domainsnapshot><parent><name>nobody</name></parent></domainsnapshot>'
  check "is named" prints_like 'nobody' tail -n 1 "$dom/control/error"

  # What is refused, and does nothing.
  check "nothing" refuses EINVAL ' '
  check "#" refuses EINVAL '# x'
  check "two names" refuses EINVAL 'x y'
  check "an unknown word" refuses EINVAL 'x --sideways'
  check "is named" prints_like 'EINVAL: .*--sideways' tail -n 1 "$dom/control/error"
  check "a word twice" refuses EINVAL 'x --atomic --atomic'
  check "a value twice" refuses EINVAL 'x --description a --description b'
  check "a missing value" refuses EINVAL 'x --description'
  check "a missing value before another word" refuses EINVAL 'x --description --atomic'
  check "a flag with a value" refuses EINVAL 'x --atomic=1'
  check "an unfinished quotation" refuses EINVAL '"x'
  check "the same before a document" refuses EINVAL $'"x -\n<domainsnapshot/>'
  check "quiesce without disk-only" refuses EINVAL 'x --quiesce'
  check "quiesce in another way" refuses EINVAL 'x --disk-only --quiesce=try'
  check "a machine that is off, which must be quiesced" refuses EBUSY 'x --disk-only --quiesce=required'
  check "the reason is named" prints_like 'EBUSY: .*guest agent' tail -n 1 "$dom/control/error"
  check "current without redefine" refuses EINVAL 'x --current'
  check "redefine without a document" refuses EINVAL 'x --redefine'
  check "validate without a document" refuses EINVAL 'x --validate'
  for word in --halt --live --no-metadata '--parent one' '--from one' '--compress zlib' \
              '--memspec file=/x' '--diskspec vda'; do
    check "redefine and ${word%% *}" refuses EINVAL "--redefine $word -" '<domainsnapshot/>'
  done
  check "another name in the document" refuses EINVAL 'x -' \
    '<domainsnapshot><name>y</name></domainsnapshot>'
  check "another description" refuses EINVAL 'x --description a -' \
    '<domainsnapshot><description>b</description></domainsnapshot>'
  check "memory twice" refuses EINVAL 'x --memspec snapshot=no -' \
    '<domainsnapshot><memory snapshot="no"/></domainsnapshot>'
  check "disks twice" refuses EINVAL 'x --diskspec vda -' \
    '<domainsnapshot><disks><disk name="vda"/></disks></domainsnapshot>'
  check "a disk that is not there" refuses EINVAL 'x --diskspec sdz'
  check "a disk twice" refuses EINVAL 'x --diskspec vda --diskspec vda'
  check "a spec that is none" refuses EINVAL 'x --diskspec vda,sideways'
  check "a relative path" refuses EINVAL 'x --memspec file=mem'
  check "4097 bytes of words" refuses E2BIG "$(head -c 4097 /dev/zero | tr '\0' x)"
  check "the same before a document" refuses E2BIG \
    "$(head -c 4096 /dev/zero | tr '\0' x)"$' -\n<domainsnapshot/>'
  check "a name that is no UTF-8" refuses EILSEQ $'x\xff'
  check "a document that is no UTF-8" refuses EILSEQ $'<domainsnapshot><name>\xff</name></domainsnapshot>'
  check "another element" refuses EINVAL '<domain/>'
  check "a document type" refuses EINVAL '<!DOCTYPE domainsnapshot><domainsnapshot/>'
  check "elements that cross" refuses EINVAL '<domainsnapshot><name></domainsnapshot></name>'
  check "two documents" refuses EINVAL '<domainsnapshot/><domainsnapshot/>'
  check "a document and a word" refuses EINVAL '<domainsnapshot/> x'
  check "a document that does not end" refuses EINVAL '<domainsnapshot><name>x</name>'
  check "as control/error says" last_error EINVAL
  check "words that wait for a document" refuses EINVAL 'x -'
  check "a wrong word before a document" refuses EINVAL 'x --sideways -' '<domainsnapshot/>'
  check "a document after what was refused" eval \
    'before=$(snapshots)
     { echo "\"x -"; echo "<domainsnapshot/>"; } >"$create" 2>"$work/said"
     prints "$before" snapshots && prints 2 grep -c "Invalid argument" "$work/said"'
  printf '<domainsnapshot>\0</domainsnapshot>' >"$work/document"
  check "a NUL in a document" refuses_file EINVAL
  printf 'x\0' >"$work/document"
  check "a NUL in words" refuses_file EINVAL
  { echo '<domainsnapshot><description>'; head -c 2M /dev/zero | tr '\0' x
    echo '</description></domainsnapshot>'; } >"$work/document"
  check "a document of 2 MiB" refuses_file EFBIG
  sed -n '1s/$/<name>/p' "$work/document" >"$work/part" && mv "$work/part" "$work/document"
  check "cat of a part" refuses_file EINVAL
  printf '<domainsnapshot>%s' "$(yes '<a>' | head -n 5000)" >"$work/document"
  check "5000 open elements" refuses_file EINVAL

  # What it says of itself.
  check "it reads as text that begins with #" prints_like '^#' cat "$create"
  check "each line does" prints '' grep -v '^#' "$create"
  check "and is no command" refuses EINVAL "$(cat "$create")"
  check "truncating does nothing" gives OK truncate "$create" 0
  check "and opening" gives OK write "$create" after2
}

serve memory: "$mnt" || exit 1
try_basics "$mnt/web01"

# ---- what only some can: places, copies, no record

check "a parent" gives OK write "$create" 'under --parent base'
check "is the parent" prints 'parent: base' grep ^parent: "$dom/.snapshots/under/info"
check "and the new one is current" current_is under
check "a copy" gives OK write "$create" 'copy --from one'
check "is a child" prints 'parent: one' grep ^parent: "$dom/.snapshots/copy/info"
check "and not current" current_is under
check "parent and from" refuses EINVAL 'x --parent base --from base'
check "the document's parent, and another" refuses EINVAL 'x --parent one -' \
  '<domainsnapshot><parent><name>base</name></parent></domainsnapshot>'
check "compressed" gives OK write "$create" 'small --compress zlib'
check "says so" prints 'compression: zlib' grep ^compression: "$dom/.snapshots/small/info"
check "as the first proposal has it" gives OK write "$create" \
  '<domainsnapshot><name>small2</name><compression>gzip</compression></domainsnapshot>'
check "says so" prints 'compression: zlib' grep ^compression: "$dom/.snapshots/small2/info"
check "in another way" refuses EINVAL 'x --compress lzma'
before=$(snapshots)
check "without a record" gives OK write "$create" --no-metadata
check "there is none" prints "$before" snapshots
check "and the current one is what it was" current_is small2

# Every word of the table is in the usage but those that no backend here can do, and no other.
check "the usage has the words of the table" prints \
  "$("$VMSNAPFS" --rows | sed -n 's,^MNT/DOMAIN/control/create ,,p' | grep -oE -- '--[a-z-]+( [A-Z]+)?' |
     grep -vxE -- '--live|--reuse-external|--method METHOD' | sort)" \
  eval 'grep -oE "^#   --[a-z-]+( [A-Z]+)?" "$create" | sed "s/^#   //" | sort -u'

# ---- two at a time

check "unmounting" unserve "$mnt"
check "a slow backend" serve 'memory:?delay=create:20000' "$mnt"
db=$mnt/db01
(echo slow >"$create") 2>"$work/client" &
client=$!
check "a slow one is shown" eventually grep -q 'running.*create' "$dom/control/jobs"
check "another operation is busy" gives EBUSY mkdir "$dom/.snapshots/second"
check "a discard is, too" gives EBUSY write "$dom/.snapshots/base/control/discard" keep-children
check "another domain is not" gives OK write "$db/empty/control/hold" 1
check "reading goes on" timeout 5 cat "$dom/info" "$create"
check "it is cancelled by its number" eval \
  'gives OK write "$dom/control/jobs" "cancel $(sed -n "s/^\([0-9]*\) running.*/\1/p" "$dom/control/jobs")"'
wait "$client"
check "and fails" test $? -ne 0
check "as interrupted" prints_like Interrupted cat "$work/client"
check "nothing was taken" refused test -e "$dom/.snapshots/slow"
check "unmounting" unserve "$mnt"

# ---- images

make_image "$store/web01.qcow2"
change "$store/web01.qcow2" 1 0
check "a store" serve "$store" "$mnt"
try_basics "$mnt/web01"
check "nothing is half there" nothing_left_over "$store"
check "every image is whole" all_clean "$store"
finish
