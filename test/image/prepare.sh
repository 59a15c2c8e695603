#!/usr/bin/env bash
# Brings what building the image needs where there is no registry: buildah and debootstrap (by apt), and a base root file
# system of Debian, made once and kept. Prints the path of its archive on standard output, progress on standard error.
# Exit codes: 0 done; 3 cannot be done on this machine at all (the last line says why); anything else failed.
#   prepare.sh CACHE_DIRECTORY
set -euo pipefail

cache=${1:?prepare.sh CACHE_DIRECTORY}
suite=bookworm
say() { echo "image: $*" >&2; }
cannot() { say "$*"; exit 3; }

[ "$(uname -s)" = Linux ] || cannot 'building the image in a test needs Linux'
. /etc/os-release
[ "${ID:-}" = debian ] || cannot "building the image in a test needs Debian's apt, debootstrap and buildah: this is ${PRETTY_NAME:-not Debian}"
[ "$(id -u)" = 0 ] || cannot 'building the image in a test needs root (apt-get, debootstrap, chroot): run it as root'

missing=()
for tool in buildah debootstrap unshare setpriv; do
  command -v "$tool" >/dev/null || case $tool in unshare | setpriv) missing+=(util-linux) ;; *) missing+=("$tool") ;; esac
done
if [ ${#missing[@]} -gt 0 ]; then
  say "apt-get installs ${missing[*]} ..."
  export DEBIAN_FRONTEND=noninteractive
  apt-get update -qq >&2
  apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

architecture=$(dpkg --print-architecture)
archive=$cache/debian-$suite-$architecture.tar
if [ ! -s "$archive" ]; then
  mkdir -p "$cache"
  # The mirror that this machine's own apt uses for Debian itself, else Debian's.
  mirror=$(apt-get indextargets --format '$(SITE) $(RELEASE)' 'Created-By: Packages' 2>/dev/null | awk -v suite="$suite" '$2 == suite { print $1; exit }')
  mirror=${mirror:-http://deb.debian.org/debian}
  say "debootstrap makes a Debian $suite (about half a minute; kept in $cache) ..."
  work=$(mktemp -d "$cache/debootstrap-XXXXXX")
  trap 'rm -rf --one-file-system "$work"' EXIT
  debootstrap --variant=minbase --arch="$architecture" "$suite" "$work/root" "$mirror" >"$work/log" 2>&1 || {
    tail -n 20 "$work/log" >&2
    say "debootstrap failed: its last lines are above"
    exit 1
  }
  # The host's way to the network and to trusted certificates is its builder's business, not the base's.
  rm -rf "$work"/root/var/cache/apt/archives/*.deb "$work"/root/var/lib/apt/lists/* "$work"/root/var/log/*.log
  tar --create --file "$archive.part" --directory "$work/root" --numeric-owner --one-file-system .
  mv "$archive.part" "$archive"
  say "made $(du -h "$archive" | cut -f1) in ${SECONDS} s"
fi
echo "$archive"
