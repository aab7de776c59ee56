# Sourced by the benchmarks: times, medians, ratios, verdicts. $work/log takes what commands complain of.
# shellcheck shell=bash
# shellcheck disable=SC2154 # $work
missed=0

# Microseconds that the command takes.
time_of ()
{
  local start=${EPOCHREALTIME/./}
  "$@" >/dev/null 2>>"$work/log" || { echo "FAIL  $*"; tail "$work/log"; return 1; } >&2
  echo $((${EPOCHREALTIME/./} - start))
}

# Of the numbers in the file $1, one a line.
median ()
{
  sort -n "$1" | awk '{v[NR] = $1} END {print (v[int((NR + 1) / 2)] + v[int(NR / 2) + 1]) / 2}'
}

# $1: what; $2: the figure; $3: at-least or at-most; $4: the bar.
verdict ()
{
  if awk -v a="$2" -v how="$3" -v b="$4" 'BEGIN {exit !(how == "at-least" ? a >= b : a <= b)}'; then
    printf 'PASS  %-64s %10s  (%s %s)\n' "$1" "$2" "${3/-/ }" "$4"
  else
    printf 'FAIL  %-64s %10s  (%s %s)\n' "$1" "$2" "${3/-/ }" "$4"
    missed=$((missed + 1))
  fi
}

ratio ()
{
  awk -v a="$1" -v b="$2" 'BEGIN {printf "%.2f\n", a / b}'
}
