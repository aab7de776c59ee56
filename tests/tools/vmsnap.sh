#!/bin/bash
# vmsnap itself, and its commands map and cat: which disk an argument means, what is printed and written, and
# what is refused. That the bytes are right in images of every kind is the business of tests/images.
. "$(dirname "$0")/tools.sh"
manual=$(realpath "$here/../../tools/man/vmsnap.1")

mkdir "$work/elsewhere"
cd "$store" || exit 1

# vmsnap cat with the arguments from $2 on writes what is in the file $1.
writes ()
{
  local expected=$1
  shift
  "$VMSNAP" cat "$@" | cmp - "$expected"
}

qemu-img create -q -f qcow2 base.qcow2 4M
qemu-io -f qcow2 -c 'write -q -P 1 0 1M' base.qcow2
qemu-img convert -f qcow2 -O raw base.qcow2 then.raw
qemu-img snapshot -q -c 'then' --image-opts driver=qcow2,file.filename=base.qcow2
qemu-io -f qcow2 -c 'write -q -P 2 512k 1M' base.qcow2
qemu-img snapshot -q -c later --image-opts driver=qcow2,file.filename=base.qcow2
qemu-img snapshot -q -c later --image-opts driver=qcow2,file.filename=base.qcow2
qemu-img create -q -f qcow2 -b base.qcow2 -F qcow2 disk.qcow2 4M
qemu-io -f qcow2 -c 'write -q -P 3 3M 64k' disk.qcow2
qemu-img convert -f qcow2 -O raw disk.qcow2 now.raw

# ---- the command line

commands=$("$VMSNAP" --help | sed -nE 's/^  ([a-z]+) .*/\1/p')
check "--help names the commands" prints_like '^umount$' echo "$commands"
check "--version" prints_like '^vmsnap [0-9]+\.[0-9]+' "$VMSNAP" --version
for command in $commands; do
  check "$command --help says how it is used" prints_like "^usage: vmsnap $command " "$VMSNAP" "$command" --help
  check "$command --help does nothing else" "$VMSNAP" "$command" a b --help
  check "$command needs an argument" fails 2 "vmsnap $command --help explains" "$VMSNAP" "$command"
  check "$command does not take just any option" fails 2 "vmsnap $command --help" "$VMSNAP" "$command" --wrong x
done
check "behind -- it is an argument" fails 1 'No such file' "$VMSNAP" map -- --help
check "no command is a wrong command line" fails 2 'no command' "$VMSNAP"
check "an unknown command is" fails 2 '"write" is no command' "$VMSNAP" write disk.qcow2
check "and cannot do anything to a terminal" fails 2 '"%1B\[2J" is no command' "$VMSNAP" $'\e[2J'
check "no file is" fails 2 'is needed' "$VMSNAP" map
check "two files are" fails 2 'is needed' "$VMSNAP" map disk.qcow2 base.qcow2
check "an unknown option is" fails 2 'unknown' "$VMSNAP" map --wrong disk.qcow2
check "an option of the other verb is" fails 2 'unknown' "$VMSNAP" cat --json disk.qcow2
check "an unknown format is" fails 2 'vmdk' "$VMSNAP" map -f vmdk disk.qcow2
for number in 1x '' -1 1KK 99999999999999999999 9000000T; do
  check "--offset '$number' is" fails 2 'no number' "$VMSNAP" cat --offset "$number" disk.qcow2
done
check "options may come last" writes now.raw disk.qcow2 -f qcow2

options ()
{
  {
    "$VMSNAP" --help
    for command in $commands; do "$VMSNAP" "$command" --help; done
    echo ' --help'
  } | sed -nE 's/^ +(-[^ ]+).*/\1/p' | sort -u
}
explained ()
{
  sed -nE 's/^\.It Fl ([^ ]+).*/-\1/p' "$manual" | sort -u
}
check "the manual has every command" \
  prints "$(sort <<<"$commands")" eval "sed -nE 's/^\\.It Cm ([a-z]+).*/\\1/p' \"\$manual\" | sort"
