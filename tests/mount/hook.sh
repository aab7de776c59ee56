#!/bin/bash
# Disks that a site's own storage snapshots: the example of a hook as it is, and hooks that hang, lie,
# print garbage, fail half-way, are killed or are not there.
. "$(dirname "$0")/lib.sh"

schema=/usr/share/libvirt/schemas/domainsnapshot.rng
db=$mnt/db01
root=$store/db01/root.raw
data=$store/db01/data.qcow2
more=$store/db01/more.qcow2
copies=$work/copies
mischief=$work/mischief
options=allow=$copies,hook=$work/hook,hook_deadline=8

mkdir "$copies" "$store/db01"
sed "s,^directory=.*,directory=$copies," "$here/../../tools/hook/plain-copies" >"$work/plain-copies"
chmod 755 "$work/plain-copies"
# Does what the file mischief says ("VERB HOW [TARGET]"), and else what the example does.
cat >"$work/hook" <<HOOK
#!/bin/sh
copies=$copies work=$work
HOOK
cat >>"$work/hook" <<'HOOK'
request= image= disk= target= format=
while IFS= read -r line; do
  request="$request$line
"
  name=${line#*\"} value=${line#*:*\"}
  value=${value%,}
  value=${value%\"}
  case ${name%%\"*} in
    image) image=$value ;;
    disk) disk=$value ;;
    target) target=$value ;;
    format) format=$value ;;
  esac
done
at () { printf '{ "image": "%s", "path": "%s", "format": "%s" }\n' "$image" "$1" "$format"; }
done_so () { printf '{ "image": "%s" }\n' "$image"; }
echo "$1" >>"$work/calls"
verb= how= whose=
[ ! -e "$work/mischief" ] || read -r verb how whose <"$work/mischief"
case $whose in '' | "$target") ;; *) verb= ;; esac
[ "$verb" = "$1" ] || how=
case $how in
  hang) sleep 1000 & echo $! >"$work/hanging"; wait; exit 0 ;;
  garbage) echo 'once upon a time'; exit 0 ;;
  another) echo '{ "image": "00000000-0000-4000-8000-000000000000" }'; exit 0 ;;
  deep) printf '{ "image": "%s", "x": ' "$image"; yes '[' | head -n 20000 | tr -d '\n'; exit 0 ;;
  flood) yes; exit 0 ;;
  lie) done_so; exit 0 ;;
  refuse) echo 'not today' >&2; exit 3 ;;
  silent) exit 7 ;;
  killed) kill -9 $$ ;;
  half) head -c 1000 "$disk" >"$copies/$image.part"; echo 'cp: No space left on device' >&2; exit 1 ;;
  spoil) printf spoiled | dd of="$disk" conv=notrunc status=none; echo 'the cable broke' >&2; exit 1 ;;
  spoil-and-refuse) printf spoiled | dd of="$disk" conv=notrunc status=none; exit 3 ;;
  shrink) truncate -s 1M "$disk"; done_so; exit 0 ;;
  outside) at /etc/passwd; exit 0 ;;
  relative) at "copies/$image"; exit 0 ;;
  link) ln -sf "$copies/$image" "$copies/link"; at "$copies/link"; exit 0 ;;
  disk) at "$disk"; exit 0 ;;
  short) head -c 4096 "$disk" >"$copies/short"; at "$copies/short"; exit 0 ;;
  directory) at "$copies"; exit 0 ;;
  nowhere) at "$copies/nowhere"; exit 0 ;;
esac
"$work/plain-copies" "$1" <<END
$request
END
HOOK
chmod 755 "$work/hook"

