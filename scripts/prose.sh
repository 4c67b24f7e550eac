#!/bin/sh
# prose.sh PATH...: finds unwanted words (.prose) and overlong lines in the tracked files of the paths. Exit status 1
# if there are any. It finds words, not sentences: zero hits do not make a text good.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files -- "$@")
[ -n "$files" ] || { echo "prose: $*: no tracked files; give files or directories of the repository" >&2; exit 2; }
# Each line of .prose is WORDS|REPLACEMENT. The words are in lower case, and one space stands for everything except letters,
# digits and "_".
# shellcheck disable=SC2086 # names in this repository have no spaces
exec awk -F '|' '
function hit(what) {
	print FILENAME ":" FNR ": " what
	hits++
}
NR == FNR {
	instead[$1] = $2
	next
}
{
	words = tolower($0)
	gsub(/[^a-z0-9_]+/, " ", words)
	words = " " words " "
	for (w in instead)
		if (index(words, " " w " ")) hit("\"" w "\": say " instead[w])
	line = $0
	gsub(/\t/, "    ", line)
	if (FILENAME ~ /\.go$/ && line ~ /^ *\/\// && length(line) > 100) hit("a comment of more than 100 columns")
	if (FILENAME ~ /\.md$/ && line !~ /^\|/ && length(line) > 400) hit("more than 400 columns")
}
END {
	if (hits) print "prose: " hits " to rewrite; CONTRIBUTING.md, Rules"
	exit hits > 0
}' .prose $files
