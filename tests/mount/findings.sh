#!/bin/bash
# How others lose snapshots, each beside what happens here: the eight findings that shaped the store.
#
# The losses were seen with QEMU 7.2, libvirt 9.0 and libxml2 2.9; a later one may do better, which is
# said then and is no failure.
. "$(dirname "$0")/keeping.sh"

export LSAN_OPTIONS=$LSAN_OPTIONS:detect_leaks=0 ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0

# $1: qemu-img, virsh or xmllint; $2: what it does wrong; the rest: a command that succeeds when it does.
rival ()
{
  local program=$1 sentence=$2
  shift 2
  if is_known "$program"; then
    check "$program: $sentence" "$@"
  elif "$@" >"$work/output" 2>&1; then
    check "$program, which is another version: $sentence" true
  else
    echo "# $program no longer does that: $sentence"
  fi
}
is_known ()
{
  case $1 in
    qemu-img) qemu-img --version | grep -q 'version 7\.2' ;;
    virsh) virsh --version | grep -q '^9\.0\.' ;;
    xmllint) xmllint --version 2>&1 | grep -q 'version 209' ;;
  esac
}

# ---- 1: a revert that is killed

# An image with the snapshot `keep` of ones, and twos since.
make_kept ()
{
  make_image "$1" 1M && change "$1" 1 0 && qemu-img snapshot -c keep "$1" && change "$1" 2 0
}
# The machine is started again and writes; is `keep` another one then?
next_write_changes_keep ()
{
  change "$1" 3 0
  qemu-img convert -f qcow2 -l snapshot.name=keep -O qcow2 "$1" "$work/keep.qcow2"
  ! reads_as 0 "$work/keep.qcow2" 1
}
# What a kill between two of its writes leaves, for each of them: an image with those before written.
# (Which of its threads writes differs from run to run, so a kill at the Nth call of one would not always hit.)
apply_loses ()
{
  local data place losses=0
  cp "$work/seed.qcow2" "$work/rival.qcow2"
  strace -f -q -xx -s 100000 -e trace=pwrite64 -e signal=none -o "$work/trace" \
    qemu-img snapshot -a keep "$work/rival.qcow2" || return 1
  cp "$work/seed.qcow2" "$work/state.qcow2"
  while read -r data place; do
    printf %b "$data" | dd of="$work/state.qcow2" seek="$place" oflag=seek_bytes conv=notrunc status=none
    cp "$work/state.qcow2" "$work/rival.qcow2"
    ! next_write_changes_keep "$work/rival.qcow2" || losses=$((losses + 1))
  done < <(sed -nE 's/.*pwrite64\([0-9]+, "([^"]*)", [0-9]+, ([0-9]+).*/\1 \2/p' "$work/trace")
  echo "$losses losses"
  [ "$losses" -gt 0 ] && ! next_write_changes_keep "$work/state.qcow2"
}
# $1: calls, of which the $2nd is the last thing the daemon or its child does in a revert.
survives_kill ()
{
  rm -rf "$store"
  cp -a "$work/seed" "$store"
  serve_store || return 1
  trace_daemon -e trace="$1" -e signal=none -e inject="$1:signal=SIGKILL:when=$2" || return 1
  [ "$(order base revert 1 2>&1)" = OK ] || killed=$((killed + 1))
  crash_daemon
  change "$image" 9 512k && serve_store && kept web01/disks && reads_as 512k "$image" 9 || return 1
  ordered OK base revert 1 && lasts web01/disks && unserve "$mnt"
}
finding_1 ()
{
  local killed=0 call number
  make_kept "$work/seed.qcow2"
  rival qemu-img "snapshot -a, killed, loses the snapshot at the machine's next write" apply_loses
  store_of_two
  remember
  unserve "$mnt"
  cp -a "$store" "$work/seed"
  for call in '?rename,?renameat,?renameat2' '?unlink,?unlinkat' fsync pwrite64 execve; do
    for number in 1 2 3; do
      check "1: a revert killed at $call number $number loses no snapshot" survives_kill "$call" "$number"
    done
  done
  check "1: it was in the middle of it" test "$killed" -ge 5
  rm -rf "$work/seed"
}

# ---- 2: names that look like numbers

