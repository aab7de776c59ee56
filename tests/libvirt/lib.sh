# The library of the tests on a real libvirtd; each test sources it first:
#
#   . "$(dirname "$0")/lib.sh"
#   start_libvirtd || finish
#   define_machine web01 vda vdb
#   serve "$uri" "$mnt"
#   check "the machine is there" prints web01 ls "$mnt"
#   finish
#
# It is tests/mount/lib.sh and a libvirtd that nobody else sees: the distribution's program in a mount
# namespace of its own, where its directories (/etc/libvirt, /run/libvirt, …) are ones below $work. Its
# socket is therefore a file below $work for everybody, and it cannot touch a libvirtd of the system's.
# The machines run under TCG, without a system to boot: that they run is all that is asked of them.
#
# Whatever happens, the trap ends libvirtd and its machines, by their process ids.
# shellcheck shell=bash
# shellcheck source=../mount/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../mount/lib.sh"

libvirt=$work/libvirt
images=$work/images
uri="qemu+unix:///system?socket=$libvirt/run/libvirt-sock"
# shellcheck disable=SC2034 # the tests use it
tcp_uri= # set by start_libvirtd
modules=/usr/lib/$(uname -m)-linux-gnu/libvirt/connection-driver
# What QEMU can do takes seconds to ask; the tests of a build share the answers.
capabilities=${LIBVIRT_CAPABILITIES:-}
libvirtd=
START_LIMIT=60 # seconds that libvirtd may take to answer

[ "$(id -u)" -eq 0 ] || skip_all "libvirtd with machines needs root"
for program in libvirtd virsh qemu-system-x86_64 unshare; do
  command -v "$program" >/dev/null || skip_all "there is no $program"
done

# ---- libvirtd

# A port that nobody listens on now.
free_port ()
{
  python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

write_configuration ()
{
  port=$(free_port)
  # shellcheck disable=SC2034
  tcp_uri=qemu+tcp://127.0.0.1:$port/system
  cat >"$libvirt/etc/libvirtd.conf" <<END
auth_unix_ro = "none"
auth_unix_rw = "none"
listen_tls = 0
listen_tcp = 1
listen_addr = "127.0.0.1"
tcp_port = "$port"
auth_tcp = "none"
max_clients = 200
log_outputs = "3:file:/var/log/libvirt/libvirtd.log"
END
  cat >"$libvirt/etc/qemu.conf" <<END
user = "root"
group = "root"
security_driver = "none"
dynamic_ownership = 0
remember_owner = 0
cgroup_controllers = []
namespaces = []
stdio_handler = "file"
END
}

prepare_libvirtd ()
{
  mkdir "$images" "$libvirt" "$libvirt"/{etc,lib,run,log,cache,modules}
  # The other drivers would look for the host's networks and devices.
  ln -s "$modules/libvirt_driver_qemu.so" "$libvirt/modules/"
  if [ -n "$capabilities" ] && [ -d "$capabilities/qemu" ]; then
    cp -a "$capabilities/qemu" "$libvirt/cache/"
  fi
  write_configuration
}

# In the new namespace: no mount of a test, this one or one that runs beside it, or they would live on there, and
# their daemons with them. $1: $libvirt.
# shellcheck disable=SC2016 # the other shell expands it
enter='
while read -r _ point _; do
  case $point in */vmsnapfs-*) umount -l "$point" ;; esac
done </proc/self/mounts
for pair in etc:/etc lib:/var/lib run:/run log:/var/log cache:/var/cache; do
  mkdir -p "${pair#*:}/libvirt" && mount --bind "$1/${pair%%:*}" "${pair#*:}/libvirt" || exit 1
done
LIBVIRT_DRIVER_DIR=$1/modules exec libvirtd --listen --pid-file /run/libvirt/libvirtd.pid
'

answers ()
{
  timeout 5 virsh -q -c "$uri" uri
}

# Starts it, or starts it again after kill_libvirtd: the machines are found again then.
start_libvirtd ()
{
  [ -d "$libvirt" ] || prepare_libvirtd || return 1
  unshare -m --propagation slave sh -c "$enter" sh "$libvirt" \
    >>"$work/libvirtd.out" 2>&1 </dev/null &
  libvirtd=$!
  local end=$((SECONDS + START_LIMIT))
  until answers >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ] || ! kill -0 "$libvirtd" 2>/dev/null; then
      echo "# libvirtd does not answer"
      tail "$work/libvirtd.out" "$libvirt/log/libvirtd.log"
      failed=$((failed + 1))
      return 1
    fi
    sleep 0.05
  done
}

