package classify

import (
	"regexp"
	"slices"
	"strings"

	"nestbed/harness/idmap"
)

// A rule finds a reason by the words of LXD, liblxc, the kernel or a program in a container. It
// must match Incus and both spellings of LXD (since 6.8: "does not" for "doesn't", "Failed
// X-ing" for "Failed to X").
type rule struct {
	reason idmap.Reason
	// op is the operation in which it happens, if it can be only one.
	op idmap.Op
	// words are for Reason and for Explain, also only for Explain. They must not change how the
	// harness classifies its own failures.
	words, also []pattern
	// except is text of another program's lines that match words.
	except []string
	// context has words of LXD, Incus or liblxc. Explain wants one of them in the line if other
	// programs use the same words.
	context []string
	// rawIDMap is true if Explain wants raw.idmap to be mentioned anywhere in its text.
	rawIDMap bool

	what   string  // what happened, in one sentence
	causes []Cause // the most likely first
	// study computes facts from the text of the line and those that continue it, and puts the
	// cause that they show first. It returns where the part of the text ends that it has used.
	study func(text string, in input, f *Finding) (end int)
}

// A Cause is what can lead to a reason, and how to fix it.
type Cause struct {
	Cause string `json:"cause"`
	// Versions says which versions it is about, if not about all.
	Versions string `json:"versions,omitempty"`
	Fix      []Fix  `json:"fix"`
	// Source has scenarios ("features/FILE: NAME"), public threads, and files of LXD, Incus,
	// liblxc or the kernel.
	Source []string `json:"source"`
}

// A Fix is something to do, in words or as a command. For is LXD, Incus, Proxmox or LXC if it is
// only for that one. A name in capital letters stands for the user's own.
type Fix struct {
	For     string `json:"for,omitempty"`
	Text    string `json:"text,omitempty"`
	Command string `json:"command,omitempty"`
}

// do returns a fix in words.
func do(text string) Fix { return Fix{Text: text} }

// run returns a fix by a command, for one container manager or, with "", for all.
func run(who, command string) Fix { return Fix{For: who, Command: command} }

// set returns the commands that set a key of a container.
func set(setting string) []Fix {
	return []Fix{run("LXD", "lxc config set NAME "+setting), run("Incus", "incus config set NAME "+setting)}
}

// nesting is how the managers allow containers in a container.
func nesting() []Fix {
	return append(set("security.nesting=true"), run("Proxmox", "pct set ID -features nesting=1"),
		Fix{For: "LXC", Text: "add to its config: lxc.include = /usr/share/lxc/config/nesting.conf"},
		do("Then restart the container: the flag adds mounts only at its start."))
}

// A pattern is a regular expression with the text that it begins with. Most lines do not have
// that text, which is fast to see.
type pattern struct {
	prefix string
	*regexp.Regexp
}

// words compiles expressions. Each must begin with literal text.
func words(expressions ...string) []pattern {
	var all []pattern
	for _, e := range expressions {
		re := regexp.MustCompile(e)
		prefix, _ := re.LiteralPrefix()
		all = append(all, pattern{prefix, re})
	}
	return all
}

// find returns where the pattern matches a line first, as regexp does.
func (p pattern) find(line string) []int {
	if !strings.Contains(line, p.prefix) {
		return nil
	}
	return p.FindStringIndex(line)
}

// matches reports whether the harness finds the reason in a text.
func (r rule) matches(text string) bool {
	return !containsAny(text, r.except) && slices.ContainsFunc(r.words, func(p pattern) bool { return p.find(text) != nil })
}

// findLine returns the first line of a log that matches, without the space around it, or "".
func (r rule) findLine(log string) string {
	for line := range strings.Lines(log) {
		if r.matches(line) {
			return strings.TrimSpace(line)
		}
	}
	return ""
}

// explains returns where a line of unknown origin matches, or nil.
func (r rule) explains(line string) []int {
	if containsAny(line, r.except) {
		return nil
	}
	for _, patterns := range [][]pattern{r.words, r.also} {
		for _, p := range patterns {
			at := p.find(line)
			if at == nil {
				continue
			}
			if len(r.context) > 0 && !containsAny(line, r.context) {
				return nil
			}
			return at
		}
	}
	return nil
}

func containsAny(text string, words []string) bool {
	return slices.ContainsFunc(words, func(word string) bool { return strings.Contains(text, word) })
}