check "the manual explains every option" prints "$(options)" explained
check "the manual is formatted without complaint" \
  prints '' eval 'man --warnings -l -Tutf8 "$manual" 2>&1 >/dev/null'

# ---- which disk

check "a disk on its base" writes now.raw disk.qcow2
check "by an absolute name" writes now.raw "$store/disk.qcow2"
check "from another directory" eval '(cd / && writes "$store/now.raw" "$store/../store/disk.qcow2")'
ln -s "$store" "$work/link"
check "by way of a link to the directory" writes now.raw "$work/link/disk.qcow2"
ln -s disk.qcow2 link.qcow2
check "but not by a link to the file" fails 1 'link.qcow2' "$VMSNAP" map link.qcow2
check "a snapshot by its tag" writes then.raw base.qcow2@then
check "or its ID" writes then.raw base.qcow2@1
check "not by the beginning of it" fails 1 'no snapshot "the"' "$VMSNAP" map base.qcow2@the
check "a tag that two have is refused" fails 1 'ID' "$VMSNAP" map base.qcow2@later
check "their IDs are not" "$VMSNAP" map base.qcow2@3
check "a tag may look like another's ID" eval \
  'qemu-img snapshot -q -c 1 --image-opts driver=qcow2,file.filename=base.qcow2 &&
   writes then.raw base.qcow2@1'
cp base.qcow2 'at@then'
qemu-io -f qcow2 -c 'write -q -P 9 0 4M' 'at@then'
cp base.qcow2 at
check "a file of the whole name comes first" prints_like '^ +0 +4194304 data$' "$VMSNAP" map at@then
check "and its snapshots are behind the last @" writes then.raw at@then@then
check "without that file it is a snapshot" eval 'mv at@then x@y && writes then.raw at@then'
check "a file that is not there" fails 1 'nowhere.qcow2: No such file' "$VMSNAP" map nowhere.qcow2
check "nor before the @" fails 1 'nowhere: No such file' "$VMSNAP" map nowhere@then
check "a snapshot without a name" fails 1 'no snapshot ""' "$VMSNAP" map base.qcow2@
check "a directory is no disk" fails 1 "$store" "$VMSNAP" map -f raw "$store"
mkfifo pipe
check "nor is a pipe, and nobody waits" timeout 10 bash -c '! "$1" map -f raw pipe' bash "$VMSNAP"

# ---- formats

check "what is not qcow2 is refused" fails 1 '-f raw' "$VMSNAP" map now.raw
check "and read as raw when told so" writes now.raw -f raw now.raw
qemu-img convert -f raw -O raw base.qcow2 whole-sectors
check "a raw disk may look like qcow2" writes whole-sectors -f raw base.qcow2
check "qcow2 has to be qcow2" fails 1 'now.raw' "$VMSNAP" map -f qcow2 now.raw
check "a raw disk has no snapshots" fails 1 'no snapshots' "$VMSNAP" map -f raw now.raw@then

# ---- where backing files may be

mv base.qcow2 "$work/elsewhere/"
qemu-img rebase -u -f qcow2 -b "$work/elsewhere/base.qcow2" -F qcow2 disk.qcow2
check "a base elsewhere is refused" fails 1 'allow' "$VMSNAP" map disk.qcow2
check "but for --allow" writes now.raw --allow "$work/elsewhere" disk.qcow2
check "which may be repeated" writes now.raw --allow /etc --allow "$work/elsewhere" disk.qcow2
check "and is a directory" fails 1 'nowhere' "$VMSNAP" cat --allow "$work/nowhere" disk.qcow2

# ---- map

OURS=("$VMSNAP" map --allow "$work/elsewhere")
check "map merges what is alike" prints "$(printf '%20s %20s %s\n' \
  0 1572864 data 1572864 1572864 zero 3145728 65536 data 3211264 983040 zero)" \
  "${OURS[@]}" disk.qcow2
