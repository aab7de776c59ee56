#!/bin/bash
# The ways in which snapshot systems lost their users' data, as stories told against this one. After each, what is
# left has the bytes that it had, now and after a remount, and the store is sound.
. "$(dirname "$0")/keeping.sh"

# ---- one kind of snapshot among the other (virt-manager #811; L1, L2)

mixed_kinds ()
{
  empty_store
  make_image "$image" 1M
  change "$image" 1 0
  qemu-img snapshot -c inside "$image"
  change "$image" 2 0
  serve_store
  remember
  check "811: a snapshot outside, after one inside" mkdir "$dom/outside"
  change "$image" 3 0
  check "811: and its child" mkdir "$dom/outside/child"
  change "$image" 4 0
  remember
  check "811: back to the one inside" ordered OK inside revert 1
  check "811: no snapshot changed, those based on that image neither" kept web01/disks
  change "$image" 5 128k
  remember
  check "811: the one outside is discarded" ordered OK outside discard keep-children
  check "811: nothing else is lost" lasts web01/.snapshots/outside
  check "811: the last one outside, too" ordered OK child discard 1
  check "811: nothing else is lost" lasts web01/.snapshots/outside web01/.snapshots/child
  check "811: back once more" ordered OK inside revert 1
  check "811: as its bytes say" reads_as 0 "$image" 1
  check "811: another snapshot" mkdir "$dom/.snapshots/last"
  check "811: all are kept" lasts web01/.snapshots/outside web01/.snapshots/child web01/disks
}

# ---- a base that several read (L3, L15)

siblings ()
{
  local twin
  store_of_two
  check "siblings: a twin of leaf" created OK 'twin --parent base'
  change "$image" 7 512k
  twin=$(sum_of twin)
  remember
  check "siblings: merging one into the base they share is refused" ordered ENOTEMPTY leaf merge parent
  check "siblings: nothing changed" kept
  check "siblings: a child of leaf" created OK 'tip --parent leaf'
  remember
  check "siblings: leaf goes into its child" ordered OK leaf merge children
  check "siblings: its twin has its bytes" same_sum "$twin" twin
  check "siblings: nothing else is lost" lasts web01/.snapshots/leaf
  check "siblings: the base itself goes into them" ordered OK base merge children
  check "siblings: all have their bytes" lasts web01/.snapshots/leaf web01/.snapshots/base
}

shared_base ()
{
  local base=$store/template.qcow2 before name
  empty_store
  make_image "$base" 1M
  change "$base" 1 0
  for name in web01 web02; do
    qemu-img create -q -f qcow2 -b template.qcow2 -F qcow2 "$store/$name.qcow2"
  done
  before=$(sha256sum <"$base"; stat -c '%i %a %y' "$base")
  serve_store
  change "$image" 2 128k
  mkdir "$dom/base" "$mnt/web02/base"
  change "$image" 3 0
  mkdir "$dom/base/leaf"
  change "$store/web02.qcow2" 4 64k
  remember
  check "shared: the base of two machines takes no snapshot" gives EBUSY mkdir "$mnt/template/x"
  check "shared: one machine's snapshots are merged" ordered OK leaf merge parent
  check "shared: the other machine has its bytes" kept web01/.snapshots
  check "shared: they are discarded" ordered OK base discard 1
  check "shared: and the other's" rmdir "$mnt/web02/base"
  check "shared: both machines have theirs" kept web01/.snapshots web02/.snapshots
  check "shared: there is nothing left to tidy" eventually no_frozen_images
  check "shared: the base is what it was" prints "$before" eval \
    'sha256sum <"$store/template.qcow2"; stat -c "%i %a %y" "$store/template.qcow2"'
  check "shared: the store is sound" lasts web01/.snapshots web02/.snapshots
}
no_frozen_images ()
{
  prints '' find "$store" -name '.vmsnapfs-*.qcow2'
}

