#!/bin/bash
# The rules of control files, driven by what people write them with; errors, jobs and cancelling.
. "$(dirname "$0")/lib.sh"

make_image "$store/web01.qcow2"
serve "$store" "$mnt" || exit 1
web=$mnt/web01
mkdir "$web/base" "$web/base/updates" || exit 1
revert=$web/base/control/revert
back=$web/base/updates/control/revert

# The command makes base current; afterwards updates is again.
reverts ()
{
  "$@" && prints base readlink "$web/current" &&
    gives OK write "$back" 1 && prints base/updates readlink "$web/current"
}

# The command fails, and updates stays current.
does_nothing ()
{
  ! "$@" && prints base/updates readlink "$web/current"
}

# Pieces of shell, run as a person would, with the file as $1.
by ()
{
  local shell=$1 script=$2
  shift 2
  "$shell" -c "$script" "$shell" "$@"
}

for shell in bash dash; do
  check "$shell: echo" reverts by "$shell" 'echo 1 >"$1"' "$revert"
  check "$shell: printf without a newline" reverts by "$shell" 'printf 1 >"$1"' "$revert"
  check "$shell: appending" reverts by "$shell" 'echo 1 >>"$1"' "$revert"
  check "$shell: white space around" reverts by "$shell" 'printf " \t1 \n" >"$1"' "$revert"
  check "$shell: a wrong word fails" does_nothing by "$shell" 'echo yes >"$1"' "$revert"
  check "$shell: one wrong word among right ones fails" \
    does_nothing by "$shell" 'echo "1 yes" >"$1"' "$revert"
  check "$shell: nothing fails" does_nothing by "$shell" 'echo >"$1"' "$revert"
done
check "truncating does nothing" by bash ': >"$1"' "$revert"
check "and nothing was done" prints base/updates readlink "$web/current"
echo 1 >"$work/one"
check "cp" reverts cp "$work/one" "$revert"
check "cat" reverts by bash 'cat "$2" >"$1"' "$revert" "$work/one"
check "tee" reverts by bash 'echo 1 | tee "$1"' "$revert"
check "dd" reverts dd if="$work/one" of="$revert" status=none
check "dd with blocks of one byte" reverts dd if="$work/one" of="$revert" bs=1 status=none
check "dd at an offset" reverts dd if="$work/one" of="$revert" seek=7 bs=2 conv=notrunc status=none
check "a second command on the same descriptor fails" gives EINVAL write "$revert" 1 1
check "but white space does not" gives OK write "$revert" 1 $'\n'
check "back" gives OK write "$back" 1
if command -v python3 >/dev/null; then
  check "python" reverts python3 -c 'open(__import__("sys").argv[1], "w").write("1\n")' "$revert"
  check "python learns of an error" does_nothing python3 -c \
    'f = open(__import__("sys").argv[1], "w"); f.write("no\n"); f.close()' "$revert"
fi

check "an empty command" gives EINVAL write "$revert" ' '
check "text that begins with #" gives EINVAL write "$revert" '# 1'
check "a command over 4096 bytes" gives E2BIG write "$revert" "$(head -c 5000 /dev/zero | tr '\0' 1)"
check "an unfinished quotation" gives EINVAL write "$revert" '"1'
check "truncate to 0 means nothing" gives OK truncate "$revert" 0
check "truncate to another size does not exist" refused gives OK truncate "$revert" 10
check "nothing happened" prints base/updates readlink "$web/current"

# What a command file says of itself.
for file in "$web/control/create" "$web/base/control/"*; do
  [ -e "$file" ] || continue
  check "${file#"$web/"} reads as text that begins with #" prints_like '^#' head -n 1 "$file"
  check "and has its exact size" prints "$(stat -c %s "$file")" eval 'wc -c <"$file"'
  check "and is no command" gives EINVAL write "$file" "$(cat "$file")"
done
check "reading did nothing" prints base/updates readlink "$web/current"

# ---- errors in words

check "a refused discard" gives ENOTEMPTY rmdir "$web/base"
check "is explained in control/error" prints_like 'base: ENOTEMPTY: ' tail -n 1 "$web/control/error"
check "with a time" prints_like '^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z ' tail -n 1 "$web/control/error"
check "a refused command too" gives EINVAL write "$revert" sideways
check "with the word in it" prints_like 'EINVAL: .*sideways' tail -n 1 "$web/control/error"
check "the parent that is not current" gives EOPNOTSUPP mkdir "$web/base/second"
check "the sentence names the way that always works" prints_like '\.snapshots/second' \
  tail -n 1 "$web/control/error"
check "the size of control/error is exact" prints "$(stat -c %s "$web/control/error")" eval \
  'wc -c <"$web/control/error"'
