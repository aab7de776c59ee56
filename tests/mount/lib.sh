# The library of the mount tests; each test sources it first:
#
#   . "$(dirname "$0")/lib.sh"
#   serve memory: "$mnt"
#   check "the demonstration is there" test -d "$mnt/demo"
#   finish
#
# A test works below $work, a directory of its own, mounts at $mnt (or others below $work), and
# ends in `finish`, which unmounts, looks into the sanitizers' logs and prints "N passed, N failed".
# Whatever happens, the trap unmounts and ends the daemons, by their process ids.
#
# $VMSNAPFS is the program, $ERRNO the helper errno.c (compiled here when not given).
# shellcheck shell=bash
set -u

: "${VMSNAPFS:?set it to the program under test}"
VMSNAPFS=$(realpath "$VMSNAPFS")
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
work=$(mktemp -d "${TMPDIR:-/tmp}/vmsnapfs-test.XXXXXX")
work=$(realpath "$work")
store=$work/store
mnt=$work/mnt
mkdir "$store" "$mnt"
SERVE_LIMIT=120 # seconds until a mount answers
declare -A daemons=() # mount point -> process id
passed=0 failed=0 skipped=0

# Daemons have no terminal: what a sanitizer finds goes into files that `finish` looks for.
for options in ASAN_OPTIONS UBSAN_OPTIONS TSAN_OPTIONS LSAN_OPTIONS; do
  export "$options=${!options:+${!options}:}log_path=$work/sanitizer"
done
# GLib keeps memory of its own that goes from thread to thread out of ThreadSanitizer's sight.
export G_SLICE=always-malloc

export LC_ALL=C.UTF-8

if [ -z "${ERRNO:-}" ]; then
  ERRNO=$work/errno
  gcc -D_GNU_SOURCE -o "$ERRNO" "$here/errno.c" || exit 1
fi

# ---- saying what holds

# $1: a sentence; the rest: a command that must succeed. Its output is shown only when it fails.
check ()
{
  local sentence=$1
  shift
  if "$@" >"$work/output" 2>&1; then
    echo "ok - $sentence"
    passed=$((passed + 1))
    return 0
  fi
  echo "not ok - $sentence"
  printf '#   %.400s\n' "$*"
  sed 's/^/#   /' "$work/output" | head -n 40
  failed=$((failed + 1))
  return 1
}

# $1: why the rest of this test cannot run here.
skip_all ()
{
  echo "# skipped: $1"
  exit 77
}

# $1: a sentence; $2: why it cannot be tried here.
skip ()
{
  echo "ok - $1 # skip $2"
  skipped=$((skipped + 1))
}

# The command fails, whatever its message.
refused ()
{
  ! "$@"
}

# $1: what the rest, a command, must print.
prints ()
{
  local expected=$1 actual
  shift
  actual=$("$@")
  [ "$actual" = "$expected" ] || {
    printf 'expected: %s\nactual:   %s\n' "$expected" "$actual"
    return 1
  }
}

# $1: an extended regular expression that some line of the output of the rest must match.
prints_like ()
{
  local pattern=$1 output
  shift
  output=$("$@")
  grep -Eq -- "$pattern" <<<"$output" || {
    printf 'no line like: %s\nin: %s\n' "$pattern" "$output"
    return 1
  }
}

# $1: OK or the name of an errno; the rest: a call and its arguments (errno.c).
gives ()
{
  local expected=$1
  shift
  prints "$expected" "$ERRNO" "$@"
}

# The value of the line "$2: …" in the file $1.
field ()
{
  sed -n "s/^$2: *//p" "$1"
}

# ---- waiting

# Tries the command until it succeeds, for up to $PATIENCE seconds.
eventually ()
{
  local end=$((SECONDS + ${PATIENCE:-30}))
  until "$@" >/dev/null 2>&1; do
    if [ $SECONDS -ge $end ]; then
      "$@"
      return
    fi
    sleep 0.02
  done
}

# ---- a machine

# Opens $image for writing as a machine would: qemu-io is always here, and prompts when it has opened
# it. Orders go to descriptor 7; what it says is in $work/machine.log.
start_machine ()
{
  [ -p "$work/orders" ] || mkfifo "$work/orders"
  qemu-io -f qcow2 "$image" <"$work/orders" >"$work/machine.log" 2>&1 &
  machine=$!
  exec 7>"$work/orders"
  until grep -q 'qemu-io>' "$work/machine.log"; do
    kill -0 "$machine" || { cat "$work/machine.log"; return 1; }
    sleep 0.02
  done
}
stop_machine ()
{
  exec 7>&-
  wait "$machine"
}

# ---- mounting

# Serves $1 at $2; the rest: options. Returns when the mount answers, fails when the daemon ends.
serve ()
{
  local source=$1 point=$2
  shift 2
  "$VMSNAPFS" -f "$@" "$source" "$point" >>"$work/daemon.log" 2>&1 &
  daemons[$point]=$!
  local end=$((SECONDS + SERVE_LIMIT))
  # statfs is never answered from a cache: a stale mount could still answer the rest.
  until [ "$(stat -f -c %T "$point" 2>/dev/null)" = fuseblk ]; do
    if [ $SECONDS -ge $end ] || ! kill -0 "${daemons[$point]}" 2>/dev/null; then
      kill -9 "${daemons[$point]}" 2>/dev/null
      wait "${daemons[$point]}"
      unset "daemons[$point]"
      tail -n 5 "$work/daemon.log"
      return 1
    fi
    sleep 0.02
  done
}

