#!/bin/bash
# libvirt's URIs on a mount, with libvirt's own test driver: its snapshots are this process's alone,
# so nobody else has to be there. Real machines are in tests/libvirt.
. "$(dirname "$0")/lib.sh"

uuid=7a0b2f6e-5d0c-4c7e-9a42-0d9d5f3f2c11
body="<name>web</name><uuid>$uuid</uuid><memory>65536</memory><os><type>hvm</type></os><devices>
<disk type='file' device='disk'><driver name='qemu' type='qcow2'/><source file='/guest/web.qcow2'/>
<target dev='vda'/></disk><graphics type='vnc' port='-1' autoport='yes' passwd='Zwiebel'/></devices>"

# $1: name; $2: its parent's element; $3: time; $4: whether it is current.
snapshot ()
{
  echo "<test:domainsnapshot><name>$1</name>$2<creationTime>$3</creationTime><state>shutoff</state>
<domain type='test'>$body</domain><active>$4</active></test:domainsnapshot>"
}
cat >"$work/machines.xml" <<END
<node><domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'>$body
<test:runstate>5</test:runstate>$(snapshot base '' 1500000001 0)
$(snapshot updates '<parent><name>base</name></parent>' 1500000002 1)
$(snapshot old '' 1500000003 0)</domain>
<domain type='test' xmlns:test='http://libvirt.org/schemas/domain/test/1.0'><name>.50% odd</name>
<memory>65536</memory><os><type>hvm</type></os><test:runstate>5</test:runstate></domain></node>
END
source=test://$work/machines.xml
web=$mnt/web

# ---- which sources

check "an unknown driver is refused" refused "$VMSNAPFS" nowhere:///x "$mnt"
check "with libvirt's sentence" prints_like 'cannot connect to nowhere:///x: .+' \
  sh -c '"$1" nowhere:///x "$2" 2>&1' - "$VMSNAPFS" "$mnt"
check "and only what has :// may be a URI" prints_like 'nothing here understands "disks:"' \
  sh -c '"$1" disks:old "$2" 2>&1' - "$VMSNAPFS" "$mnt"
check "a malformed poll= is refused" refused "$VMSNAPFS" -o poll=often "$source" "$mnt"

# ---- looking

check "a file of machines is mounted" serve "$source" "$mnt"
check "the machines are there, escaped" prints $'%2E50%25 odd\nweb' ls "$mnt"
check "the backend is libvirt" grep -qx 'backend: libvirt' "$mnt/.vmsnapfs/backend"
check "stats name the URI" grep -qx "uri: $source" "$mnt/.vmsnapfs/stats"
check "the tree is the parents'" prints $'./base\n./base/updates\n./old' \
  sh -c 'cd "$1" && find . -mindepth 1 -type d ! -path "*/disks*" ! -path "*/control*" ! -name disks ! -name control' - "$web"
check "the current one is known" prints base/updates readlink "$web/current"
check "a directory has its time" prints 1500000001 stat -c %Y "$web/base"
check "info says what it is" grep -qx 'state: shutoff' "$web/base/info"
check "XML is libvirt's own" grep -qx '  <creationTime>1500000001</creationTime>' "$web/base/snapshot.xml"
check "without passwords" refused grep -q Zwiebel "$web/base/snapshot.xml" "$web/domain.xml"
check "the machine of then is there" grep -q "<name>web</name>" "$web/base/domain.xml"
check "disks say where they are" grep -q /guest/web.qcow2 "$web/base/disks/vda.xml"
check "and have no bytes here" refused test -e "$web/base/disks/vda.raw"
check "what libvirt lacks is absent" refused sh -c \
  'ls "$1"/base/control/hold || ls "$1"/base/control/merge' - "$web"
check "two looks are the same" cmp "$web/base/snapshot.xml" "$web/.snapshots/base/snapshot.xml"

# ---- passwords

secret=$web/base/control/secure.xml
check "passwords are for the owner alone" prints 400 stat -c %a "$secret"
check "are not listed" refused sh -c 'ls "$1" | grep -q secure' - "$web/base/control"
check "and are shown" grep -q "passwd='Zwiebel'" "$secret"

# ---- changing

