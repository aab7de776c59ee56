#!/bin/bash
# The snapshots of domains that are gone: .vmsnapfs/orphans.
. "$(dirname "$0")/lib.sh"

orphans=$mnt/.vmsnapfs/orphans
first_of ()
{
  find "$orphans" -mindepth 1 -printf '%f\n' -quit
}

check "two domains that are gone" serve 'memory:?orphans=2' "$mnt"
check "they are listed" prints 2 eval 'ls "$orphans" | wc -l'
check "by their uuids" prints '' eval 'ls "$orphans" | grep -vE "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"'
check "and only there" refused grep -rq gone "$mnt" --include=info --exclude-dir=.vmsnapfs
one=$(first_of)
check "info has the uuid" prints "$one" field "$orphans/$one/info" uuid
check "a name" prints_like . field "$orphans/$one/info" name
check "how many snapshots" prints 2 field "$orphans/$one/info" snapshots
check "and the current one" prints s00001/s00002 field "$orphans/$one/info" current
xml=$orphans/$one/snapshots.xml
check "their documents are one" prints 2 xmllint --xpath 'count(/domainsnapshots/domainsnapshot)' "$xml"
check "which tells the current one" prints s00002 xmllint --xpath 'string(/*/@current)' "$xml"
check "parents come first" prints s00001 xmllint --xpath 'string(/*/*[1]/name)' "$xml"
check "sizes are exact" prints "$(stat -c %s "$xml")" eval 'wc -c <"$xml"'
check "nothing here can be written" gives EACCES open-for-writing "$xml"
numbers=$(stat -c %i "$orphans/$one" "$xml" "$orphans/$one/info" | sort -u)
check "each has a number of its own" prints 3 wc -l <<<"$numbers"
check "readdir tells the same" prints "$(stat -c %i "$orphans/$one")" \
  find "$orphans" -mindepth 1 -maxdepth 1 -name "$one" -printf '%i\n'
check "no snapshot is taken here" gives EPERM mkdir "$orphans/x"
check "what is not there" gives ENOENT rmdir "$orphans/11111111-1111-4111-8111-111111111111"
check "a name that is no name" gives ENOENT stat "$orphans/%"
check "another spelling" gives ENOENT stat "$orphans/${one}x"
check "dropped" gives OK rmdir "$orphans/$one"
check "it is gone" gives ENOENT stat "$orphans/$one"
check "the other is there" prints 1 eval 'ls "$orphans" | wc -l'
check "find -delete drops nothing else" eval 'find "$orphans" -name info -delete 2>"$work/said"; test -n "$(first_of)"'
check "unmounting" unserve "$mnt"

check "without discarding" serve 'memory:?orphans=1' "$mnt" -o discard=no
check "they are shown" test -d "$orphans/$(first_of)"
check "and stay" gives EPERM rmdir "$orphans/$(first_of)"
check "unmounting" unserve "$mnt"
check "read-only" serve 'memory:?orphans=1' "$mnt" -o ro
check "they stay, too" gives EROFS rmdir "$orphans/$(first_of)"
check "unmounting" unserve "$mnt"
check "with some domains only" serve 'memory:?orphans=1' "$mnt" -o 'domains=web*'
check "the others are not shown" prints '' ls "$orphans"
check "nor found" gives ENOENT stat "$orphans/$one"
check "unmounting" unserve "$mnt"

# ---- an image that was removed

make_image "$store/web01.qcow2"
make_image "$store/other.qcow2"
check "a store" serve "$store" "$mnt"
check "there is none" prints '' ls "$orphans"
mkdir "$mnt/web01/base" "$mnt/web01/base/leaf" "$mnt/other/base"
uuid=$(field "$mnt/web01/info" uuid)
rm "$store/web01.qcow2"
check "its records are an orphan" eventually test -d "$orphans/$uuid"
check "of that name" prints web01 field "$orphans/$uuid/info" name
check "with its snapshots" prints 2 \
  xmllint --xpath 'count(/domainsnapshots/domainsnapshot)' "$orphans/$uuid/snapshots.xml"
check "dropped" gives OK rmdir "$orphans/$uuid"
check "it is gone" prints '' ls "$orphans"
check "with its images" prints 1 eval 'find "$store" -name ".vmsnapfs-*.qcow2" | wc -l'
check "the other domain is as it was" test -r "$mnt/other/base/disks/vda.raw"
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"
check "it stays gone" prints '' ls "$orphans"
finish
