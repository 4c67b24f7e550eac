#!/bin/sh
# Is it safe to upgrade from one version to another? Runs the scenarios with both versions, then
# swaps them under running chains and builds mixed chains, then compares the runs, also as an HTML
# page. FROM and TO are bundles. QUICK=1 runs only a few features. Exit status 1 if the new
# version is worse or something failed.
set -u
cd "$(dirname "$0")/.."
FROM=${FROM:-installed} TO=${TO:-debian:trixie} QUICK=${QUICK:-} SUDO=${SUDO:-}
out=reports/upgrade
paths=
[ -z "$QUICK" ] || paths=-godog.paths=article.feature,depth.feature,nesting.feature

# LXD and Incus cannot replace each other in place. lxd-to-incus migrates from LXD to Incus.
case "$FROM:$TO" in
*/incus*:*/incus*) between=-godog.tags=@versions ;;
*:*/incus*) between=-godog.paths=bundle.feature,migration.feature ;;
*/incus*:*) between=-godog.paths=bundle.feature ;;
*) between=-godog.tags=@versions ;;
esac

say() { echo "upgrade: $*"; }
$SUDO rm -rf "$out" # the runs belong to root
mkdir -p "$out" bin
make -s build && go test -c -o bin/scenarios.test ./scenarios || exit 1

# Failures of scenarios are left to the comparison, because they may also fail with the other
# version.
suite() {
	say "$1: the scenarios with $2 (log: $out/$1.log)"
	(cd scenarios && $SUDO env NESTBED_BUNDLE="$2" NESTBED_REPORTS="../$out/$1" ../bin/scenarios.test -test.run '^TestFeatures$' -test.timeout 30m \
		-godog.format=progress -godog.tags='~@slow && ~@moving && ~@requires-debian' $paths) >"$out/$1.log" 2>&1
	tail -n 3 "$out/$1.log" | sed 's/^/  /'
	ls "$out/$1"/*/results.json >/dev/null 2>&1 || { say "$1: no scenario was run, see $out/$1.log"; exit 1; }
}
suite old "$FROM"
suite new "$TO"

say "mixed chains, and a swap of the versions under running chains (log: $out/swap.log)"
swap=0
(cd scenarios && $SUDO env NESTBED_OLD="$FROM" NESTBED_NEW="$TO" ../bin/scenarios.test -test.run '^TestFeatures$' -test.timeout 30m \
	-godog.format=progress "$between") >"$out/swap.log" 2>&1 || swap=1
tail -n 3 "$out/swap.log" | sed 's/^/  /'

bin/nestbed compare "$out"/old/* "$out"/new/* --html "$out/compare.html"
worse=$?
say "the comparison as a page: $out/compare.html"
[ $swap = 0 ] || say "the swap or a mixed chain failed, see $out/swap.log" >&2
[ $swap = 0 ] && [ $worse = 0 ]