# Somebody copies a machine's image, and so makes another that is read through the same frozen ones.
copied_machine ()
{
  store_of_two
  cp "$image" "$store/copy.qcow2"
  check "copied: the copy is a machine" eventually test -e "$mnt/copy/disks/vda.raw"
  remember
  check "copied: leaf is discarded" ordered OK leaf discard 1
  check "copied: and base" ordered OK base discard 1
  check "copied: both machines are what they were" lasts web01/.snapshots
  rm "$store/copy.qcow2"
  check "copied: it is gone" eventually test ! -e "$mnt/copy"
  # An operation makes it look again at what is left.
  check "copied: without it" mkdir "$dom/again"
  check "copied: and after another discard" rmdir "$dom/again"
  check "copied: all is tidied" eventually no_frozen_images
  check "copied: and the machine is what it was" lasts web01/.snapshots copy
}
# ---- an operation that fails at one of several disks (L4, L10, L16)

# $1: how; $2: the word.
fail_qemu_img ()
{
  echo "$1" >"$work/how"
  echo "$2" >"$work/fail"
}
# A qemu-img that fails when a word of its command line is the line in $work/fail, in the way that $work/how has.
make_failing_qemu_img ()
{
  cat >"$work/qemu-img" <<END
#!/bin/bash
for word; do
  if [ "\$word" = "\$(/bin/cat $work/fail)" ]; then
    case \$(/bin/cat $work/how) in
      kill) kill -KILL \$\$ ;;
      late) $(command -v qemu-img) "\$@"; exit 1 ;;
      take) /bin/mv "\$(/bin/cat $work/taken)" $work/away; exec $(command -v qemu-img) "\$@" ;;
      *) exit 1 ;;
    esac
  fi
done
exec $(command -v qemu-img) "\$@"
END
  chmod +x "$work/qemu-img"
  fail_qemu_img none ''
}
half_done ()
{
  local how size before
  make_failing_qemu_img
  empty_store
  make_several web01 vda=1M vdb=2M vdc=3M
  change_several web01 1 0
  VMSNAPFS_QEMU_IMG=$work/qemu-img serve_store
  mkdir "$dom/base"
  change_several web01 2 0
  mkdir "$dom/base/leaf"
  change_several web01 3 0
  remember
  before=$(find "$store" | sort)
  for how in fail kill late; do
    for size in 1 2 3; do
      fail_qemu_img "$how" $((size << 20))
      check "several: a snapshot, qemu-img to $how at disk $size" refused ordered OK leaf revert 'save x'
      check "several: nothing happened" prints $'base\nleaf' names
      check "several: a snapshot by itself" refused mkdir "$dom/base/leaf/x"
      check "several: a revert" refused ordered OK base revert 1
      check "several: is not done in part" kept
      check "several: leaf is current" prints leaf current
      check "several: no file is left" prints "$before" eval 'find "$store" | sort'
    done
  done
  fail_qemu_img none ''
  check "several: when all works, so does the revert" ordered OK base revert 1
  check "several: no snapshot was lost" lasts web01/disks
}

# The copy of what is inside an image fails.
copy_fails ()
{
  local how before
  make_failing_qemu_img
  empty_store
  make_image "$image" 1M
  change "$image" 1 0
  qemu-img snapshot -c inside "$image"
  change "$image" 2 0
  VMSNAPFS_QEMU_IMG=$work/qemu-img serve_store
  mkdir "$dom/base"
  change "$image" 3 0
  remember
  before=$(find "$store" | sort)
  for how in fail kill late; do
    fail_qemu_img "$how" convert
    check "copy: qemu-img to $how" refused ordered OK inside revert 1
    check "copy: nothing changed" kept
    check "copy: no file is left" prints "$before" eval 'find "$store" | sort'
  done
  fail_qemu_img none ''
  check "copy: when it works" ordered OK inside revert 1
  check "copy: it has the bytes" prints "$(sum_of inside)" live_sum
  check "copy: no snapshot was lost" lasts web01/disks
}

