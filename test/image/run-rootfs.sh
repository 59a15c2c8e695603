#!/usr/bin/env bash
# Runs a command in a root file system as a container runtime would for deploy/deployment.yaml: mounts and processes of its
# own, the root read-only, a user without any capability, /tmp and the state writable, nothing else.
#   run-rootfs.sh ROOT UID:GID CONFIG_DIRECTORY ACCOUNT_DIRECTORY STATE_DIRECTORY COMMAND...
# To be run in `unshare --mount --pid --fork --kill-child`; its environment is the container's.
set -euo pipefail
root=$1 uid=${2%%:*} gid=${2##*:} config=$3 account=$4 state=$5
shift 5

bind() {
  mkdir -p "$root$2"
  mount --bind "$1" "$root$2"
}
mount --make-rprivate /
mount --bind "$root" "$root"
bind "$config" /etc/gitops-guard
bind "$account" /run/secrets/kubernetes.io/serviceaccount
bind "$state" /var/lib/gitops-guard
mount -t proc proc "$root/proc"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for device in null zero random urandom; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
for path in '' /etc/gitops-guard /run/secrets/kubernetes.io/serviceaccount; do
  mount -o remount,bind,ro "$root$path"
done
exec chroot "$root" /usr/bin/setpriv --reuid="$uid" --regid="$gid" --clear-groups --no-new-privs --inh-caps=-all \
  --bounding-set=-all -- "$@"
