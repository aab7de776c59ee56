#!/bin/bash
# One basic run by each way to the same libvirtd: its socket and TCP; read-only; and what was done
# with virsh meanwhile is seen.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda
web=$mnt/web01

has_rows ()
{
  local row
  for row in "$@"; do
    [ -e "$row" ] || { echo "there is no $row"; ls -la "$(dirname "$row")"; return 1; }
  done
}
is_like_virsh ()
{
  diff <(v snapshot-dumpxml web01 "$1") "$web/.snapshots/$1/snapshot.xml"
}

# $1: which way; $2: its URI.
basic_run ()
{
  check "$1: mounted" serve "$2" "$mnt" -o poll=1 || return
  check "$1: the machine is a domain" prints web01 ls "$mnt"
  check "$1: with libvirt's uuid" prints "$(v domuuid web01)" field "$web/info" uuid
  check "$1: and state" prints shutoff field "$web/info" state
  step web01 "$1: mkdir takes a" mkdir "$web/a"
  step web01 "$1: and b below it" mkdir "$web/a/b"
  check "$1: its rows" has_rows "$web"/a/b/{snapshot.xml,domain.xml,description,info,disks/vda.xml} \
    "$web"/a/b/control/{revert,discard,current,secure.xml}
  check "$1: its XML is libvirt's" is_like_virsh b
  check "$1: no hold where nothing keeps it" test ! -e "$web/a/control/hold"
  step web01 "$1: describing it" gives OK write "$web/a/b/description" $'before\n'
  check "$1: as virsh sees it" prints before \
    eval "v snapshot-dumpxml web01 b | xmllint --xpath 'string(/*/description)' -"
  step web01 "$1: mkdir with a taken name" gives EEXIST mkdir "$web/a/b/a"
  step web01 "$1: mkdir below who is not current" gives EOPNOTSUPP mkdir "$web/a/x"
  step web01 "$1: a has a child" gives ENOTEMPTY rmdir "$web/a"
  v snapshot-create-as web01 c >/dev/null
  check "$1: what virsh takes is seen" eventually trees_agree web01
  v snapshot-delete web01 c
  check "$1: what virsh deletes is seen" eventually trees_agree web01
  v start web01
  check "$1: starting is seen" eventually prints running field "$web/info" state
  v destroy web01
  check "$1: ending is seen" eventually prints shutoff field "$web/info" state
  step web01 "$1: rmdir b" rmdir "$web/a/b"
  step web01 "$1: rmdir a" rmdir "$web/a"
  check "$1: no snapshot is left" prints '' tree_of_mount web01
  check "$1: unmounted" unserve "$mnt"
}
basic_run unix "$uri"
basic_run tcp "$tcp_uri"

v snapshot-create-as web01 a >/dev/null
check "read-only: mounted" serve "$uri" "$mnt" -o ro
check "read-only: the tree is there" trees_agree web01
check "read-only: its XML is libvirt's" is_like_virsh a
check "read-only: no file with passwords" test ! -e "$web/a/control/secure.xml"
check "read-only: mkdir" gives EROFS mkdir "$web/a/b"
check "read-only: rmdir" gives EROFS rmdir "$web/a"
check "read-only: nothing happened" trees_agree web01
finish
