#!/bin/sh
# Installs by apt what this machine lacks for nestbed's default bundle, or with the argument "vm" for its virtual machines, and
# nothing else. Silent when nothing is missing.
set -eu

# Of an account that is not root, too, programs of root count.
PATH=$PATH:/usr/sbin:/sbin

ID='' VERSION_CODENAME=''
[ -r /etc/os-release ] && . /etc/os-release
lxd=$(command -v lxd || true)
case "${1:-}/$ID-$VERSION_CODENAME:$lxd" in
vm/*)
	want="qemu-system-x86_64:qemu-system-x86 mmdebstrap:mmdebstrap newuidmap:uidmap tar:tar"
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || want="$want debian-archive-keyring:debian-archive-keyring"
	;;
/debian-bookworm:* | /debian-trixie:* | *:/usr/bin/lxd)
	# The LXD of this machine; program:package, for each program that a bundle takes along.
	want="lxd:lxd busybox:busybox-static ip:iproute2 newuidmap:uidmap rsync:rsync tar:tar xz:xz-utils zstd:zstd
		unsquashfs:squashfs-tools setfattr:attr getfattr:attr
		btrfs:btrfs-progs crun:crun lxc-start:lxc lxcfs:lxcfs
		mmdebstrap:mmdebstrap"
	# Where the kernel has AppArmor in force, LXD makes profiles.
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || want="$want apparmor_parser:apparmor"
	;;
*)
	# No LXD to take apart, or a snap: Debian's, by mmdebstrap.
	want="mmdebstrap:mmdebstrap tar:tar zstd:zstd"
	[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || want="$want debian-archive-keyring:debian-archive-keyring"
	;;
esac

missing=
for w in $want; do
	command -v "${w%%:*}" >/dev/null 2>&1 || missing="$missing ${w#*:}"
done
[ -n "$missing" ] || exit 0

if ! command -v apt-get >/dev/null 2>&1; then
	echo "setup: this machine lacks$missing and has no apt-get: install them, then run make again" >&2
	exit 1
fi
sudo=
if [ "$(id -u)" != 0 ]; then
	command -v sudo >/dev/null 2>&1 || { echo "setup: installing$missing needs root: run make as root, or install sudo" >&2; exit 1; }
	sudo=sudo
fi
echo "setup: installing$missing"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
$sudo apt-get -qq update >"$log" 2>&1 || { cat "$log" >&2; echo "setup: apt-get update failed: is the network there?" >&2; exit 1; }
# shellcheck disable=SC2086 # the packages are words
$sudo env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $missing >"$log" 2>&1 ||
	{ cat "$log" >&2; echo "setup: apt-get install$missing failed, see above" >&2; exit 1; }
