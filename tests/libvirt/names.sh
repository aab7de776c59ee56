#!/bin/bash
# Odd names, of machines and snapshots: each is listed once, can be opened and be discarded. The
# test driver takes what QEMU's refuses.
. "$(dirname "$0")/lib.sh"

start_libvirtd || finish
define_machine web01 vda

cat >"$work/node.xml" <<'END'
<node>
  <domain type="test"><name>web01</name><memory>1024</memory><os><type>hvm</type></os></domain>
  <domain type="test"><name>.hid 50% &#252;</name><memory>1024</memory><os><type>hvm</type></os></domain>
</node>
END

# Takes a snapshot of each name in "$@", as escaped for the mount, in the domain $1.
tour ()
{
  local domain=$mnt/$1 name
  shift
  for name in "$@"; do
    check "mkdir $name" mkdir "$domain/.snapshots/$name" || continue
    check "it is listed once" prints 1 eval 'ls -1 --quoting-style=literal "$domain/.snapshots" |
      grep -Fxc -- "$name"'
    check "and can be read" test -s "$domain/.snapshots/$name/snapshot.xml"
    check "its info is there" test -s "$domain/.snapshots/$name/info"
  done
  check "all are found once" prints $# eval 'find "$domain" -name snapshot.xml | wc -l'
  for name in "$@"; do
    check "discarding $name" gives OK write "$domain/.snapshots/$name/control/discard" keep-children
    check "it is gone" eventually test ! -e "$domain/.snapshots/$name"
  done
  check "none is left" prints '' ls "$domain/.snapshots"
}

check "QEMU" serve "$uri" "$mnt"
tour web01 'two words' 'line%0Abreak' '50%25' 'a&b<c>"d' "it's" 'tail ' ' head' '--options' '*' 'ünïcödé'
check "what QEMU's driver refuses" refused mkdir "$mnt/web01/.snapshots/a%2Fb"
check "and a hidden one" refused mkdir "$mnt/web01/.snapshots/%2Ehid"
check "nothing came of it" prints '' tree_of_virsh web01
check "unmounted" unserve "$mnt"

check "the test driver" serve "test://$work/node.xml" "$mnt"
check "a domain with an odd name" test -d "$mnt/%2Ehid 50%25 ü"
tour web01 'a%2Fb' '%2Ehid' '%2E.' 'two words' '50%25' 'a&b<c>"d' "it's" '%64isks' '--options'
tour '%2Ehid 50%25 ü' 'a%2Fb' '%2E.'
finish