element ()
{
  echo "<diskSnapshot method='$1'/>"
}
cat >"$store/db01/domain.xml" <<XML
<domain type='kvm'><name>db01</name><uuid>c0ffee00-edaf-9455-926a-d65c16db1809</uuid>
<memory unit='KiB'>1048576</memory><os><type arch='x86_64'>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='raw'/>
<source file='root.raw'/><target dev='vda' bus='virtio'/>$(element exec)</disk>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='data.qcow2'/><target dev='vdb' bus='virtio'/>$(element exec)</disk>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>
<source file='more.qcow2'/><target dev='vdc' bus='virtio'/></disk>
</devices></domain>
XML
# What a machine writes: the byte $1 at $2 of all disks.
write_all ()
{
  despite_tidying qemu-io -f raw -c "write -q -P $1 $2 64k" "$root" && change "$data" "$1" "$2" &&
    change "$more" "$1" "$2"
}
# The present bytes, as $1.
keep_all ()
{
  cp "$root" "$work/$1-vda" && despite_tidying qemu-img convert -O raw "$data" "$work/$1-vdb" &&
    despite_tidying qemu-img convert -O raw "$more" "$work/$1-vdc"
}
# The disks below $1 are those that were kept as $2.
are ()
{
  cmp "$1/disks/vda.raw" "$work/$2-vda" && cmp "$1/disks/vdb.raw" "$work/$2-vdb" &&
    cmp "$1/disks/vdc.raw" "$work/$2-vdc"
}
inodes ()
{
  stat -c '%i %U %a' "$root" "$data"
}
sentence ()
{
  tail -n 1 "$db/control/error"
}
behaves ()
{
  if [ $# -gt 0 ]; then echo "$*" >"$mischief"; else rm -f "$mischief"; fi
}
copied ()
{
  find "$copies" -type f -name '*-*' -printf '%f\n' | sort
}
check_store ()
{
  "$VMSNAP" check --allow "$copies" --hook "$work/hook" "$store"
}

truncate -s 8M "$root"
make_image "$data"
make_image "$more"
chmod 0640 "$root"
write_all 1 1M

# ---- who may be a hook

check "a relative path is none" refused serve "$store" "$mnt" -o hook=hook
check "nor is what is not there" refused serve "$store" "$mnt" -o "hook=$work/none"
chmod o+w "$work/hook"
check "nor what others may write to" refused serve "$store" "$mnt" -o "$options"
check "which is said" grep -q 'others may write to it' "$work/daemon.log"
chmod 644 "$work/hook"
check "nor what is not executable" refused serve "$store" "$mnt" -o "$options"
chmod 755 "$work/hook"
ln -s "$work/hook" "$work/link"
check "nor a symbolic link" refused serve "$store" "$mnt" -o "hook=$work/link"
cp "$work/hook" "$store/hook"
check "nor what is in the store" refused serve "$store" "$mnt" -o "hook=$store/hook"
check "which is said" grep -q 'may come from anywhere' "$work/daemon.log"
ln -s "$store" "$work/way"
check "on whatever way" refused serve "$store" "$mnt" -o "hook=$work/way/hook"
rm "$store/hook"

check "without one" serve "$store" "$mnt" || finish
check "such disks get no snapshots" gives EOPNOTSUPP mkdir "$db/x"
check "and it is said why" prints_like 'hook=PROGRAM' sentence
check "info names other methods only" prints 'methods: vdb qemu' grep 'methods: vdb' "$db/info"
check "unmounting" unserve "$mnt"

# ---- the example

check "mounting" serve "$store" "$mnt" -o "$options" || finish
check "info says what is possible" grep -x 'methods: vda exec' "$db/info"
check "and for a qcow2" grep -x 'methods: vdb qemu exec' "$db/info"
keep_all base
before=$(inodes)
check "a snapshot" mkdir "$db/base"
check "both files are what they were" prints "$before" inodes
check "there are two copies" prints 2 eval 'copied | wc -l'
check "all is read as it was" are "$db/base" base
write_all 2 1M
write_all 3 5M
keep_all next
check "whatever is written since" are "$db/base" base
check "its element says where" test -f "$(frozen_image "$db/base")"
if [ -e "$schema" ]; then
  check "its document is valid" xmllint --nonet --noout --relaxng "$schema" "$db/base/snapshot.xml"
fi
check "a second one" mkdir "$db/base/next"
check "is read as it was" are "$db/base/next" next
check "a revert" gives OK write "$db/base/control/revert" 1
check "sets all disks back" are "$db" base
check "in the same files" prints "$before" inodes
check "the other is still there" are "$db/base/next" next
write_all 4 3M
keep_all third
check "a revert that saves" gives OK write "$db/base/next/control/revert" 'save third'
check "has saved" are "$db/.snapshots/third" third
check "and set back" are "$db" next
check "a copy of a snapshot" gives OK write "$db/control/create" 'again --from base'
check "is read like it" are "$db/.snapshots/again" base
write_all 5 2M
keep_all leaf
check "a third one" mkdir "$db/base/next/leaf"
check "a merge" gives OK write "$db/base/next/leaf/control/merge" parent
check "gives the parent its bytes" are "$db/base/next" leaf
check "discarding" gives OK write "$db/.snapshots/again/control/discard" 1
check "leaves what is needed" eventually prints 6 eval 'copied | wc -l'
check "unmounting" unserve "$mnt"
check "the store is sound" check_store
check "without the hook, it says what it did not look at" prints_like 'note: .* in other storage' \
  "$VMSNAP" check "$store"
check "mounting again" serve "$store" "$mnt" -o "$options"
check "all is there" eval 'are "$db/base" base && are "$db/base/next" leaf && are "$db/.snapshots/third" third'

# ---- what cannot be

check "nothing is compressed" gives EOPNOTSUPP write "$db/control/create" 'x --compress zstd'
check "a qcow2 with a backing file" gives EOPNOTSUPP write "$db/control/create" 'x --method exec'
check "would be read through it" prints_like 'based on another image' sentence
check "a word is taken" gives OK write "$db/disks/vdb.method" qemu
check "what would be frozen in the disk's place is not saved" gives EOPNOTSUPP write \
  "$db/base/control/revert" 'save x'
check "in the same step" prints_like 'in one step' sentence
check "the word is forgotten" gives OK write "$db/disks/vdb.method" default

# ---- hooks that do not do what they are asked for

keep_all now
known=$(copied)
# With the mischief $1, creating fails with $2 and a sentence like $3, and nothing has happened.
no_snapshot ()
{
  local how=$1 code=$2 pattern=$3
  # shellcheck disable=SC2086 # words
  behaves $how
  check "$how: no snapshot" gives "$code" mkdir "$db/.snapshots/x"
  check "$how: it is said why" prints_like "$pattern" sentence
  behaves
  check "$how: there is none" refused test -e "$db/.snapshots/x"
  check "$how: nothing stays" eventually prints "$known" copied
  check "$how: the disks are what they were" are "$db" now
}
no_snapshot 'create hang' EIO 'create did not end within 8 seconds'
check "what hung is gone" eventually refused kill -0 "$(cat "$work/hanging")"
no_snapshot 'create garbage' EIO 'answered something that is no answer'
no_snapshot 'create another' EIO 'answered something that is no answer'
no_snapshot 'create deep' EIO 'answered something that is no answer'
no_snapshot 'create flood' EIO 'wrote more than an answer is long'
no_snapshot 'create lie' EIO 'says that a snapshot is made: .* has no snapshot'
no_snapshot 'create lie vdb' EIO 'disk vdb: .* has no snapshot'
no_snapshot 'create refuse' EOPNOTSUPP 'create: not today'
no_snapshot 'create refuse vdb' EOPNOTSUPP 'create: not today'
no_snapshot 'create silent' EIO 'ended with status 7 and has not said why'
no_snapshot 'create killed' EIO 'create was killed'
no_snapshot 'create half' ENOSPC 'No space left'
no_snapshot 'create half vdb' ENOSPC 'No space left'
no_snapshot 'locate outside' EACCES '/etc/passwd is outside of the store'
no_snapshot 'locate relative' EIO 'is no absolute path'
no_snapshot 'locate link' EIO 'symbolic links'
no_snapshot 'locate disk' EUCLEAN 'it is the disk itself'
no_snapshot 'locate short' EUCLEAN 'its disk has 4096 bytes'
no_snapshot 'locate directory' EUCLEAN 'no regular file'
no_snapshot 'locate nowhere' EIO 'No such file'
no_snapshot 'locate garbage' EIO 'answered something that is no answer'
no_snapshot 'locate hang' EIO 'locate did not end within 8 seconds'
rm -f "$copies/link" "$copies/short"

mv "$work/hook" "$work/away"
check "it is gone: no snapshot" gives EOPNOTSUPP mkdir "$db/.snapshots/x"
check "and no reading" refused cat "$db/base/disks/vda.raw"
mv "$work/away" "$work/hook"
chmod o+w "$work/hook"
check "others may write to it: no snapshot" gives EACCES mkdir "$db/.snapshots/x"
chmod o-w "$work/hook"
check "and it is back: all is read" are "$db/base" base

for how in outside link disk short nowhere garbage silent; do
  behaves locate $how
  check "locate $how: not a byte is read" refused cat "$db/base/disks/vda.raw"
done
behaves
check "then all is read" are "$db/base" base

# ---- removing

check "a snapshot" gives OK mkdir "$db/.snapshots/gone"
mine=$(copied)
behaves delete silent
check "it is discarded" gives OK rmdir "$db/.snapshots/gone"
check "what is not removed is told" eventually grep -q 'untidy: .*delete ended with status 7' "$db/info"
check "it is there" prints "$mine" copied
behaves delete lie
check "who says that it is removed is not believed" eventually \
  grep -q 'untidy: .*says that a snapshot is removed, and' "$db/info"
check "operations go on" gives OK write "$db/base/description" words
behaves
check "later it is" eventually prints "$known" copied
check "and no longer told" eventually refused grep -q untidy "$db/info"
check "a snapshot" gives OK mkdir "$db/.snapshots/gone"
behaves delete silent
check "it is discarded" gives OK rmdir "$db/.snapshots/gone"
check "unmounting" unserve "$mnt"
check "what the storage still has is found" prints_like \
  'head: note: other storage may have .*, disk vda, which is no snapshot.s: a mount' check_store
behaves
check "mounting" serve "$store" "$mnt" -o "$options"
check "it is removed" eventually prints "$known" eval 'cat "$db/info" >/dev/null; copied'

# ---- removing takes its time

check "a snapshot" gives OK mkdir "$db/.snapshots/gone"
behaves locate hang
: >"$work/calls"
begun=$SECONDS
check "it is discarded" gives OK rmdir "$db/.snapshots/gone"
check "it is asked whether it is gone" eventually grep -q locate "$work/calls"
check "an operation goes on" gives OK write "$db/base/description" 'more words'
check "without waiting for an answer" test $((SECONDS - begun)) -lt 6
behaves
check "it is removed" eventually prints "$known" copied

for i in 1 2 3 4 5; do
  check "snapshot $i" gives OK mkdir "$db/.snapshots/slow$i"
done
behaves delete hang
begun=$SECONDS
for i in 5 4 3 2 1; do
  check "discarding $i" gives OK rmdir "$db/.snapshots/slow$i"
done
check "no operation waits for storage that removes" test $((SECONDS - begun)) -lt 8
behaves
check "all is removed at last" eventually prints "$known" copied
# Each operation interrupts a tidying, which then has to ask once more, and so does unmounting: on a busy host it
# needs more time than on another.
pause=1
nothing_unnamed ()
{
  local said
  cat "$db/info"
  sleep "$pause"
  pause=$((pause * 2))
  unserve "$mnt" && said=$(check_store) && serve "$store" "$mnt" -o "$options" &&
    ! grep -q 'other storage may have' <<<"$said"
}
PATIENCE=60 check "and nothing is left to ask for" eventually nothing_unnamed

# ---- bringing back

keep_all now
exec 8<"$db/disks/vda.raw"
check "what is read is not written over" gives EBUSY write "$db/base/control/revert" 1
check "and it is said" prints_like 'root.raw is being read' sentence
exec 8<&-
check "nothing has happened" are "$db" now
check "and nothing is left to do" refused grep -q '^problem' "$db/info"
behaves revert refuse
check "who refuses" gives EOPNOTSUPP write "$db/base/control/revert" 1
check "says so" prints_like 'revert: not today' sentence
check "nothing has happened" are "$db" now
check "and nothing is left to do" refused grep -q '^problem' "$db/info"
behaves locate nowhere
check "what is not there is not begun" gives EUCLEAN write "$db/base/control/revert" 1
check "nothing has happened" are "$db" now
# With the mischief $1 a revert is committed and stays to be completed; a sentence like $2 says so.
half_reverted ()
{
  local how=$1 pattern=$2
  write_all 9 2M
  # shellcheck disable=SC2086 # words
  behaves $how
  check "$how: the revert is not done" gives EUCLEAN write "$db/base/control/revert" 1
  check "$how: it is said why" prints_like "$pattern" sentence
  check "$how: the domain says so" grep -q '^problem: .*committed' "$db/info"
  check "$how: and refuses changes" refused gives OK mkdir "$db/.snapshots/y"
}
half_reverted 'revert spoil' 'still to be completed: .*the cable broke'
behaves
check "the next operation completes it" gives OK write "$db/base/description" 'other words'
check "and the disks are" are "$db" base
check "the domain is in order" refused grep -q '^problem' "$db/info"
half_reverted 'revert spoil vdb' 'disk vdb: .*the cable broke'
behaves
check "unmounting" unserve "$mnt"
check "that is found" prints_like 'interrupted operation' eval '! check_store'
check "the next mount completes it" serve "$store" "$mnt" -o "$options"
check "and the disks are" are "$db" base
half_reverted 'revert spoil-and-refuse' 'still to be completed'
behaves
check "unmounting" unserve "$mnt"
check "a repair completes it" "$VMSNAP" check --repair --allow "$copies" --hook "$work/hook" "$store"
check "mounting" serve "$store" "$mnt" -o "$options"
check "the disks are" are "$db" base
half_reverted 'revert shrink vda' 'root.raw is said to be brought back: its disk has 1048576 bytes'
behaves
check "unmounting" unserve "$mnt"
check "a mount without the hook" serve "$store" "$mnt"
check "says what it cannot" prints_like 'hook=PROGRAM' cat "$db/control/error"
check "unmounting" unserve "$mnt"
check "and one with it does" serve "$store" "$mnt" -o "$options"
check "the disks are" are "$db" base

half_reverted 'revert spoil' 'still to be completed'
check "unmounting" unserve "$mnt"
check "the manual says how it is given up" rm "$store"/.vmsnapfs/*/journal
check "mounting" serve "$store" "$mnt" -o "$options"
check "the domain is in order" refused grep -q '^problem' "$db/info"
check "so are its snapshots" are "$db/base" base
check "which it can go back to" eval 'behaves; gives OK write "$db/base/control/revert" 1; are "$db" base'

# ---- the daemon is killed

# In the run of $1, whose processes live on.
killed_in ()
{
  rm -f "$work/hanging"
  behaves "$1" hang
  case $1 in
    create) "$ERRNO" mkdir "$db/.snapshots/x" >/dev/null 2>&1 & ;;
    revert) "$ERRNO" write "$db/base/control/revert" 1 >/dev/null 2>&1 & ;;
  esac
  eventually test -s "$work/hanging" || return 1
  kill -KILL "${daemons[$mnt]}"
  wait "${daemons[$mnt]}" 2>/dev/null
  unset "daemons[$mnt]"
  umount -l "$mnt"
  wait
  behaves
}
keep_all now
check "killed in create" killed_in create
check "what it began lives" kill -0 "$(cat "$work/hanging")"
check "mounting" serve "$store" "$mnt" -o "$options"
check "until that ends, nothing else is asked for" eventually prints_like \
  'has left a process that has not ended' cat "$db/control/error"
kill -KILL "$(cat "$work/hanging")"
check "there is no snapshot" refused test -e "$db/.snapshots/x"
check "and no copy" eventually prints "$known" copied
check "the disks are what they were" are "$db" now
write_all 7 4M
check "killed in revert" killed_in revert
kill -KILL "$(cat "$work/hanging")"
check "mounting" serve "$store" "$mnt" -o "$options"
check "the disks are" are "$db" base
check "nothing is left over" nothing_left_over "$store"

# ---- a block device

if [ "$(id -u)" = 0 ] && [ -e /dev/loop-control ]; then
  vda=$(basename "$(frozen_image "$db/base")")
  loop=$(losetup --show -r -f "$copies/$vda")
  check "unmounting" unserve "$mnt"
  cat >"$work/device" <<HOOK
#!/bin/sh
request=\$(cat)
case \$1-\$request in
  locate-*$vda*) echo '{ "image": "$vda", "path": "$loop", "format": "raw" }' ;;
  *) printf '%s\n' "\$request" | $work/hook "\$1" ;;
esac
HOOK
  chmod 755 "$work/device"
  check "a device may be where a snapshot is" serve "$store" "$mnt" \
    -o "allow=$copies,allow=/dev,hook=$work/device"
  check "it is read" are "$db/base" base
  check "unmounting" unserve "$mnt"
  losetup -d "$loop"
  check "mounting" serve "$store" "$mnt" -o "$options"
fi

# ---- the end of all

keep_all last
while IFS= read -r name; do
  check "discarding $name" gives OK write "$db/.snapshots/$name/control/discard" keep-children
done < <(ls "$db/.snapshots")
check "no copy is left" eventually prints '' copied
check "the disks are what they were" are "$db" last
check "nothing is left over" nothing_left_over "$store"
check "unmounting" unserve "$mnt"
check "the store is sound" check_store
finish
