package postmortem

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/canonical/lxd/shared/api"
	"github.com/moby/sys/mountinfo"

	"nestbed/harness/bundle"
	"nestbed/harness/classify"
	"nestbed/harness/internal/excerpt"
	"nestbed/harness/reach"
)

// How many lines a diagnosis quotes at most.
const (
	daemonLines = 8
	mountLines  = 80
)

// addContainer adds what the LXD above knows about a level's container, which need not run.
func (p *Place) addContainer(ctx context.Context, above *reach.Root, made answer) {
	config := Part{Title: "configuration", Err: made.err}
	if i := slices.IndexFunc(made.containers, func(c api.Instance) bool { return c.Name == p.Name }); i >= 0 {
		config.Text = describeConfig(made.containers[i])
	} else if made.err == nil {
		config.Text = "none: the LXD above has no container of that name"
	}
	var err error
	p.LXCLog, err = read(ctx, func() (string, error) { return readLXCLog(ctx, above, p.Name) })
	log := Part{Title: "lxc.log, decisive lines", Text: strings.Join(classify.Decisive(p.LXCLog), "\n"), Err: err}
	if p.LXCLog == "" && err == nil {
		log.Text = "none: it was never started"
	}
	p.Parts = append(p.Parts, config, log)
}

// readLXCLog reads a container's log at the path of LXD or of Incus. It asks no LXD, as that may
// hang.
func readLXCLog(ctx context.Context, above *reach.Root, name string) (string, error) {
	for _, dir := range []string{"/var/log/lxd", "/var/lib/lxd/logs"} {
		log, err := above.ReadFile(ctx, filepath.Join(dir, name, "lxc.log"))
		if !errors.Is(err, fs.ErrNotExist) {
			return withoutSecrets(string(log)), err
		}
	}
	return "", nil
}

// addInside adds what is in the host or a level. pid is that of its init, in its own /proc.
func (p *Place) addInside(ctx context.Context, root *reach.Root, pid string) {
	for _, file := range []string{"/etc/subuid", "/etc/subgid"} {
		p.Parts = append(p.Parts, part(ctx, file, func() (string, error) {
			text, err := root.ReadFile(ctx, file)
			if errors.Is(err, fs.ErrNotExist) {
				return "missing", nil
			}
			return string(text), err
		}))
	}
	var err error
	p.DaemonLog, err = read(ctx, func() (string, error) {
		log, err := root.ReadFile(ctx, "/var/log/lxd.log")
		return withoutSecrets(string(log)), err
	})
	p.Parts = append(p.Parts, Part{"end of LXD's log", strings.Join(excerpt.Tail(p.DaemonLog, daemonLines), "\n"), err})
	if said, err := read(ctx, func() ([]byte, error) { return root.ReadFile(ctx, bundle.StderrFile) }); err == nil {
		if more := notLogged(withoutSecrets(string(said)), p.DaemonLog); more != "" {
			p.Parts = append(p.Parts, Part{Title: "end of LXD's standard error", Text: strings.Join(excerpt.Tail(more, daemonLines), "\n")})
		}
	}
	readFile := func(path string) ([]byte, error) { return root.ReadFile(ctx, path) }
	if p.Level == 0 {
		readFile = os.ReadFile
	}
	p.Parts = append(p.Parts,
		part(ctx, "mounts", func() (string, error) {
			text, err := readFile(filepath.Join("/proc", pid, "mountinfo"))
			if err != nil {
				return "", err
			}
			return mounts(text)
		}),
		part(ctx, "cgroup", func() (string, error) {
			text, err := readFile(filepath.Join("/proc", pid, "cgroup"))
			return joinCgroups(string(text)), err
		}))
}

// notLogged returns the lines of an output that are not in the log. LXD also writes its log to the
// output, and a panic only there.
func notLogged(output, log string) string {
	logged := map[string]bool{}
	for line := range strings.Lines(log) {
		logged[strings.TrimSpace(line)] = true
	}
	var b strings.Builder
	for line := range strings.Lines(output) {
		if !logged[strings.TrimSpace(line)] {
			b.WriteString(line)
		}
	}
	return b.String()
}

// mounts lists the mounts in the text of a mountinfo file.
func mounts(text []byte) (string, error) {
	all, err := mountinfo.GetMountsFromReader(bytes.NewReader(text), nil)
	var lines []string
	for _, m := range all {
		lines = append(lines, fmt.Sprintf("%s: %s of %s, %s", m.Mountpoint, m.FSType, m.Source, m.Options))
	}
	return strings.Join(excerpt.Shorten(lines, mountLines), "\n"), err
}

// joinCgroups puts hierarchies with the same path into one line; cgroup v1 has a dozen of them.
func joinCgroups(text string) string {
	var paths []string
	controllers := map[string][]string{}
	for line := range strings.Lines(text) {
		fields := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(fields) != 3 {
			continue
		}
		path, name := fields[2], fields[1]
		if name == "" {
			name = "v2"
		}
		if controllers[path] == nil {
			paths = append(paths, path)
		}
		controllers[path] = append(controllers[path], name)
	}
	var lines []string
	for _, path := range paths {
		lines = append(lines, path+" ("+strings.Join(controllers[path], " ")+")")
	}
	return strings.Join(lines, "\n")
}
