#!/bin/bash
# Several clients do anything at all to the same domains at once, and some sequential order explains
# all that they saw. SECONDS_OF_CLIENTS says for how long; LONG=1: 10 minutes. SEED repeats what
# they do, though not when.
clients_of=$(cd "$(dirname "$0")" && pwd)
. "$clients_of/../mount/lib.sh"

duration=${SECONDS_OF_CLIENTS:-15}
[ -z "${LONG:-}" ] || duration=600
seed=${SEED:-$RANDOM}
histories=$work/histories
mkdir "$histories"
export PYTHONDONTWRITEBYTECODE=1

clients ()
{
  python3 "$clients_of/clients.py" "$mnt" "$store" "$histories" "$@"
}

check "impossible histories are found" python3 "$clients_of/test-explain.py"
for domain in web01 db01 mail01; do
  make_image "$store/$domain.qcow2" 1M
done
check "a store" serve "$store" "$mnt"
check "branches" clients prepare
check "8 clients for $duration seconds (SEED=$seed)" clients run "$seed" "$duration" 8
check "what is there afterwards" clients look after
check "the same order explains it all" python3 "$clients_of/explain.py" "$histories"/*
sed 's/^/# /' "$work/output"
check "nothing is half there" nothing_left_over "$store"
check "every image is whole" all_clean "$store"
check "unmounting" unserve "$mnt"
check "mounting again" serve "$store" "$mnt"
check "what is there now" clients look later
check "it is the same" python3 "$clients_of/explain.py" "$histories"/*
finish
