#!/bin/sh
# prose.sh PATH...: finds words that the project has better ones for, in the tracked files of the paths, and lines
# that are too long. Exit status 1 if there are any. It finds words, not sentences: nothing found is not yet good.
set -eu
cd "$(dirname "$0")/.."
files=$(git ls-files -- "$@")
[ -n "$files" ] || { echo "prose: $*: no tracked files; give files or directories of the repository" >&2; exit 2; }
# shellcheck disable=SC2086 # names of this repository have no spaces
exec awk '
BEGIN {
	# WORDS|what to say instead. Words are compared in lower case, with one space in place of everything but letters, digits and "_".
	n = split( \
		"a lxd|an LXD, or no article\n" \
		"a incus|an Incus, or no article\n" \
		"runs by itself|existing\n" \
		"run by themselves|existing\n" \
		"own lxd|existing LXD\n" \
		"system host|existing host\n" \
		"mend|fix\n" \
		"mends|fix\n" \
		"mended|fixed\n" \
		"lack|is missing\n" \
		"lacks|is missing\n" \
		"lacking|missing\n" \
		"proof|verified against N random chains\n" \
		"proved|verified\n" \
		"proves|verifies\n" \
		"tell whether|report whether\n" \
		"tells whether|reports whether\n" \
		"tells that|reports that\n" \
		"anew|again, or from scratch\n" \
		"has to give|subordinate ids, or id range\n" \
		"who is in it|container, or level\n" \
		"looker|direct or tunneled\n" \
		"link that leads|symlink\n" \
		"links that lead|symlinks\n" \
		"memento|saved state\n" \
		"deed|operation\n" \
		"deeds|operations\n" \
		"unborn|not yet created\n" \
		"grave lines|error lines\n" \
		"of debian s|Debian'"'"'s\n" \
		"whoever|name who it is\n" \
		"but for|except\n" \
		"of which no|begin a new sentence\n" \
		"in turns|alternating\n" \
		"on end|consecutive\n" \
		"is no error|is allowed\n" \
		"is no lack|is not missing", rows, "\n")
	for (i = 1; i <= n; i++) {
		split(rows[i], row, "|")
		instead[row[1]] = row[2]
	}
}
function hit(what) {
	print FILENAME ":" FNR ": " what
	hits++
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
}' $files
