#!/bin/bash
# libvirtd is killed and started again at random while snapshots are taken, reverted to, described
# and discarded: the mount never hangs, says nothing that is not so, and nothing that was acknowledged
# is lost. SEED chooses another history, LONG=1 a long one.
. "$(dirname "$0")/lib.sh"

OPERATIONS=$([ -n "${LONG:-}" ] && echo 200 || echo 40)
RANDOM=${SEED:-5}
DEADLINE=60 # seconds; a call that takes longer hangs

start_libvirtd || finish
define_machine web01 vda
check "a mount" serve "$uri" "$mnt" -o poll=1 || finish
web=$mnt/web01
declare -A there=() # snapshots that were acknowledged, and not known to be gone
declare -A maybe=() # the outcome was an error: they may be there or not
hung=0 lied=0 kills=0 done=0

# The command under a deadline; its status.
within ()
{
  local status
  timeout "$DEADLINE" "$@" >"$work/said" 2>&1
  status=$?
  [ $status -ne 124 ] || { hung=$((hung + 1)); echo "# hangs: $*"; }
  return $status
}

# A child kills libvirtd in a moment, this shell starts it again afterwards.
kill_soon ()
{
  local delay
  delay=$(printf '0.%03d' $((RANDOM % 300)))
  (sleep "$delay"; kill -KILL "$libvirtd") 2>/dev/null &
  killer=$!
  kills=$((kills + 1))
}
revive ()
{
  wait "$killer" "$libvirtd" 2>/dev/null
  start_libvirtd
}

some_snapshot ()
{
  local names=("${!there[@]}")
  chosen=${names[RANDOM % ${#names[@]}]}
}

take ()
{
  local name=s$1
  if within mkdir "$web/.snapshots/$name"; then
    there[$name]=1
    done=$((done + 1))
  else
    maybe[$name]=1
  fi
}
discard ()
{
  some_snapshot
  if within "$ERRNO" write "$web/.snapshots/$chosen/control/discard" keep-children &&
    [ "$(cat "$work/said")" = OK ]; then
    unset "there[$chosen]"
    done=$((done + 1))
    return
  fi
  unset "there[$chosen]"
  maybe[$chosen]=1
}
# $1: the file in the snapshot's directory; $2: what to write.
order ()
{
  some_snapshot
  within "$ERRNO" write "$web/.snapshots/$chosen/$1" "$2" || return 0
  [ "$(cat "$work/said")" != OK ] || done=$((done + 1))
}
# What is listed is what is known, stale or not; never an empty directory.
look ()
{
  if within ls "$web/.snapshots"; then
    done=$((done + 1))
    [ ${#there[@]} -eq 0 ] || [ -s "$work/said" ] || { lied=$((lied + 1)); echo "# empty"; }
  fi
  within cat "$web/info" || true
}

one_operation ()
{
  if [ ${#there[@]} -lt 3 ]; then
    take "$1"
    return
  fi
  case $((RANDOM % 8)) in
    0 | 1 | 2) take "$1" ;;
    3) discard ;;
    4) order control/revert 1 ;;
    5) order description "said $1" ;;
    *) look ;;
  esac
}

for ((i = 1; i <= OPERATIONS; i++)); do
  if [ $((RANDOM % 4)) -eq 0 ]; then
    kill_soon
    one_operation $i
    revive || break
    # Now and then the next one meets a mount that has not found its way back yet.
    [ $((RANDOM % 3)) -eq 0 ] || eventually refused grep -q stale "$web/info"
  else
    one_operation $i
  fi
done

nothing_is_lost ()
{
  local name bad=0
  v snapshot-list web01 --name >"$work/names"
  for name in "${!there[@]}"; do
    grep -Fxq "$name" "$work/names" || { echo "$name is lost"; bad=1; }
  done
  return "$bad"
}
nothing_is_invented ()
{
  local name bad=0
  while IFS= read -r name; do
    [ -z "$name" ] || [ -n "${there[$name]:-}${maybe[$name]:-}" ] || { echo "$name?"; bad=1; }
  done <"$work/names"
  return "$bad"
}

echo "# $OPERATIONS operations, $done of them succeeded, libvirtd was killed $kills times"
check "libvirtd was killed some times" test "$kills" -ge $((OPERATIONS / 8))
check "most operations succeeded" test "$done" -ge $((OPERATIONS / 2))
check "nothing hung" prints 0 echo "$hung"
check "nothing was empty that is not" prints 0 echo "$lied"
check "the tree agrees with virsh" eventually trees_agree web01
check "and the current one" current_agrees web01
check "info does not say stale any more" eventually refused grep -q stale "$web/info"
check "what was acknowledged is there" nothing_is_lost
check "and nothing else" nothing_is_invented
check "the image is sound" qemu-img check -q "$images/web01-vda.qcow2"
finish