check "and so it does in JSON" prints '[{ "start": 0, "length": 1572864, "zero": false, "data": true},
{ "start": 1572864, "length": 1572864, "zero": true, "data": false},
{ "start": 3145728, "length": 65536, "zero": false, "data": true},
{ "start": 3211264, "length": 983040, "zero": true, "data": false}]' "${OURS[@]}" --json disk.qcow2
qemu-img create -q -f qcow2 empty.qcow2 0
check "a disk of no bytes has no extents" prints '[]' "$VMSNAP" map --json empty.qcow2
check "a full disk is told" fails 1 'No space' eval '"${OURS[@]}" disk.qcow2 >/dev/full'

# ---- cat

OURS=("$VMSNAP" cat --allow "$work/elsewhere")
part ()
{
  local skip=$1 count=$2
  shift 2
  "${OURS[@]}" "$@" disk.qcow2 | cmp - <(tail -c +$((skip + 1)) now.raw | head -c "$count")
}
check "a part" part 3145000 2000 --offset 3145000 --length 2000
check "from an offset on" part 3145728 1048576 --offset 3M
check "up to a length" part 0 1536 --length 1536
check "with suffixes of either case" part 524288 1048576 --offset 512k --length 1M
check "of no bytes" part 0 0 --length 0
check "nothing is behind the end" part 4194304 0 --offset 4M
check "what is not there is refused" fails 1 '4194304' "${OURS[@]}" --offset 5M disk.qcow2
check "before anything is written" fails 1 '4194304' "${OURS[@]}" --length 5M disk.qcow2

# That $1 has the bytes of now.raw and takes up less.
is_sparse_copy ()
{
  cmp "$1" now.raw && [ $((512 * $(stat -c %b "$1"))) -le $((2 << 20)) ]
}
"${OURS[@]}" disk.qcow2 >copy
check "holes are kept in a file" is_sparse_copy copy
printf 'x%.0s' {1..4096} >longer
"${OURS[@]}" disk.qcow2 1<>longer
check "what a file holds does not show in holes" cmp longer now.raw
{ printf head; "${OURS[@]}" disk.qcow2; } >joined
check "in a file that begins otherwise it is right" cmp joined <(printf head; cat now.raw)
: >appended
"${OURS[@]}" disk.qcow2 >>appended
check "and where a file is appended to" cmp appended now.raw
check "a full disk is told" fails 1 'No space' eval '"${OURS[@]}" disk.qcow2 >/dev/full'
closed_pipe ()
{
  "${OURS[@]}" disk.qcow2 2>"$work/said" | head -c 1 >/dev/null
  prints '' cat "$work/said"
}
check "a closed pipe is nothing to speak of" closed_pipe
qemu-img create -q -f qcow2 huge.qcow2 1T
qemu-io -f qcow2 -c 'write -q -P 5 500G 64k' huge.qcow2
check "1 TiB goes into a file" timeout 10 bash -c '"$1" cat huge.qcow2 >huge' bash "$VMSNAP"
check "of that size" prints 1099511627776 stat -c %s huge
check "with its bytes" cmp <(tail -c +$(((500 << 30) + 1)) huge | head -c 65536) \
  <(head -c 65536 /dev/zero | tr '\0' '\5')

# ---- damage, and others

cp disk.qcow2 short.qcow2
truncate -s 200K short.qcow2
check "lost bytes are an error" fails 1 'short.qcow2' "${OURS[@]}" short.qcow2
exec 7< <(exec qemu-io -f qcow2 -c 'sleep 60000' disk.qcow2 2>&1)
qemu=$!
locked ()
{
  grep -q "^[0-9]*: OFDLCK .*:$(stat -c %i disk.qcow2) " /proc/locks
}
check "QEMU has it open" eventually locked
check "an image in use is refused" fails 1 'in use' "${OURS[@]}" disk.qcow2
kill "$qemu"
check "and later it is not" eventually writes now.raw --allow "$work/elsewhere" disk.qcow2
before=$(picture_of "$work/elsewhere")
"${OURS[@]}" disk.qcow2 >/dev/null
check "no image is touched" prints "$before" picture_of "$work/elsewhere"
finish
