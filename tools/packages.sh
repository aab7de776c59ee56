# Sourced by quickstart and check: installs Debian packages that are missing, and only those.
# shellcheck shell=bash

# shellcheck disable=SC2034 # for those who source this
BUILD_PACKAGES="build-essential meson ninja-build pkg-config fuse3 libfuse3-dev libglib2.0-dev
  libxml2-dev libjson-glib-dev zlib1g-dev libdeflate-dev libzstd-dev libvirt-dev libcmocka-dev qemu-utils
  e2fsprogs util-linux"

missing_packages ()
{
  local package
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
      printf '%s ' "$package"
  done
}

install_packages ()
{
  local missing log
  missing=$(missing_packages "$@")
  [ -n "$missing" ] || return 0
  if [ "$(id -u)" -ne 0 ]; then
    echo "These packages are missing; run this once as root: $missing" >&2
    return 1
  fi
  echo "Installing $missing"
  log=$(mktemp)
  # shellcheck disable=SC2086 # a list of words
  if { apt-get update -qq &&
       DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing
     } </dev/null >"$log" 2>&1; then
    rm -f "$log"
    return 0
  fi
  tail -n 20 "$log" >&2
  echo "Installing failed; the whole log is $log" >&2
  return 1
}