# An image that goes between the plan and the act (L13).
taken_away ()
{
  local answer
  make_failing_qemu_img
  store_of_two
  unserve "$mnt"
  VMSNAPFS_QEMU_IMG=$work/qemu-img serve_store
  remember
  frozen_image "$dom/base" >"$work/taken"
  fail_qemu_img take $((1 << 20))
  answer=$(order base revert 1)
  check "taken: the image of base, while base is reverted to" test -e "$work/away"
  mv "$work/away" "$(cat "$work/taken")"
  fail_qemu_img none ''
  check "taken: is refused" refused test "$answer" = OK
  check "taken: nothing is lost when it is back" lasts
}

# ---- an image that somebody uses (L6)

used_elsewhere ()
{
  local before
  store_of_two
  remember
  before=$(find "$store" -printf '%p %i %s %T@\n' | sort)
  check "used: a machine starts" start_machine
  check "used: a snapshot" gives EBUSY mkdir "$dom/base/leaf/x"
  check "used: a snapshot by words" created EBUSY x
  check "used: a revert" ordered EBUSY base revert 1
  check "used: with a copy first" ordered EBUSY base revert 'save x'
  check "used: nothing changed" prints "$before" eval 'find "$store" -printf "%p %i %s %T@\n" | sort'
  echo 'write -q -P 9 512k 64k' >&7
  stop_machine
  check "used: what the machine wrote is there" reads_as 512k "$image" 9
  check "used: nothing is lost" lasts web01/disks
}

# ---- the present state (L7, L18)

present_state ()
{
  local live
  store_of_two
  live=$(live_sum)
  remember
  check "present: kept on the way back" ordered OK base revert 'save "my state"'
  check "present: as a snapshot" same_sum "$live" 'my state'
  check "present: no other changed" kept web01/disks
  change "$image" 9 512k
  remember
  check "present: what is written after a revert lasts" lasts
  check "present: and to it" ordered OK 'my state' revert 1
  check "present: it is the disk again" same_live "$live"
  check "present: all are kept" lasts web01/disks
}

# ---- names (L8, L9, L10)

