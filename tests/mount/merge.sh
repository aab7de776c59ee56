#!/bin/bash
# What the control files of a snapshot do: merge, discard, current, hold and revert, each word.
. "$(dirname "$0")/lib.sh"

# $1: a snapshot; $2: a control file; the rest: each a write.
order ()
{
  local file=$dom/.snapshots/$1/control/$2
  shift 2
  "$ERRNO" write "$file" "$@"
}
# $1: an errno or OK; the rest: as order.
ordered ()
{
  local expected=$1
  shift
  prints "$expected" order "$@"
}
# The snapshots in the directory $1.
children ()
{
  find "$1" -mindepth 1 -maxdepth 1 -type d -exec test -e {}/snapshot.xml \; -printf '%f\n' | sort
}
# The tree as one line: "base(leaf(x),twin)".
tree ()
{
  (cd "$dom" && tree_below .)
}
tree_below ()
{
  local name list=''
  for name in $(children "$1"); do
    list+=${list:+,}$name$(tree_below "$1/$name")
  done
  [ "$1" = . ] && echo "$list" || echo "${list:+($list)}"
}
current ()
{
  basename "$(readlink "$dom/current")" .
}
# A snapshot $1 under $2 ('': wherever the current one is), of a disk of its own content.
take ()
{
  if [ -n "${image:-}" ]; then
    content=$((content + 1))
    change "$image" "$content" 0
  fi
  if [ -z "${2:-}" ]; then
    mkdir "$dom/.snapshots/$1"
  else
    gives OK write "$dom/control/create" "$1 --parent $2"
  fi
}
# base(leaf(tip),twin), tip current.
plant ()
{
  for root in $(children "$dom"); do
    order "$root" hold 0 >"$work/said"
    order "$root" discard force >"$work/said"
  done
  order base current 0 >"$work/said"
  content=0
  mkdir "$dom/base" 2>"$work/said" && take twin base && take leaf base && take tip leaf &&
    prints 'base(leaf(tip),twin)' tree && prints tip current
}
# Of what is written to; in memory a disk is long.
sum_of ()
{
  head -c 1M "$dom/.snapshots/$1/disks/vda.raw" | sha256sum
}
same_sum ()
{
  prints "$1" sum_of "$2"
}