apply_takes_the_id ()
{
  qemu-img snapshot -a 2 "$work/rival.qcow2" && ! reads_as 0 "$work/rival.qcow2" 1 &&
    reads_as 0 "$work/rival.qcow2" 2
}
finding_2 ()
{
  local name value=10
  make_image "$work/rival.qcow2" 1M
  change "$work/rival.qcow2" 1 0
  qemu-img snapshot -c 2 "$work/rival.qcow2"
  change "$work/rival.qcow2" 2 0
  qemu-img snapshot -c other "$work/rival.qcow2"
  change "$work/rival.qcow2" 3 0
  empty_store
  cp "$work/rival.qcow2" "$image"
  rival qemu-img "snapshot -a 2 goes back to the one whose ID is 2, not to the one that is named so" \
    apply_takes_the_id
  serve_store
  check "2: the snapshot inside that is named 2 is reverted to" ordered OK 2 revert 1
  check "2: as its bytes say" reads_as 0 "$image" 1
  check "2: and it is the current one" prints 2 current
  check "2: then the other" ordered OK other revert 1
  check "2: as its bytes say" reads_as 0 "$image" 2
  for name in 3 1 0; do
    value=$((value + 1))
    change "$image" "$value" 0
    check "2: a snapshot named $name" mkdir "$dom/.snapshots/$name"
  done
  change "$image" 99 0
  for name in 0 1 3; do
    check "2: back to $name" ordered OK "$name" revert 1
    check "2: has its bytes" reads_as 0 "$image" "$value"
    value=$((value - 1))
  done
  remember
  check "2: all are kept" lasts
}

# ---- 3: a revert of several disks, one of which cannot

# What libvirt does: every disk in turn, whatever became of the one before.
reverted_in_part ()
{
  local disk failed=0
  for disk in a b c; do
    qemu-img snapshot -a s "$work/$disk.qcow2" || failed=1
  done
  [ "$failed" = 1 ] && reads_as 0 "$work/a.qcow2" 1 && reads_as 0 "$work/b.qcow2" 2 &&
    reads_as 0 "$work/c.qcow2" 1
}
finding_3 ()
{
  local disk gone
  for disk in a b c; do
    make_image "$work/$disk.qcow2" 1M
    change "$work/$disk.qcow2" 1 0
    [ "$disk" = b ] || qemu-img snapshot -c s "$work/$disk.qcow2"
    change "$work/$disk.qcow2" 2 0
  done
  empty_store
  make_several web01 vda=1M vdb=2M vdc=3M
  for disk in a b c; do
    cp "$work/$disk.qcow2" "$store/web01/vd$disk.qcow2"
  done
  rival qemu-img "on three disks one after the other: the second fails, the first and third are reverted" \
    reverted_in_part
  serve_store
  mkdir "$dom/base"
  change_several web01 5 0
  mkdir "$dom/base/leaf"
  change_several web01 6 0
  remember
  for disk in vda vdb vdc; do
    gone=$(frozen_image "$dom/base" "$disk")
    mv "$gone" "$work/gone"
    check "3: a revert without the image of $disk is refused" refused ordered OK base revert 1
    check "3: the current one is still current" prints leaf current
    mv "$work/gone" "$gone"
    check "3: no disk changed" eventually kept
  done
  [ ! -e "$dom/.snapshots/s" ] ||
    check "3: a snapshot that is inside two of the disks is not reverted to" refused ordered OK s revert 1
  check "3: nothing changed" lasts
  check "3: when all are there it is reverted to" ordered OK base revert 1
  for disk in vda vdb vdc; do
    check "3: with $disk" reads_as 0 "$store/web01/$disk.qcow2" 2
  done
  check "3: and nothing else changed" lasts web01/disks
}

# ---- 4 and 8: the power is cut

convert_is_lost ()
{
  qemu-img convert -f qcow2 -O qcow2 "$work/seed.qcow2" "$store/copy.qcow2" && cut_power &&
    ! qemu-img compare -q -f qcow2 -F qcow2 "$work/seed.qcow2" "$store/copy.qcow2"
}
finding_4 ()
{
  if ! can_cut_power; then
    skip "4: a copy survives a power cut" "needs root, loop devices, mkfs.ext4 and xfs_io"
    return
  fi
  make_kept "$work/seed.qcow2"
  empty_store
  mount_store 64M
  rival qemu-img "a copy by convert is gone after a power cut" convert_is_lost
  rm -f "$store/copy.qcow2"
  cp "$work/seed.qcow2" "$image"
  sync -f "$image"
  serve_store
  check "4: a revert that copies what is inside an image" ordered OK keep revert 1
  check "4: the power is cut" cut_power
  check "4: the copy is whole" reads_as 0 "$image" 1
  check "4: every image is clean" all_clean "$store"
  serve_store
  check "4: it is the current one" prints keep current
  remember
  check "4: and the store is sound" lasts
  unmount_store
}