names_of_all_kinds ()
{
  local long wide value=0 name all
  long=$(printf 'n%.0s' {1..255})
  wide=$(printf '\303\266%.0s' {1..127})
  all=(1 2 0 -d -- ' ' -1 00 '*' '$(id)' '"' "'" 'a b' "$long" "$wide" CON 'x.qcow2')
  empty_store
  make_image "$image" 1M
  serve_store
  for name in "${all[@]}"; do
    value=$((value + 1))
    change "$image" "$value" 0
    check "names: ${name:0:20}" mkdir -- "$dom/.snapshots/$name"
  done
  remember
  value=0
  for name in "${all[@]}"; do
    value=$((value + 1))
    check "names: ${name:0:20} is this one" reads_as 0 "$(frozen_image "$dom/.snapshots/$name")" "$value"
  done
  check "names: twice" gives EEXIST mkdir "$dom/.snapshots/1"
  check "names: twice, in words" created EEXIST 1
  check "names: 256 bytes" gives ENAMETOOLONG mkdir "$dom/.snapshots/${long}n"
  check "names: 256 bytes in words" refused created OK "${long}n"
  check "names: 5000 bytes" refused created OK "$(printf 'n%.0s' {1..5000})"
  check "names: none" created EINVAL '""'
  check "names: nothing happened" prints ${#all[@]} eval 'names | wc -l'
  check "names: one is renamed to a number that was another's" eval \
    'rmdir "$dom/.snapshots/2" 2>"$work/said" || order 2 discard keep-children
     gives OK rename "$dom/.snapshots/0" "$dom/.snapshots/2" || rename_there 0 2'
  check "names: and is this one" reads_as 0 "$(frozen_image "$dom/.snapshots/2")" 3
  check "names: no other is lost" lasts web01/.snapshots/2 web01/.snapshots/0
  for name in -- -d "$long"; do
    check "names: ${name:0:20} alone is discarded" ordered OK "$name" discard keep-children
    check "names: no other is lost" kept web01/.snapshots/2 web01/.snapshots/0 web01/.snapshots/-- \
      web01/.snapshots/-d "web01/.snapshots/$long"
  done
}

same_names ()
{
  empty_store
  make_image "$image" 1M
  change "$image" 1 0
  qemu-img snapshot -c twice "$image"
  change "$image" 2 0
  qemu-img snapshot -c twice "$image"
  change "$image" 3 0
  serve_store
  remember
  check "same: back to the second of two" ordered OK 'twice%~2' revert 1
  check "same: has its bytes" reads_as 0 "$image" 2
  check "same: back to the first" ordered OK twice revert 1
  check "same: has its bytes" reads_as 0 "$image" 1
  check "same: none is lost" lasts web01/disks

  store_of_two
  remember
  sed 's,<creationTime>[0-9]*,<creationTime>1,' "$dom/base/leaf/snapshot.xml" >"$work/document"
  check "same: a record of a name that is there" eval \
    '! { echo "--redefine -"; sed "s,>leaf<,>base<,; /<parent>/,/<\/parent>/d" "$work/document"; } >"$dom/control/create" ||
     prints 2 eval "names | wc -l"'
  check "same: there is still one of each" prints $'base\nleaf' names
  check "same: none is lost" lasts
}

# ---- chains that never end (L12)

# The command fails by itself.
fails_soon ()
{
  timeout 10 "$@"
  [ $? -eq 1 ]
}
looping_chain ()
{
  local name next last=30
  empty_store
  make_image "$store/self.qcow2" 1M
  make_image "$store/well.qcow2" 1M
  for ((name = 1; name <= last; name++)); do
    make_image "$store/loop$name.qcow2" 1M
  done
  for ((name = 1; name <= last; name++)); do
    next=$((name % last + 1))
    qemu-img rebase -q -u -f qcow2 -F qcow2 -b "loop$next.qcow2" "$store/loop$name.qcow2"
  done
  qemu-img rebase -q -u -f qcow2 -F qcow2 -b self.qcow2 "$store/self.qcow2"
  check "loop: the store is mounted" serve_store
  for name in self loop1 loop30; do
    check "loop: $name is shown" timeout 10 cat "$mnt/$name/info"
    check "loop: it is not read" fails_soon head -c 1 "$mnt/$name/disks/vda.raw"
    check "loop: it takes no snapshot" fails_soon mkdir "$mnt/$name/x"
  done
  check "loop: another machine is not concerned" mkdir "$mnt/well/base"
  check "loop: nor the daemon" timeout 10 ls -R "$mnt"
}

# ---- what is already there (L11)

already_there ()
{
  local before
  store_of_two
  remember
  echo precious >"$work/precious.qcow2"
  cp "$work/precious.qcow2" "$store/precious.qcow2"
  make_image "$store/.vmsnapfs-theirs.qcow2" 1M
  cp "$work/precious.qcow2" "$store/web01.qcow2.new"
  mkdir "$store/.vmsnapfs-folder.qcow2"
  before=$(sha256sum "$store"/*precious* "$store/.vmsnapfs-theirs.qcow2" "$store/web01.qcow2.new")
  for file in "$work/precious.qcow2" "$store/precious.qcow2" precious.qcow2; do
    check "there: a file that a snapshot would be put into" refused created OK "x --diskspec vda,file=$file"
    check "there: nor reused" refused created OK "x --reuse-external --diskspec vda,file=$file"
  done
  check "there: nothing happened" prints $'base\nleaf' names
  check "there: a snapshot" mkdir "$dom/base/leaf/x"
  check "there: back" ordered OK base revert 1
  check "there: discarded" ordered OK x discard 1
  unserve "$mnt"
  serve_store
  check "there: files of others are not touched" prints "$before" eval \
    'sha256sum "$store"/*precious* "$store/.vmsnapfs-theirs.qcow2" "$store/web01.qcow2.new"'
  check "there: nor one elsewhere" grep -q '^precious$' "$work/precious.qcow2"
  check "there: nothing is lost" kept web01/disks web01/.snapshots/x precious
}

# ---- a record that was damaged (L14)

# The file of the record of the snapshot $1.
record_of ()
{
  find "$store/.vmsnapfs" -name "s-$(field "$dom/.snapshots/$1/info" uuid)"
}
# $1: what was done to the record of leaf: it is shown, and so is all else, and nothing can be changed.
only_leaf_is_hidden ()
{
  local name
  prints 3 eval 'names | wc -l' || return 1
  for name in base tip; do
    timeout 10 cat "$dom/.snapshots/$name/info" "$dom/.snapshots/$name/snapshot.xml" || return 1
  done
  kept web01/.snapshots/leaf && gives EUCLEAN mkdir "$dom/.snapshots/x" && ordered EUCLEAN base revert 1 &&
    ordered EUCLEAN tip discard 1 && ordered EUCLEAN base discard force && refused "$VMSNAP" check "$store"
}
damaged_record ()
{
  local record how
  store_of_two
  mkdir "$dom/base/leaf/tip"
  remember
  record=$(record_of leaf)
  come_to_rest
  cp -p "$record" "$work/whole"
  for how in 'truncate -s 200' 'truncate -s 0' 'sed -i s/leaf/leaF/' 'sed -i 1s/1/9/' 'shred -n 1 -x'; do
    $how "$record"
    serve_store
    check "record: after $how" only_leaf_is_hidden
    unserve "$mnt"
    cp -p "$work/whole" "$record"
  done
  rm "$record"
  serve_store
  check "record: without it its child is reached" timeout 10 cat "$dom/.snapshots/tip/info"
  check "record: and all bytes" kept web01/.snapshots/leaf
  unserve "$mnt"
  cp -p "$work/whole" "$record"
  record=$(dirname "$record")/head
  cp -p "$record" "$work/whole"
  for how in 'truncate -s 100' 'truncate -s 0' 'sed -i 1s/1/9/' 'shred -n 1 -x' 'rm'; do
    $how "$record"
    serve_store
    check "record: after $how of the head all snapshots are there" kept
    unserve "$mnt"
    cp -p "$work/whole" "$record"
  done
  serve_store
  check "record: when all is back nothing is lost" lasts
}

# ---- without qemu-img

without_qemu_img ()
{
  store_of_two
  remember
  come_to_rest
  VMSNAPFS_QEMU_IMG=$work/nothing serve_store
  check "without: everything is read" kept
  check "without: a snapshot" gives EOPNOTSUPP mkdir "$dom/base/leaf/x"
  check "without: is told what is missing" prints_like 'qemu-img' tail -n 1 "$dom/control/error"
  check "without: a revert" ordered EOPNOTSUPP base revert 1
  check "without: nothing changed" kept
  check "without: records are" gives OK write "$dom/base/description" text
  unserve "$mnt"
  serve_store
  check "without: and later nothing is lost" lasts
}

# ---- a clock that goes backwards

# $1: a snapshot; $2: the time that its record is to have.
set_time ()
{
  {
    echo '--redefine -'
    sed "s,<creationTime>[0-9]*,<creationTime>$2," "$dom/.snapshots/$1/snapshot.xml"
  } >"$work/document"
  cat "$work/document" >"$dom/control/create"
}
backwards ()
{
  store_of_two
  remember
  check "clock: base was made in the year 2100" set_time base 4102444800
  check "clock: its child in 1970" set_time leaf 1
  check "clock: both are shown so" prints '4102444800 1' \
    eval 'echo $(stat -c %Y "$dom/base" "$dom/base/leaf")'
  check "clock: the tree is the same" test -d "$dom/base/leaf"
  check "clock: a snapshot of today under it" mkdir "$dom/base/leaf/tip"
  check "clock: a made up name" created OK '<domainsnapshot/>'
  check "clock: and another" created OK '<domainsnapshot/>'
  check "clock: are two" prints 5 eval 'names | wc -l'
  check "clock: a revert" ordered OK base revert 1
  check "clock: a merge" ordered OK leaf merge children
  check "clock: nothing is lost" lasts web01/disks web01/.snapshots/leaf
}

for story in ${STORIES:-mixed_kinds siblings shared_base copied_machine half_done copy_fails taken_away \
             used_elsewhere present_state names_of_all_kinds same_names looping_chain already_there \
             damaged_record without_qemu_img backwards}; do
  "$story"
done
finish