# Unmounts $1 and waits for its daemon; its exit status.
unserve ()
{
  local point=$1 pid=${daemons[$1]:-}
  eventually fusermount3 -q -u "$point" || return 1
  [ -n "$pid" ] || return 0
  unset "daemons[$point]"
  wait "$pid"
}

# ---- images

# A qcow2 at $1 with an ext4 file system and a few files in it.
make_machine ()
{
  local scratch
  scratch=$(mktemp -d "$work/machine.XXXXXX")
  mkdir -p "$scratch/root/etc"
  echo "$1" >"$scratch/root/etc/hostname"
  seq 20000 >"$scratch/root/numbers"
  truncate -s 32M "$scratch/disk"
  mke2fs -q -t ext4 -d "$scratch/root" "$scratch/disk" &&
    qemu-img convert -f raw -O qcow2 "$scratch/disk" "$1"
  rm -r "$scratch"
}

# An empty qcow2 at $1, of $2 bytes.
make_image ()
{
  qemu-img create -q -f qcow2 "$1" "${2:-8M}"
}

# Runs the command again while it fails because an image is locked or has just been moved: images that
# no snapshot needs any more are tidied away after the operation was answered.
despite_tidying ()
{
  local end=$((SECONDS + ${PATIENCE:-30})) said status
  while :; do
    said=$("$@" 2>&1)
    status=$?
    if [ $status -eq 0 ] || [ $SECONDS -ge $end ] ||
       ! grep -Eq 'Failed to (get|lock)|No such file' <<<"$said"; then
      break
    fi
    sleep 0.05
  done
  [ -z "$said" ] || echo "$said"
  return $status
}

# Writes the byte $2 at $3 of the image $1, for 64 KiB: what a running machine would do.
change ()
{
  despite_tidying qemu-io -f qcow2 -c "write -q -P $2 $3 64k" "$1"
}

# A flat copy of what the image $1 holds now, to compare with later.
keep_copy ()
{
  despite_tidying qemu-img convert -f qcow2 -O qcow2 "$1" "$2"
}

same_bytes ()
{
  despite_tidying qemu-img compare -q -f qcow2 -F qcow2 "$1" "$2"
}

# Every image below $1 that can be opened by name is clean.
all_clean ()
{
  despite_tidying check_images "$1"
}
check_images ()
{
  local image bad=0
  while IFS= read -r image; do
    qemu-img check -q -f qcow2 "$image" || { echo "$image"; bad=1; }
  done < <(find "$1" -name '*.qcow2')
  return "$bad"
}

# Nothing that is only prepared or under way is left below $1, at the latest after a while.
nothing_left_over ()
{
  eventually nothing_prepared "$1"
}
nothing_prepared ()
{
  local left
  left=$(find "$1" -name '*.new' -o -name '*.t' -o -name journal -o -name folding)
  [ -z "$left" ] || { echo "$left"; return 1; }
}

# The frozen image of the snapshot directory $1 for the disk $2 (vda), as its vda.xml names it.
frozen_image ()
{
  xmllint --xpath 'string(//source/@file)' "$1/disks/${2:-vda}.xml"
}

# Everything there is to know about a directory, to see that nothing changed in it.
picture_of ()
{
  (cd "$1" && find . -printf '%p %y %m %U %G %s %T@ %i %l\n' | sort
   find . -type f -print0 | sort -z | xargs -0r sha256sum)
}

# ---- the end

no_sanitizer_reports ()
{
  local log bad=0
  for log in "$work"/sanitizer.*; do
    [ -e "$log" ] || continue
    head -n 60 "$log"
    bad=1
  done
  return "$bad"
}

clean_up ()
{
  trap '' HUP INT PIPE TERM
  local point
  cd /
  while IFS= read -r point; do
    umount -l "$point" 2>/dev/null || fusermount3 -q -u -z "$point"
  done < <(awk -v under="$work/" 'index($2, under) == 1 {print $2}' /proc/mounts)
  for point in "${!daemons[@]}"; do
    kill "${daemons[$point]}" 2>/dev/null
    wait "${daemons[$point]}" 2>/dev/null
  done
  [ -n "${KEEP:-}" ] || rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' HUP INT PIPE TERM

finish ()
{
  local point
  cd /
  for point in "${!daemons[@]}"; do
    check "the daemon of ${point#"$work"/} ends well" unserve "$point"
  done
  check "no sanitizer reported anything" no_sanitizer_reports
  [ "$failed" -eq 0 ] || [ ! -s "$work/daemon.log" ] ||
    { echo "# the daemons said:"; tail -n 20 "$work/daemon.log" | sed 's/^/#   /'; }
  if [ "$skipped" -gt 0 ]; then
    echo "$passed passed, $failed failed, $skipped skipped"
  else
    echo "$passed passed, $failed failed"
  fi
  [ "$failed" -eq 0 ]
  exit
}