# $1: the names that are there afterwards; $2: which is current; the rest: what must be durable once answered.
survives_cut ()
{
  local expected=$1 now=$2
  shift 2
  "$@" && cut_power && serve_store && prints "$expected" names && prints "$now" current
}
finding_8 ()
{
  if ! can_cut_power; then
    skip "8: what was answered survives a power cut" "needs root, loop devices, mkfs.ext4 and xfs_io"
    return
  fi
  empty_store
  mount_store 64M
  echo old >"$store/synced.txt"
  echo old >"$store/replaced.txt"
  sync -f "$store/synced.txt"
  echo new >"$store/unsynced.txt"
  echo new >"$store/new.txt"
  mv "$store/new.txt" "$store/replaced.txt"
  check "8: the power is cut" cut_power
  check "8: what was synced is there" prints old cat "$store/synced.txt"
  check "8: cp, mv: what was not synced is gone" test ! -s "$store/unsynced.txt"
  check "8: cp, mv: the file is the old one" prints old cat "$store/replaced.txt"
  rm -f "$store"/*.txt

  make_image "$image" 1M
  change "$image" 1 0
  sync -f "$image"
  serve_store
  remember
  check "8: mkdir" survives_cut base base mkdir "$dom/base"
  check "8: lost nothing" kept
  change "$image" 2 128k
  check "8: a child" survives_cut $'base\nleaf' leaf mkdir "$dom/base/leaf"
  change "$image" 3 256k
  check "8: another" survives_cut $'base\nleaf\ntip' tip mkdir "$dom/base/leaf/tip"
  remember
  check "8: a description" survives_cut $'base\nleaf\ntip' tip gives OK write "$dom/base/description" text
  check "8: is there" prints text cat "$dom/base/description"
  check "8: a hold" survives_cut $'base\nleaf\ntip' tip ordered OK base hold 1
  check "8: holds" prints yes field "$dom/base/info" held
  ordered OK base hold 0 >"$work/said"
  check "8: a revert" survives_cut $'base\nleaf\ntip' base ordered OK base revert 1
  check "8: lost no snapshot" kept web01/disks
  check "8: and set the disk back" prints "$(sum_of base)" live_sum
  remember
  check "8: a rename" survives_cut $'base\nleaf\ntop' base \
    gives OK rename "$dom/base/leaf/tip" "$dom/base/leaf/top"
  check "8: lost nothing" kept web01/.snapshots/tip
  remember
  check "8: a merge" survives_cut $'base\ntop' base ordered OK leaf merge children
  check "8: lost nothing" kept web01/.snapshots/leaf
  check "8: a discard" survives_cut base base rmdir "$dom/base/top"
  check "8: lost nothing" kept web01/.snapshots/leaf web01/.snapshots/tip web01/.snapshots/top
  check "8: the store is sound" lasts web01/.snapshots/leaf web01/.snapshots/top
  unmount_store
}

# ---- 5: an image that was cut off

# $1: an image; the byte at the end of its data is zero when read, without a word.
convert_makes_zeros ()
{
  qemu-img convert -f qcow2 -O qcow2 "$1" "$work/copy.qcow2" && reads_as 960k "$work/copy.qcow2" 0
}
reads_with_eio ()
{
  ! cat "$1" 2>"$work/said" >/dev/null && prints_like 'Input/output error' cat "$work/said"
}
finding_5 ()
{
  local frozen
  make_image "$work/rival.qcow2" 1M
  qemu-io -f qcow2 -c 'write -q -P 1 0 1M' "$work/rival.qcow2"
  empty_store
  cp "$work/rival.qcow2" "$image"
  truncate -s $(($(stat -c %s "$image") - 128 * 1024)) "$work/rival.qcow2"
  cp "$work/rival.qcow2" "$store/cut.qcow2"
  rival qemu-img "a copy of a truncated image succeeds and has zeros" convert_makes_zeros "$work/rival.qcow2"
  rival qemu-img "a snapshot of it succeeds, too" qemu-img snapshot -c s "$work/rival.qcow2"
  serve_store
  check "5: reading it is an error" reads_with_eio "$mnt/cut/disks/vda.raw"
  check "5: what is before the cut is read" prints 1 eval \
    'head -c 512k "$mnt/cut/disks/vda.raw" | tr -d "\1" | wc -c | grep -c "^0$"'
  rm "$store/cut.qcow2"
  check "5: it can be taken away" eventually test ! -e "$mnt/cut"
  mkdir "$dom/base"
  change "$image" 2 0
  mkdir "$dom/base/leaf"
  remember
  frozen=$(frozen_image "$dom/base")
  cp "$frozen" "$work/whole"
  chmod u+w "$frozen"
  truncate -s $(($(stat -c %s "$frozen") - 128 * 1024)) "$frozen"
  check "5: of a snapshot, too" reads_with_eio "$dom/base/disks/vda.raw"
  check "5: and of what is based on it" reads_with_eio "$dom/base/leaf/disks/vda.raw"
  check "5: it stays in the tree" prints $'base\nleaf' names
  cat "$work/whole" >"$frozen"
  chmod a-w "$frozen"
  check "5: when it is whole again so is all" lasts
}

# ---- 6: documents made to exhaust

# The processor time of the daemon in hundredths of a second.
ticks ()
{
  sed 's/.*) //' "/proc/${daemons[$mnt]}/stat" | awk '{print $12 + $13}'
}
memory ()
{
  sed -n "s/^$1:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/${daemons[$mnt]}/status"
}
# Hundredths of a second of work that a document may take: ten on a machine where a plain one takes xmllint two.
# Most of that is starting, and a machine that others use as well takes longer for it and for ours.
may_take ()
{
  local TIMEFORMAT='%3U %3S'
  [ -e "$work/plain" ] || printf '<a>%s</a>' "$(printf '<b c="1">some text</b>%.0s' {1..20000})" >"$work/plain"
  { time xmllint --noout "$work/plain" 2>&3; } 3>&2 2>&1 |
    awk '{ most = 500 * ($1 + $2); print (most > 10 ? int (most) : 10) }'
}
# $work/document is refused as one of $1, with no more work than that, and in less than 64 MB of memory.
refused_cheaply ()
{
  local before=$work/before resident began took most grown
  names >"$before"
  echo 5 >"/proc/${daemons[$mnt]}/clear_refs"
  resident=$(memory VmRSS)
  began=$(ticks)
  ! cat "$work/document" >"$dom/control/create" || return 1
  took=$(($(ticks) - began))
  grown=$(($(memory VmHWM) - resident))
  most=$(may_take)
  echo "$took of $most hundredths of a second, $grown KiB"
  last_error "$1" && prints "$(cat "$before")" names || return 1
  is_instrumented || { [ "$took" -le "$most" ] && [ "$grown" -lt 65536 ]; }
}
# A sanitizer's own time and memory are none of the document's.
is_instrumented ()
{
  grep -Eq 'lib[at]san' "/proc/${daemons[$mnt]}/maps"
}
document ()
{
  printf '<domainsnapshot><name>bomb</name>%s</domainsnapshot>\n' "$1" >"$work/document"
}
# The size of what libvirt makes of a document of entities.
expands_in_libvirt ()
{
  timeout 60 virsh -q -c test:///default \
    "snapshot-create test $work/document; snapshot-dumpxml test bomb" | wc -c >"$work/size"
  cat "$work/size"
  [ "$(cat "$work/size")" -gt 50000000 ]
}
quadratic ()
{
  {
    printf '<!DOCTYPE domainsnapshot [<!ENTITY a "%050000d">]>' 0
    document "<description>$(printf '&a;%.0s' {1..1200})</description>" && cat "$work/document"
  } >"$work/bomb"
  mv "$work/bomb" "$work/document"
}
finding_6 ()
{
  local i
  store_of_two
  remember
  quadratic
  rival xmllint "a document of 60 KB has a text of 60 MB" \
    prints_like '^6(e\+07|0000...)$' xmllint --xpath 'string-length(/)' "$work/document"
  if command -v virsh >/dev/null; then
    rival virsh "that text becomes a description" expands_in_libvirt
  fi
  check "6: it is refused" refused_cheaply EINVAL
  {
    echo '<!DOCTYPE domainsnapshot [<!ENTITY a0 "ha">'
    for i in {1..30}; do echo "<!ENTITY a$i \"&a$((i - 1));&a$((i - 1));&a$((i - 1));&a$((i - 1));\">"; done
    echo ']><domainsnapshot><name>&a30;</name></domainsnapshot>'
  } >"$work/document"
  check "6: a billion laughs" refused_cheaply EINVAL
  echo '<!DOCTYPE domainsnapshot [<!ENTITY x SYSTEM "file:///etc/passwd">]><domainsnapshot><name>bomb</name><description>&x;</description></domainsnapshot>' \
    >"$work/document"
  check "6: a file from outside" refused_cheaply EINVAL
  check "6: of which nothing is told" refused grep -q root: "$dom/control/error"
  echo '<!DOCTYPE domainsnapshot SYSTEM "http://127.0.0.1:9/x.dtd"><domainsnapshot/>' >"$work/document"
  check "6: a definition from outside" refused_cheaply EINVAL
  document "<x $(seq -f 'a%.0f="1"' 40000 | tr '\n' ' ')/>"
  check "6: 40,000 attributes" refused_cheaply 'E(INVAL|FBIG)'
  { echo '<domainsnapshot '; seq -f 'a%.0f="1"' 1000000; echo '/>'; } | head -c 10M >"$work/document"
  check "6: 10 MB of attributes" refused_cheaply EFBIG
  document "$(printf '<a>%.0s' {1..20000})$(printf '</a>%.0s' {1..20000})"
  check "6: 20,000 levels" refused_cheaply EINVAL
  document "$(printf '<a/>%.0s' {1..150000})"
  check "6: 150,000 elements" refused_cheaply 'E(INVAL|FBIG)'
  printf '<?xml version="1.0" encoding="x-own"?><domainsnapshot><name>bomb</name></domainsnapshot>' \
    >"$work/document"
  check "6: an encoding that is none of ours" refused_cheaply EINVAL
  printf '<domainsnapshot><name>\300\257</name></domainsnapshot>' >"$work/document"
  check "6: bytes that are no UTF-8" refused_cheaply 'E(INVAL|ILSEQ)'
  printf '<domainsnapshot><name>half</name>' >"$work/document"
  check "6: half a document" refused_cheaply EINVAL
  check "6: a snapshot is still taken" mkdir "$dom/base/leaf/after"
  check "6: nothing was lost" lasts
}

# ---- 7: characters that XML cannot hold

libvirt_changes_text ()
{
  virsh -q -c test:///default \
    "snapshot-create-as test x '$(printf 'a\001b\rc')'; snapshot-dumpxml test x" |
    sed '/^Domain snapshot/d' >"$work/rival.xml"
  # xmllint adds a newline to what it prints.
  refused prints "$(printf 'a\001b\rc')" xmllint --xpath 'string(//description)' "$work/rival.xml"
}
# The description that is the text $1 is either kept to the byte, here and in the XML, or refused.
text_is_kept ()
{
  local was
  was=$(cat "$dom/base/description")
  case $("$ERRNO" write "$dom/base/description" "$1") in
    OK) xml_has "$1" base && prints "$1" cat "$dom/base/description" ;;
    EINVAL | EILSEQ) xmllint --noout "$dom/base/snapshot.xml" && prints "$was" cat "$dom/base/description" ;;
    *) return 1 ;;
  esac
}
xml_has ()
{
  prints "$1" xmllint --xpath 'string(/*/description)' "$dom/.snapshots/$2/snapshot.xml"
}
# The snapshot that is shown as $1 has a document that can be read again, or none where XML cannot hold the name.
name_is_kept ()
{
  local xml=$dom/.snapshots/$1/snapshot.xml
  mkdir "$dom/.snapshots/$1" && grep -q '^name: ' "$dom/.snapshots/$1/info" || return 1
  [ ! -e "$xml" ] || xmllint --noout - <"$xml"
}
# By their contents: xmllint would take a name with % for an address.
all_documents_parse ()
{
  local file
  for file in "$dom"/.snapshots/*/snapshot.xml; do
    xmllint --noout - <"$file" || return 1
  done
}
finding_7 ()
{
  local text name
  store_of_two
  remember
  if command -v virsh >/dev/null; then
    rival virsh "a description with control characters is another one when read" libvirt_changes_text
  fi
  for text in $'a\001b' $'a\rb' $'a\tb\nc' $'\033[31mred' $'del\177' $'nel\302\205' $'\357\277\276' \
              $'\300\200' $'\355\240\200' '<&>"' ']]>' $' \n '; do
    check "7: the description $(printf %q "$text")" text_is_kept "$text"
  done
  for name in %01 %0A %0D%0A %7F $'nel\302\205' %1B[31m '<&>"' ']]>' ' ' '&#1;'; do
    check "7: the name $(printf %q "$name")" name_is_kept "$name"
  done
  check "7: a name that is no UTF-8" gives EILSEQ mkdir "$dom/.snapshots/"$'\377'
  ls "$dom/.snapshots" >"$work/names"
  remember
  check "7: nothing is lost" lasts
  check "7: all names are what they were" prints "$(cat "$work/names")" names
  check "7: and all documents can be read" all_documents_parse
  printf '<domainsnapshot><name>x</name><description>a&#1;b</description></domainsnapshot>' \
    >"$work/document"
  check "7: a document with such a character" refused_cheaply EINVAL
  check "7: words with one" created OK $'bell --description "a\ab"'
  check "7: are a document that can be read" xmllint --noout "$dom/.snapshots/bell/snapshot.xml"
}

for number in ${FINDINGS:-1 2 3 4 5 6 7 8}; do
  finding_"$number"
done
finish
