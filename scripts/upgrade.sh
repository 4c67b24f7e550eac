#!/bin/sh
# Is it safe to go from one version to another? The scenarios under both, then the swap under running chains and mixed chains,
# then what differs, also as a page. FROM and TO are bundles; QUICK=1 runs a few features only. Exit status 1: worse, or something failed.
set -u
cd "$(dirname "$0")/.."
FROM=${FROM:-installed} TO=${TO:-debian:trixie} QUICK=${QUICK:-} SUDO=${SUDO:-}
out=reports/upgrade
paths=
[ -z "$QUICK" ] || paths=-godog.paths=article.feature,depth.feature,nesting.feature

# In the place of a LXD no Incus runs, nor the other way round: from the one to the other there is lxd-to-incus.
case "$FROM:$TO" in
*/incus*:*/incus*) between=-godog.tags=@versions ;;
*:*/incus*) between=-godog.paths=bundle.feature,migration.feature ;;
*/incus*:*) between=-godog.paths=bundle.feature ;;
*) between=-godog.tags=@versions ;;
esac

say() { echo "upgrade: $*"; }
$SUDO rm -rf "$out" # the runs are root's
mkdir -p "$out" bin
make -s build && go test -c -o bin/scenarios.test ./scenarios || exit 1

# What of a version's own scenarios fails is for the comparison to judge: it may have failed before, too.
suite() {
	say "$1: the scenarios under $2 (log: $out/$1.log)"
	(cd scenarios && $SUDO env NESTBED_BUNDLE="$2" NESTBED_REPORTS="../$out/$1" ../bin/scenarios.test -test.run '^TestFeatures$' -test.timeout 30m \
		-godog.format=progress -godog.tags='~@slow && ~@moving && ~@requires-debian' $paths) >"$out/$1.log" 2>&1
	tail -n 3 "$out/$1.log" | sed 's/^/  /'
	ls "$out/$1"/*/results.json >/dev/null 2>&1 || { say "$1: no scenario was run, see $out/$1.log"; exit 1; }
}
suite old "$FROM"
suite new "$TO"

say "chains of both versions, and the one in the other's place under running chains (log: $out/swap.log)"
swap=0
(cd scenarios && $SUDO env NESTBED_OLD="$FROM" NESTBED_NEW="$TO" ../bin/scenarios.test -test.run '^TestFeatures$' -test.timeout 30m \
	-godog.format=progress "$between") >"$out/swap.log" 2>&1 || swap=1
tail -n 3 "$out/swap.log" | sed 's/^/  /'

bin/nestbed compare "$out"/old/* "$out"/new/* --html "$out/compare.html"
worse=$?
say "the comparison as a page: $out/compare.html"
[ $swap = 0 ] || say "the swap or a mixed chain failed, see $out/swap.log" >&2
[ $swap = 0 ] && [ $worse = 0 ]
