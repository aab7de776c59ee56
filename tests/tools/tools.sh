# What the tests of vmsnap's commands share; each sources it first. It is the mount tests' library and a little more.
# shellcheck shell=bash
. "$(dirname "$0")/../mount/lib.sh"
VMSNAP=$(realpath "${VMSNAP:?set it to the program under test}")

# Exits with the status $1 and says something that matches $2.
fails ()
{
  local status=$1 pattern=$2 said actual
  shift 2
  said=$("$@" 2>&1 >/dev/null)
  actual=$?
  if [ "$actual" -ne "$status" ] || ! grep -Eq -- "$pattern" <<<"$said"; then
    printf 'status %s: %s\n' "$actual" "$said"
    return 1
  fi
}
