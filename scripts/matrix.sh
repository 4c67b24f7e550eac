#!/bin/sh
# Runs the scenarios on this machine with each of BUNDLES, and in a virtual machine of each of VM
# with its own LXD and with each of BUNDLES. Then it shows which of them differ. QUICK=1 runs only
# @core, and virtual machines only with their own LXD. Exit status 1 if a scenario failed
# anywhere.
set -u
cd "$(dirname "$0")/.."
BUNDLES=${BUNDLES:-debian:bookworm debian:trixie debian:trixie/incus} VM=${VM:-debian:bookworm debian:trixie} QUICK=${QUICK:-} SUDO=${SUDO:-}
out=reports/matrix failed=0 runs=
tags='~@slow && ~@moving && ~@known-bug && ~@requires-debian'
[ -z "$QUICK" ] || tags=@core

say() { echo "matrix: $*"; }
$SUDO rm -rf "$out" # runs on this machine belong to root
mkdir -p "$out" bin
make -s build && CGO_ENABLED=0 go test -c -o bin/scenarios.test ./scenarios || exit 1

# column NAME COMMAND...: runs the scenarios. The table shows failures.
column() {
	name=$1
	shift
	say "$name (log: $out/$name.log)"
	(cd scenarios && "$@" ../bin/scenarios.test -test.run '^TestFeatures$' -test.timeout 4h -godog.format=progress \
		-godog.tags="$tags") >"$out/$name.log" 2>&1 || failed=1
	tail -n 3 "$out/$name.log" | sed 's/^/  /'
	ls "$out/$name"/*/results.json >/dev/null 2>&1 || { say "$name: no scenario was run, see $out/$name.log"; exit 1; }
	runs="$runs $(echo "$out/$name"/*/)"
}
for bundle in $BUNDLES; do
	name=here-$(echo "$bundle" | tr ':/' '--')
	column "$name" $SUDO env NESTBED_BUNDLE="$bundle" NESTBED_REPORTS="../$out/$name"
done
for vm in $VM; do
	bundles=installed
	[ -n "$QUICK" ] || bundles="installed $BUNDLES"
	for bundle in $bundles; do
		[ "$bundle" != "$vm" ] || continue # it is the installed one there, and has run
		name=vm-$(echo "$vm-$bundle" | tr ':/' '--')
		column "$name" env NESTBED_HOST="vm:$vm" NESTBED_BUNDLE="$bundle" NESTBED_REPORTS="../$out/$name"
	done
done
# compare exits with 1 if a run is worse than the first. Other machines and versions may be worse
# without a failure.
bin/nestbed compare $runs >"$out/matrix.txt"
[ $? -lt 2 ] || failed=1
cat "$out/matrix.txt"
exit $failed
