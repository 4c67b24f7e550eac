#!/bin/sh
# Makes packages in dist/: for each of ARCHS a .deb and a .tar.gz with static programs, man pages,
# completions and features; checksums, and a bill of materials. Needs the programs of make build,
# which write the man pages and completions.
set -eu
cd "$(dirname "$0")/.."
ARCHS=${ARCHS:-amd64 arm64}
NFPM=github.com/goreleaser/nfpm/v2/cmd/nfpm@v2.45.2
SBOM=github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod@v1.10.0
# Without tags, the version is the commit's date. "~" sorts before every release.
VERSION=${VERSION:-$(git describe --tags --exact-match 2>/dev/null || git log -1 --date=format:%Y%m%d%H%M%S --format='0.1~git%cd.%h')}
VERSION=${VERSION#v}
export VERSION

rm -rf dist
for ARCH in $ARCHS; do
	TREE=$PWD/dist/tree-$ARCH
	export ARCH TREE
	echo "package: $VERSION for $ARCH"
	for program in nestbed:bin nestbed-relay:libexec/nestbed; do
		mkdir -p "$TREE/usr/${program#*:}"
		CGO_ENABLED=0 GOARCH=$ARCH go build -trimpath -buildvcs=auto -ldflags='-s -w' -o "$TREE/usr/${program#*:}/" "./harness/cmd/${program%%:*}"
	done
	make -s install-data DESTDIR="$TREE" PREFIX=/usr
	tar --sort=name --owner=0 --group=0 --numeric-owner -C "$TREE/usr" -czf "dist/nestbed_${VERSION}_linux_$ARCH.tar.gz" .
	go run "$NFPM" package --config packaging/nfpm.yaml --packager deb --target dist
	rm -r "$TREE"
done
go run "$SBOM" app -json -main harness/cmd/nestbed -output "dist/nestbed_$VERSION.cdx.json" .
(cd dist && sha256sum -- * >SHA256SUMS)
ls -l dist