check "mkdir takes a snapshot" mkdir "$web/base/updates/late"
check "which is current" prints base/updates/late readlink "$web/current"
check "anywhere else it is refused" gives EOPNOTSUPP mkdir "$web/base/wrong"
check "with a way that works" grep -q '.snapshots/wrong always works' "$web/control/error"
check "it is described" sh -c 'echo some words >"$1/description"' - "$web/.snapshots/late"
check "and says so" prints 'some words' cat "$web/.snapshots/late/description"
check "a machine's passwords survive that" grep -q Zwiebel "$web/.snapshots/late/control/secure.xml"
check "an existing name is EEXIST" gives EEXIST mkdir "$web/.snapshots/old"
check "going back" sh -c 'echo 1 >"$1/old/control/revert"' - "$web"
check "makes current" prints old readlink "$web/current"
check "so does control/current" sh -c 'echo 1 >"$1/base/control/current"' - "$web"
check "" prints base readlink "$web/current"
check "but never none" gives EOPNOTSUPP write "$web/base/control/current" 0
check "a machine can be started with it" sh -c 'echo running >"$1/base/control/revert"' - "$web"
check "saving the present first" sh -c 'echo save kept >"$1/old/control/revert"' - "$web"
check "keeps it" test -d "$web/base/kept"
check "rmdir with children is ENOTEMPTY" gives ENOTEMPTY rmdir "$web/base"
check "rmdir of a leaf discards it" rmdir "$web/base/kept"
check "children are kept" sh -c 'echo keep-children >"$1/base/updates/control/discard"' - "$web"
check "and move up" test -d "$web/base/late"
check "descendants go alone" sh -c 'echo children-only >"$1/base/control/discard"' - "$web"
check "" prints $'base\nold' ls "$web/.snapshots"
check "a record alone is not known to this driver" gives EOPNOTSUPP write \
  "$web/base/control/discard" metadata-only
check "renaming is EOPNOTSUPP" gives EOPNOTSUPP rename "$web/base" "$web/ground"
check "an unknown flag too" sh -c '! echo "x --disk-only" >"$1/control/create"' - "$web"
check "and says which" grep -q 'does not know --disk-only' "$web/control/error"

# ---- documents

check "a document makes one" sh -c 'echo "<domainsnapshot><name>doc</name><description>d</description></domainsnapshot>" >"$1/control/create"' - "$web"
check "" prints d cat "$web/.snapshots/doc/description"
check "one is redefined by editing it" sh -c \
  'sed "s,<description>d<,<description>e<," "$1/snapshot.xml" >"$2" && cat "$2" >"$1/snapshot.xml"' - \
  "$web/.snapshots/doc" "$work/doc.xml"
check "" prints e cat "$web/.snapshots/doc/description"
check "and keeps its passwords" grep -q Zwiebel "$web/.snapshots/doc/control/secure.xml"
check "its machine is edited, too" sh -c \
  'sed "s,<uuid>,<title>words</title><uuid>," "$1/snapshot.xml" >"$2" && cat "$2" >"$1/snapshot.xml"' - \
  "$web/.snapshots/doc" "$work/doc.xml"
check "" grep -q 'words' "$web/.snapshots/doc/domain.xml"
check "and keeps its passwords" grep -q Zwiebel "$web/.snapshots/doc/control/secure.xml"
check "another one is recorded" sh -c '{ echo "--redefine --current -"; echo "<domainsnapshot><name>told</name>
  <state>shutoff</state><creationTime>7</creationTime><parent><name>old</name></parent></domainsnapshot>"; } >"$1/control/create"' - "$web"
check "where it said" prints old/told readlink "$web/current"
check "but not below itself" gives EINVAL write "$web/control/create" "--redefine -
<domainsnapshot><name>told</name><state>shutoff</state><creationTime>7</creationTime><parent><name>told</name></parent></domainsnapshot>"

# ---- odd names

other="$mnt/%2E50%25 odd"
for name in 'x%2Fy' '%2Ehid' '%2E.' 'with space' 'two%0Alines' '50%25'; do
  check "\"$name\" is taken" mkdir "$other/.snapshots/$name"
  check "is listed once" prints 1 sh -c 'ls "$1" | grep -cxF -- "$2"' - "$other/.snapshots" "$name"
  check "is read" test -s "$other/.snapshots/$name/snapshot.xml"
  check "and discarded" rmdir "$other/.snapshots/$name"
done
check "what XML cannot carry is EINVAL" gives EINVAL mkdir "$other/.snapshots/%01"

unserve "$mnt"

# ---- reading only

check "read-only is a read-only connection" serve "$source" "$mnt" -o ro,poll=0
check "it is read" test -s "$web/base/snapshot.xml"
check "nothing is changed" gives EROFS mkdir "$web/base/updates/x"
check "and no password is shown" refused test -e "$web/base/control/secure.xml"
unserve "$mnt"

# ---- the default machine

check "libvirt's default machine is mounted" serve test:///default "$mnt" -o poll=1
check "it runs" grep -qx 'state: running' "$mnt/test/info"
check "and is snapshotted while it does" mkdir "$mnt/test/a"
check "with its state" grep -qx 'state: running' "$mnt/test/a/info"
check "at once from the root" prints a readlink "$mnt/test/current"
before=$(stat -c %i "$mnt/test/a")
sleep_until=$((SECONDS + 3))
eventually test "$SECONDS" -ge "$sleep_until"
check "looking for changes changes nothing" prints "$before" stat -c %i "$mnt/test/a"
check "it is discarded" rmdir "$mnt/test/a"
finish