check "jobs tells of what was done" prints_like '^[0-9]+ done ' cat "$web/control/jobs"
check "and of what failed" prints_like '^[0-9]+ failed ' cat "$web/control/jobs"
check "cancelling what is not there" gives ENOENT write "$web/control/jobs" 'cancel 99999'
check "cancelling in other words" gives EINVAL write "$web/control/jobs" 'stop 1'
check "an ID that is no number" refused gives OK write "$web/control/jobs" 'cancel x'
check "unmounting" unserve "$mnt"

# ---- texts that come in pieces

check "a daemon" serve "$store" "$mnt"
# Writes each argument after the first with a write of its own.
write_pieces ()
{
  python3 -c 'import os, sys
fd = os.open(sys.argv[1], os.O_WRONLY)
for piece in sys.argv[2:]:
    os.write(fd, piece.encode("utf-8", "surrogateescape"))
os.close(fd)' "$@" 2>&1
}
check "a character may be cut in two" write_pieces "$web/base/description" $'caf\xc3' $'\xa9\n'
check "and is whole" prints café cat "$web/base/description"
check "half a character is refused" refused write_pieces "$web/base/description" $'x\xc3'
check "after a refused piece" refused write_pieces "$web/base/description" $'bad\x01' 'tail'
check "the rest is no text of its own" refused prints tail cat "$web/base/description"
exec 7<"$web/base/description"
check "others may write while it is open" gives OK write "$web/base/description" 'newer words'
check "and who has it open reads what it says then" prints 'newer words' cat <&7
check "as does everybody" prints 'newer words' cat "$web/base/description"
exec 7<&-
check "unmounting" unserve "$mnt"

# ---- slow operations, on a backend that is slow on request

slow=$work/slow
mkdir "$slow"
check "a slow backend" serve 'memory:?delay=create:20000' "$slow"
demo=$(find "$slow" -mindepth 1 -maxdepth 1 -type d | sort | head -n 1)
snapshots=$(ls "$demo/.snapshots")

# Starts a slow mkdir of $1 and waits until jobs shows it; its process is $client.
start_slow ()
{
  # Background processes of a script ignore SIGINT unless told otherwise.
  env --default-signal=INT mkdir "$demo/.snapshots/$1" 2>"$work/client" &
  client=$!
  eventually grep -q "running.*$1" "$demo/control/jobs"
}
client_ended ()
{
  ! kill -0 "$client" 2>/dev/null
}
nothing_running ()
{
  ! grep -q running "$demo/control/jobs"
}

check "a slow mkdir is shown as running" start_slow slow1
check "other files are read meanwhile" timeout 5 cat "$demo/info" "$demo/domain.xml"
check "it is cancelled by its number" eval \
  'gives OK write "$demo/control/jobs" "cancel $(sed -n "s/^\([0-9]*\) running.*/\1/p" "$demo/control/jobs")"'
check "the mkdir ends" eventually client_ended
wait "$client"
check "with a failure" test $? -ne 0
check "which is EINTR" prints_like 'Interrupted' cat "$work/client"
check "no snapshot was taken" prints "$snapshots" ls "$demo/.snapshots"

check "another slow mkdir" start_slow slow2
check "Ctrl-C" kill -INT "$client"
check "ends it" eventually nothing_running
wait "$client" 2>/dev/null
check "no snapshot was taken" prints "$snapshots" ls "$demo/.snapshots"

# A resized window, a child that ended: signals that a program handles and goes on after.
start_handler ()
{
  python3 -c 'import os, signal, sys
signal.signal(signal.SIGWINCH, lambda *_: None)
os.mkdir(sys.argv[1])' "$demo/.snapshots/handled" 2>/dev/null &
  client=$!
  eventually grep -q 'running.*handled' "$demo/control/jobs"
}
check "a slow mkdir of a program that handles SIGWINCH" start_handler
check "a signal that only interrupts the call" kill -WINCH "$client"
check "is no wish to cancel" eval 'sleep 0.3; grep -q "running.*handled" "$demo/control/jobs"'
check "it is cancelled by its number" eval \
  'gives OK write "$demo/control/jobs" "cancel $(sed -n "s/^\([0-9]*\) running.*/\1/p" "$demo/control/jobs")"'
check "and ends" eventually nothing_running
wait "$client" 2>/dev/null

check "a third" start_slow slow3
kill -KILL "$client"
check "killing the client ends it" eventually nothing_running
wait "$client" 2>/dev/null
check "no snapshot was taken" prints "$snapshots" ls "$demo/.snapshots"
check "the daemon answers" timeout 5 ls -R "$slow"
finish
