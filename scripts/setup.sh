#!/bin/sh
# setup.sh [all|unit|go|vm] installs missing programs with apt. It prints nothing if none is missing.
#   all   Go, gcc for the race detector, and the programs for the default bundle
#   unit  Go and gcc
#   go    Go
#   vm    Go, and the programs for virtual machines
set -eu
cd "$(dirname "$0")/.."
kind=${1:-all}
case $kind in all | unit | go | vm) ;; *) echo "setup: $kind: expected all, unit, go or vm" >&2 && exit 2 ;; esac

# Also find root's programs if this account is not root.
PATH=$PATH:/usr/sbin:/sbin

ID='' VERSION_CODENAME=''
[ -r /etc/os-release ] && . /etc/os-release
log=$(mktemp)
trap 'rm -f "$log"' EXIT

say() { echo "setup: $*"; }
die() {
	cat "$log" >&2
	echo "setup: $*" >&2
	exit 1
}

as_root() {
	[ "$(id -u)" = 0 ] || set -- sudo "$@"
	"$@"
}

# update_for PACKAGE...: updates apt's lists once. Fails if this account cannot install packages.
updated=
update_for() {
	[ -z "$updated" ] || return 0
	command -v apt-get >/dev/null || die "this machine has no $* and no apt-get: install them, then run make again"
	[ "$(id -u)" = 0 ] || command -v sudo >/dev/null || die "installing $* needs root: run make as root, or install sudo"
	as_root apt-get -qq update >"$log" 2>&1 || die "apt-get update failed, see above: is the network there?"
	: >"$log"
	updated=yes
}

install() {
	say "installing $*"
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends "$@" >"$log" 2>&1 ||
		die "apt-get install $* failed, see above"
	: >"$log"
}

need=$(sed -n 's/^go //p' go.mod)
by_hand="install Go $need or newer from https://go.dev/dl, put it first in PATH, and run make again"

# go_works reports whether the Go in PATH, or a newer one that it has already fetched, is new
# enough.
go_works() { command -v go >/dev/null && GOPROXY=off go list -m >/dev/null 2>&1; }

# toolchain prints GOTOOLCHAIN, or nothing without a Go of 1.21 or newer. With auto, Go fetches
# the version that go.mod names.
toolchain() { (cd / && go env GOTOOLCHAIN 2>/dev/null) || true; }

# packaged reports whether apt can install a Go of 1.21 or newer.
packaged() {
	dpkg --compare-versions "$(LC_ALL=C apt-cache policy golang-go | sed -n 's/ *Candidate: //p')" ge 2:1.21~ 2>/dev/null
}

sources() { apt-get indextargets --format "$1" 'Created-By: Packages' 'Component: main' 'Origin: Debian' "Codename: $2"; }

# add_backports uses this machine's Debian mirror, as in apt's sources.
add_backports() {
	suite=$VERSION_CODENAME-backports list=/etc/apt/sources.list.d/nestbed-backports.list
	[ -z "$(sources '$(REPO_URI)' "$suite")" ] || return 0
	mirror=$(sources '$(REPO_URI)' "$VERSION_CODENAME" | grep -v '^cdrom:' | head -n 1)
	[ -n "$mirror" ] || die "the apt sources name no mirror of Debian $VERSION_CODENAME: $by_hand"
	signed=/usr/share/keyrings/debian-archive-keyring.gpg
	[ -e $signed ] && signed="[signed-by=$signed] " || signed=
	say "the newest Go of Debian $VERSION_CODENAME is too old; adding its backports, as $list:"
	say "deb $signed$mirror $suite main"
	echo "deb $signed$mirror $suite main" | as_root tee $list >/dev/null
	as_root apt-get -qq update >"$log" 2>&1 || {
		as_root rm -f $list
		die "$mirror has no $suite that can be used, see above, and $list is removed again: $by_hand"
	}
}

install_go() {
	update_for golang-go
	set -- golang-go
	[ -e /etc/ssl/certs/ca-certificates.crt ] || set -- "$@" ca-certificates
	if ! packaged; then
		[ "$ID" = debian ] || die "apt has no Go of 1.21 or newer: $by_hand"
		add_backports
		set -- -t "$VERSION_CODENAME-backports" "$@"
	fi
	install "$@"
	[ -z "$(toolchain)" ] || return 0
	# Make puts bin/go first in PATH.
	say "$(command -v go) is too old and comes before /usr/bin/go in PATH; make uses /usr/bin/go"
	mkdir -p bin/go
	ln -sf /usr/bin/go bin/go/go
	PATH=$PWD/bin/go:$PATH
}

if ! go_works; then
	[ -n "$(toolchain)" ] || install_go
	case $(toolchain) in
	*auto) ;;
	*) die "GOTOOLCHAIN=$(toolchain) forbids $(cd / && go env GOVERSION) to fetch Go $need, which go.mod names: unset it, or $by_hand" ;;
	esac
	say "$(cd / && go env GOVERSION) fetches Go $need, which go.mod names"
	go list -m >/dev/null 2>"$log" || die "Go $need could not be fetched, see above: is the network there? If it is not, $by_hand"
fi

# program:package for each required program.
lxd=$(command -v lxd || true)
case "$kind/$ID-$VERSION_CODENAME:$lxd" in
go/*) want= ;;
unit/*) want=gcc:gcc ;;
vm/*) want="qemu-system-x86_64:qemu-system-x86 mke2fs:e2fsprogs mmdebstrap:mmdebstrap newuidmap:uidmap tar:tar" ;;
all/debian-bookworm:* | all/debian-trixie:* | all/*:/usr/bin/lxd)
	# This machine's LXD, and the programs that a bundle copies.
	want="gcc:gcc
		lxd:lxd busybox:busybox-static ip:iproute2 newuidmap:uidmap rsync:rsync tar:tar xz:xz-utils zstd:zstd
		unsquashfs:squashfs-tools setfattr:attr
		btrfs:btrfs-progs crun:crun runc:runc lxc-start:lxc lxcfs:lxcfs dnsmasq:dnsmasq-base nft:nftables
		mmdebstrap:mmdebstrap"
	# If AppArmor is enabled, LXD makes profiles.
	[ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" != Y ] || want="$want apparmor_parser:apparmor"
	;;
*) want="gcc:gcc mmdebstrap:mmdebstrap tar:tar zstd:zstd" ;; # without an LXD that can be copied, mmdebstrap makes a Debian with one
esac

missing=
for w in $want; do
	command -v "${w%%:*}" >/dev/null 2>&1 || missing="$missing ${w#*:}"
done
case $want in *gcc:*) [ -e /usr/include/stdlib.h ] || missing="$missing libc6-dev" ;; esac
case $want in *mmdebstrap:*) [ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring" ;; esac
[ -n "$missing" ] || exit 0
# shellcheck disable=SC2086 # the packages are words
{
	update_for $missing
	install $missing
}
