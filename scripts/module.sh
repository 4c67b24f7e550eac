#!/bin/sh
# module.sh PATH changes the path of this module in go.mod, in imports, in the linter's rules and
# in the consumer in testdata.
set -eu
cd "$(dirname "$0")/.."
[ $# = 1 ] || { echo "usage: scripts/module.sh PATH, such as example.org/nestbed" >&2 && exit 2; }
new=$1
old=$(go list -m)
own='(harness|steps|features|scenarios)'
go mod edit -module "$new"
git ls-files '*.go' | xargs sed -Ei "s#\"$old/$own#\"$new/\1#g"
sed -Ei "s#$old/$own#$new/\1#g; s#module-path: $old\$#module-path: $new#; s#prefix\($old\)#prefix($new)#" .golangci.yml
cd testdata/consumer
go mod edit -droprequire "$old" -dropreplace "$old" -require "$new@v0.0.0" -replace "$new=../.."
go mod tidy
cd ../..
gofmt -w $(git ls-files '*.go')
go vet ./...