# $1: a domain's directory.
try_words ()
{
  dom=$1
  local leaf twin tip
  check "a tree" plant

  # ---- words
  for file in current discard hold merge revert; do
    check "$file reads as text that begins with #" prints '' \
      grep -v '^#' "$dom/base/control/$file"
    check "and is no command" ordered EINVAL base $file "$(cat "$dom/base/control/$file")"
    for words in sideways '1 1' '1 0' '1 sideways' '1 force' ' ' 'parent children' 'force force' \
                 'keep-children force' 2 save 'running running' --force; do
      check "$file: $words" ordered EINVAL leaf $file "$words"
    done
  done
  check "merge takes a direction" ordered EINVAL leaf merge force
  check "revert: running excludes paused" ordered EINVAL leaf revert 'running paused'
  check "revert: save needs a name" ordered EINVAL leaf revert 'force save'
  check "nothing happened" prints 'base(leaf(tip),twin)' tree
  check "and the current one is what it was" prints tip current

  # ---- current
  check "another one is made current" ordered OK twin current 1
  check "it is" prints twin current
  check "info says so" prints 'current: yes' grep ^current: "$dom/base/twin/info"
  check "0 where it is not" ordered EINVAL leaf current 0
  check "it still is" prints twin current
  check "0 where it is" ordered OK twin current 0
  check "there is none" refused test -e "$dom/current"
  check "the next one is a root" mkdir "$dom/root2"
  check "and gone" rmdir "$dom/root2"
  check "back" ordered OK tip current 1

  # ---- hold
  check "held" ordered OK leaf hold 1
  check "info says so" prints 'held: yes' grep ^held: "$dom/base/leaf/info"
  check "held again" ordered OK leaf hold 1
  check "it is not discarded" ordered EBUSY leaf discard keep-children
  check "nor by rmdir of a parent" ordered EBUSY base discard force
  check "nor merged" ordered EBUSY leaf merge children
  check "nor merged into" ordered EBUSY tip merge parent
  check "it may be reverted to" ordered OK leaf revert 1
  check "let go" ordered OK leaf hold 0
  check "info says nothing of it" refused grep ^held: "$dom/base/leaf/info"
  check "back" ordered OK tip current 1

  # ---- discard
  check "a tree" plant
  tip=$(sum_of tip)
  check "with children" ordered ENOTEMPTY leaf discard 1
  check "and the children move up" ordered OK leaf discard keep-children
  check "where they are seen" prints 'base(tip,twin)' tree
  check "with the same bytes" same_sum "$tip" tip
  check "one" ordered OK twin discard 1
  check "only below" ordered OK base discard children-only
  check "it is alone" prints base tree
  check "and current" prints base current
  check "a tree" plant
  check "with everything below" ordered OK leaf discard force
  check "which is gone" prints 'base(twin)' tree
  check "the parent is current" prints base current

  # ---- merge
  check "a tree" plant
  leaf=$(sum_of leaf) twin=$(sum_of twin) tip=$(sum_of tip)
  check "the parent has other children" ordered ENOTEMPTY leaf merge parent
  check "of a leaf nothing is pushed into children" ordered EINVAL tip merge children
  check "nor with force" ordered EINVAL tip merge 'children force'
  check "into the only child" ordered OK leaf merge children
  check "whose bytes stay" same_sum "$tip" tip
  check "it is gone" prints 'base(tip,twin)' tree
  check "twin discarded" rmdir "$dom/base/twin"
  check "into the parent" ordered OK tip merge parent
  check "which has its bytes" same_sum "$tip" base
  check "and is current" prints base current
  check "a tree" plant
  leaf=$(sum_of leaf) tip=$(sum_of tip)
  check "into the parent, whatever is discarded" ordered OK leaf merge 'force parent'
  check "its children are the parent's" prints 'base(tip)' tree
  check "the parent has its bytes" same_sum "$leaf" base
  check "its child's bytes stay" same_sum "$tip" tip

  # ---- revert
  check "a tree" plant
  twin=$(sum_of twin)
  check "taking a snapshot first" ordered OK twin revert "save 'my state'"
  check "it is there" test -d "$dom/base/leaf/tip/my state"
  check "the disk is what it was" prints "$twin" eval 'head -c 1M "$dom/disks/vda.raw" | sha256sum'
  check "twin is current" prints twin current
  check "a name that is there" ordered EEXIST leaf revert 'save leaf'
  check "then nothing is reverted" prints twin current
  check "a name that is none" ordered EINVAL leaf revert 'save ""'
  check "errors are explained" prints_like 'revert base/leaf: E' tail -n 3 "$dom/control/error"
}

check "the demonstration" serve memory: "$mnt"
try_words "$mnt/web01"
check "the record alone is discarded" ordered OK twin discard metadata-only
check "it is gone" refused test -e "$dom/.snapshots/twin"

# ---- who is somewhere in it while it changes

check "a tree" plant
inode=$(stat -c %i "$dom/base/leaf/tip")
exec 7<"$dom/base/leaf/tip/snapshot.xml" 8<"$dom/base/leaf/tip"
in_moved ()
{
  cd "$dom/base/leaf/tip" || return 1
  ordered OK leaf merge children && prints_like '^name: tip$' cat info &&
    prints "$inode" stat -c %i . && prints "$inode" stat -c %i "$dom/base/tip" &&
    prints "$dom/base/tip" realpath . && prints tip basename "$(pwd -P)"
}
check "a working directory moves up with its snapshot" in_moved
cd /
check "an open text is read to its end" grep -q '</domainsnapshot>' <&7
check "an open directory is the same" prints "$inode" stat -L -c %i /proc/self/fd/8
exec 7<&- 8<&-
check "the old path is gone" gives ENOENT stat "$dom/base/leaf"
check "the new one is fresh" prints 'parent: base' grep ^parent: "$dom/base/tip/info"
check "so is its document" prints base \
  xmllint --xpath 'string(/*/parent/name)' "$dom/base/tip/snapshot.xml"