share_capabilities ()
{
  [ -n "$capabilities" ] && [ ! -d "$capabilities/qemu" ] || return 0
  find "$libvirt/cache/qemu" -name '*.xml' 2>/dev/null | grep -q . || return 0
  # Another test may be quicker.
  mkdir -p "$capabilities" && cp -a "$libvirt/cache/qemu" "$capabilities/qemu.$$" &&
    mv -T "$capabilities/qemu.$$" "$capabilities/qemu" 2>/dev/null || rm -rf "$capabilities/qemu.$$"
}

# $1: the signal.
kill_libvirtd ()
{
  kill "-${1:-TERM}" "$libvirtd"
  wait "$libvirtd" 2>/dev/null
}

end_machines ()
{
  local file pid
  for file in "$libvirt"/run/qemu/*.pid; do
    pid=$(cat "$file" 2>/dev/null) || continue
    # The number could be another process's by now.
    grep -qs qemu-system "/proc/$pid/cmdline" && kill -9 "$pid"
  done
}

clean_up_all ()
{
  [ -z "$libvirtd" ] || kill_libvirtd KILL
  end_machines
  share_capabilities
  clean_up
}
trap clean_up_all EXIT

# ---- machines

# What people would have typed, on the same libvirtd.
v ()
{
  timeout 60 virsh -q -c "$uri" "$@"
}

# The definition of the machine $1 with qcow2 disks $2… in $images.
machine_xml ()
{
  local name=$1 target
  shift
  echo "<domain type='qemu'><name>$name</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>"
  echo "<os><type arch='x86_64' machine='pc'>hvm</type></os><devices>"
  for target in "$@"; do
    echo "<disk type='file' device='disk'><driver name='qemu' type='qcow2'/>"
    echo "<source file='$images/$name-$target.qcow2'/><target dev='$target' bus='virtio'/></disk>"
  done
  echo "<controller type='usb' model='none'/><memballoon model='none'/></devices></domain>"
}

# Makes the machine $1 with the disks $2…, vda with a file system in it.
define_machine ()
{
  local name=$1 target
  shift
  for target in "$@"; do
    case $target in
      vda) make_machine "$images/$name-$target.qcow2" ;;
      *) make_image "$images/$name-$target.qcow2" ;;
    esac
  done
  machine_xml "$name" "$@" >"$work/$name.xml" && v define "$work/$name.xml" >/dev/null
}

# The running machine $1 writes 64 KiB of the byte $2 at $3 of its first disk.
machine_writes ()
{
  v qemu-monitor-command "$1" --hmp \
    "qemu-io -d /machine/peripheral/virtio-disk0/virtio-backend \"write -P $2 $3 64k\"" >/dev/null
}

# ---- comparing with virsh

# "NAME PARENT" of every snapshot of the machine $1, as virsh says it.
tree_of_virsh ()
{
  v snapshot-list "$1" --tree | indented_to_pairs | sort
}

# virsh draws "  +- name" and "  |" lines; the depth is in the width of what stands before.
indented_to_pairs ()
{
  awk '
    /^[ |]*$/ {next}
    {
      match($0, /^[ |]*(\+- )?/)
      depth = RLENGTH
      name = substr($0, RLENGTH + 1)
      for (; top > 0 && at[top] >= depth; top--);
      print name, (top > 0 ? names[top] : "-")
      top++; at[top] = depth; names[top] = name
    }'
}

# The same from the mount: a snapshot is a directory with a snapshot.xml, in its parent's.
tree_of_mount ()
{
  (cd "$mnt/$1" && find . -name snapshot.xml -printf '%h\n') | awk -F/ '
    {print $NF, (NF > 2 ? $(NF - 1) : "-")}' | sort
}

trees_agree ()
{
  local ours theirs
  ours=$(tree_of_mount "$1") theirs=$(tree_of_virsh "$1")
  [ "$ours" = "$theirs" ] || {
    printf 'virsh:\n%s\nmount:\n%s\n' "$theirs" "$ours"
    return 1
  }
}

# The current snapshot, asked in both places.
current_agrees ()
{
  local ours='' theirs
  [ ! -L "$mnt/$1/current" ] || ours=$(basename "$(readlink "$mnt/$1/current")")
  theirs=$(v snapshot-current "$1" --name 2>/dev/null)
  [ "$ours" = "$theirs" ] || { echo "virsh: '$theirs', mount: '$ours'"; return 1; }
}

# $1: the machine; $2: a sentence; the rest: a command that must succeed and leave both the same.
step ()
{
  local machine=$1 sentence=$2
  shift 2
  check "$sentence" "$@"
  check "  and virsh sees the same tree" trees_agree "$machine"
  check "  and the same current one" current_agrees "$machine"
}

state_of ()
{
  v domstate "$1"
}
