#!/bin/bash
# vmsnap tree: what people see of a mounted tree, with names and sizes of trees that nobody likes.
. "$(dirname "$0")/tools.sh"
export TZ=UTC

# What vmsnap prints in a locale that has only ASCII.
in_ascii ()
{
  LC_ALL=C "$VMSNAP" "$@"
}

# $1: what the first column of the lines must be; the rest: a command.
draws ()
{
  local expected=$1
  shift
  "$@" >"$work/drawn"
  prints "$expected" sed -E 's/ {2,}[0-9]{4}-.*//' "$work/drawn"
}

# ---- the demonstration

serve memory: "$mnt" || exit 1
check "a domain is drawn" draws 'web01 [shutoff]
└── base
    ├── updates
    │   ├── nginx [current]
    │   └── experiment
    └── rescue' "$VMSNAP" tree "$mnt/web01"
check "and so is the whole tree" draws "$mnt
├── db01 [shutoff]
│   └── empty
│       └── imported [current]
└── web01 [shutoff]
    └── base
        ├── updates
        │   ├── nginx [current]
        │   └── experiment
        └── rescue" "$VMSNAP" tree "$mnt"
check "without UTF-8 in ASCII" draws 'web01 [shutoff]
`-- base
    |-- updates
    |   |-- nginx [current]
    |   `-- experiment
    `-- rescue' in_ascii tree "$mnt/web01"
check "with dates, sizes and what descriptions begin with" prints_like \
  '^    │   ├── nginx \[current\]  2026-01-03 12:00 +[0-9.]+[BKMG]  Web server configured$' "$VMSNAP" tree "$mnt/web01"
check "dates are local" prints_like '── base +2026-01-01 20:30 ' env TZ=XYZ-10:30 "$VMSNAP" tree "$mnt/web01"
stored_of ()
{
  LC_ALL=C du -h --block-size=1 "$1"/disks/vda.raw | cut -f 1 | numfmt --to=iec
}
check "sizes are what du says" prints "$(stored_of "$mnt/web01/base")" \
  eval '"$VMSNAP" tree "$mnt/web01" | sed -nE "s/.*── base .*:00 +([^ ]+).*/\1/p"'
check "a relative path will do" eval '(cd "$mnt/web01" && "$VMSNAP" tree . | grep -q "^web01 \[shutoff\]$")'
check "the tree is read only once it is found" fails 1 'nowhere: No such file' "$VMSNAP" tree "$work/nowhere"
check "another directory is no tree" fails 1 'neither' "$VMSNAP" tree "$work"
mkdir -p "$work/snapper/.snapshots" "$work/snapper/.vmsnapfs/version"
check "not even one with such names" fails 1 'neither' "$VMSNAP" tree "$work/snapper"
check "nor is a snapshot" fails 1 'neither' "$VMSNAP" tree "$mnt/web01/base"
check "nor is a file" fails 1 'Not a directory' "$VMSNAP" tree "$mnt/web01/info"
check "two are too many" fails 2 'one directory' "$VMSNAP" tree "$mnt" "$mnt"
check "a full disk is told" fails 1 'No space' eval '"$VMSNAP" tree "$mnt" >/dev/full'

mkdir "$mnt/web01/disks/vda/nightly" || exit 1
check "snapshots of one disk come last" prints_like '^└── disks/vda/nightly +[0-9 :-]{16} +[0-9.]+[BKMG]$' \
  "$VMSNAP" tree "$mnt/web01"
echo 1 >"$mnt/web01/disks/vda/nightly/control/hold"
check "with their marks" prints_like '── disks/vda/nightly \[held\]  ' "$VMSNAP" tree "$mnt/web01"
echo 0 >"$mnt/web01/disks/vda/nightly/control/hold"
rmdir "$mnt/web01/disks/vda/nightly" || exit 1

# ---- a terminal

on_terminal ()
{
  script -qec "$(printf '%q ' "$@")" /dev/null </dev/null | tr -d '\r'
}
check "on a terminal the current one is green" prints_like $'── \e\\[1;32mnginx \\[current\\]\e\\[m ' \
  on_terminal env TERM=xterm NO_COLOR= "$VMSNAP" tree "$mnt"
plain=$("$VMSNAP" tree "$mnt")
check "a dumb one has no colours" prints "$plain" on_terminal env TERM=dumb "$VMSNAP" tree "$mnt"
check "nor who wants none" prints "$plain" on_terminal env TERM=xterm NO_COLOR=1 "$VMSNAP" tree "$mnt"

# ---- Graphviz

arrows ()
{
  "$VMSNAP" tree --dot "$1" | sed -nE 's/^  n[0-9]+ -> .*/arrow/p' | wc -l
}
check "as a graph every snapshot has an arrow" prints 5 arrows "$mnt/web01"
check "and the domains have one each" prints 9 arrows "$mnt"
check "the current one stands out" prints 'n3 [label="nginx\n[current]' \
  eval '"$VMSNAP" tree --dot "$mnt/web01" | grep filled | sed -E "s/^ +//; s/(current\]).*/\1/"'

# ---- names

awkward=$mnt/db01/.snapshots
long=$(printf 'l%.0s' {1..255})
for name in 'line%0Afeed' '50%25' $'c1\u009b2J' $'\u202ereversed' '雪の日' 'two words' 'q"uo\te&amp;' "$long" \
            '%1B[31mred' '-dash'; do
  mkdir "$awkward/$name" || exit 1
done
tree=$("$VMSNAP" tree "$mnt/db01")
has_line ()
{
  grep -qE -- "$1" <<<"$tree"
}
check "a line feed is shown as the tree shows it" has_line '── line%0Afeed  '
check "so is a percent sign" has_line '── 50%25  '
check "other control characters are escaped, too" has_line '── c1%C2%9B2J  '
check "and those that turn the text around" has_line '── %E2%80%AEreversed  '
check "and escapes" has_line '── %1B\[31mred  '
check "a name of 255 bytes is shown whole" has_line "── $long  "
check "every snapshot has a line" prints 13 wc -l <<<"$tree"
check "no control character is printed" eval '! grep -qP "[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]" <<<"$tree"'
check "in ASCII nothing but ASCII" eval '! in_ascii tree "$mnt/db01" | grep -qP "[^\x20-\x7e\n]"'
# In the column of the first two dates, a wide character is two columns.
column_of ()
{
  local before
  before=$(grep -F -- "$1" <<<"$tree" | sed -E 's/ [0-9]{4}-.*//; s/[雪の日]/xx/g')
  echo ${#before}
}
check "dates are below each other" prints "$(column_of '── empty')" column_of '── imported'
check "also behind wide characters" prints "$(column_of '── empty')" column_of '雪の日'

# A child of that name whose label is $1, as Graphviz's grammar reads it.
has_label ()
{
  "$VMSNAP" tree --dot "$mnt/db01" | grep -qF -- "label=\"$1\\n"
}
check "quotes, backslashes and entities are no end of a label" has_label 'q\"uo\\te&amp;amp;'
check "nor is a line feed" has_label 'line%0Afeed'
if command -v dot >/dev/null; then
  check "Graphviz reads it" eval '"$VMSNAP" tree --dot "$mnt" | dot -Tplain >/dev/null'
else
  skip "Graphviz reads it" "dot is not installed"
fi

printf 'first line\nsecond\n' >"$mnt/web01/base/description"
check "of a description the first line is shown" prints_like '  first line$' \
  "$VMSNAP" tree "$mnt/web01"
head -c 3000 /dev/zero | tr '\0' 'x' >"$mnt/web01/base/description"
check "and no more than one can read at a glance" prints_like ' x{69}\.\.\.$' "$VMSNAP" tree "$mnt/web01"

# ---- marks

if [ -e "$mnt/web01/base/control/hold" ]; then
  echo 1 >"$mnt/web01/base/control/hold"
  check "what is held is marked" prints_like '── base \[held\]  ' "$VMSNAP" tree "$mnt/web01"
  check "in the graph, too" eval '"$VMSNAP" tree --dot "$mnt/web01" | grep -qF "\"base\\n[held]\\n"'
fi
unserve "$mnt"

# ---- large

serve 'memory:?chain=1000' "$mnt" || exit 1
"$VMSNAP" tree "$mnt" >"$work/chain"
check "a chain longer than any path" prints 1002 eval 'wc -l <"$work/chain"'
check "is drawn to its end" prints_like "^ {4000}└── .* \[current\]  [0-9]" tail -n 1 "$work/chain"
unserve "$mnt"
serve 'memory:?snapshots=10000&fanout=10' "$mnt" || exit 1
check "10,000 snapshots take no minute" timeout 60 bash -c '"$1" tree "$2" >"$3"' bash "$VMSNAP" "$mnt" "$work/large"
check "and are all there" prints 10002 eval 'wc -l <"$work/large"'
check "each with a parent" prints 10001 arrows "$mnt"
unserve "$mnt"

# ---- the local store

make_image "$store/vm.qcow2"
make_image "$store/other.qcow2"
serve "$store" "$mnt" || exit 1
mkdir "$mnt/vm/base"
unserve "$mnt"
change "$store/vm.qcow2" 1 0
serve "$store" "$mnt" || exit 1
mkdir "$mnt/vm/base/next"
check "snapshots of images" draws "$mnt
├── other [shutoff]
└── vm [shutoff]
    └── base
        └── next [current]" "$VMSNAP" tree "$mnt"
before=$(picture_of "$store")
"$VMSNAP" tree "$mnt" >/dev/null
check "nothing is changed by looking" prints "$before" picture_of "$store"
finish