check "so is what tells of its parent" prints 'children: 2' grep ^children: "$dom/base/info"
in_merged ()
{
  cd "$dom/base/tip" || return 1
  ordered OK twin discard 1 && ordered OK tip merge parent && gives ENOENT stat info &&
    prints '' eval 'ls -A 2>/dev/null'
}
check "a working directory that is merged away is empty" in_merged
cd /
check "the mount is alive" ls -R "$mnt"
check "unmounting" unserve "$mnt"

# ---- what is not offered

check "without discarding" serve memory: "$mnt" -o discard=no
dom=$mnt/web01
check "there is no discard" refused test -e "$dom/base/control/discard"
check "merging is offered" prints_like '^#   children ' cat "$dom/base/control/merge"
check "but not by force" refused grep -q '^#   force' "$dom/base/control/merge"
check "which is refused" ordered EPERM updates merge 'parent force'
check "rmdir is, too" gives EPERM rmdir "$dom/base/rescue"
check "a merge that discards nothing is not" ordered OK updates merge children
check "unmounting" unserve "$mnt"

# ---- a slow merge

check "a slow backend" serve 'memory:?delay=merge:20000' "$mnt"
before=$(tree)
# The rest of the command: the file. Background processes of a script ignore SIGINT unless told
# otherwise.
start_slow ()
{
  env --default-signal=INT "$@" "$dom/base/updates/control/merge" 2>"$work/client" &
  client=$!
  eventually grep -q 'running.*merge base/updates' "$dom/control/jobs"
}
nothing_running ()
{
  ! grep -q '^[0-9]* running ' "$dom/control/jobs"
}
echo children >"$work/children"
cancel ()
{
  gives OK write "$dom/control/jobs" \
    "cancel $(sed -n "s/^\([0-9]*\) running.*/\1/p" "$dom/control/jobs")"
}
check "a slow merge is shown" start_slow bash -c 'echo children >"$0"'
check "another operation is busy" ordered EBUSY rescue discard 1
check "taking a snapshot is, too" gives EBUSY mkdir "$dom/.snapshots/x"
check "and creating by words" gives EBUSY write "$dom/control/create" x
check "another domain is not" gives OK mkdir "$mnt/db01/.snapshots/x"
check "reading goes on" timeout 5 cat "$dom/info" "$dom/base/updates/info" "$dom/base/snapshot.xml"
check "it is cancelled by its number" cancel
wait "$client"
check "and fails" test $? -ne 0
check "as interrupted" prints_like Interrupted cat "$work/client"
check "by cp, which writes again after that" start_slow cp "$work/children"
check "it is cancelled" cancel
wait "$client"
check "and fails" test $? -ne 0
check "another" start_slow cp "$work/children"
check "Ctrl-C" kill -INT "$client"
check "ends it" eventually nothing_running
wait "$client" 2>/dev/null
check "nothing was merged" prints "$before" tree
check "unmounting" unserve "$mnt"

# ---- images

image=$store/web01.qcow2
make_image "$image"
check "a store" serve "$store" "$mnt"
try_words "$mnt/web01"
before=$(sha256sum "$dom"/.snapshots/*/disks/vda.raw)
check "nothing is half there" nothing_left_over "$store"
check "every image is whole" all_clean "$store"
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"
check "every byte is as it was" prints "$before" eval 'sha256sum "$dom"/.snapshots/*/disks/vda.raw'

# ---- the page cache

check "unmounting" unserve "$mnt"
check "mounting through it" serve "$store" "$mnt" -o cache
check "a tree" plant
check "what is merged into is read" sha256sum "$dom/base/leaf/disks/vda.raw"
sum=$(sha256sum <"$dom/base/leaf/tip/disks/vda.raw")
check "it had other bytes" refused prints "$sum" eval 'sha256sum <"$dom/base/leaf/disks/vda.raw"'
check "merging into it" ordered OK tip merge parent
check "it has the new bytes" eventually prints "$sum" eval 'sha256sum <"$dom/base/leaf/disks/vda.raw"'
check "unmounting" unserve "$mnt"
finish
