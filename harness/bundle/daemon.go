package bundle

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime/debug"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle/dpkg"
	"nestbed/harness/idmap"
	"nestbed/harness/internal/command"
	"nestbed/harness/internal/inroot"
)

// The names of the daemons' programs. The skeleton's script lxd starts them by the same names.
const (
	lxdDaemon   = "lxd"
	incusDaemon = "incusd"
)

// daemonOf returns the name of the daemon in a root filesystem: incusd if only Incus is there,
// else lxd, even if neither is there.
func daemonOf(r *inroot.Root) string {
	if !hasProgram(r, lxdDaemon) && hasProgram(r, incusDaemon) {
		return incusDaemon
	}
	return lxdDaemon
}

// OpenProgram opens the program of the bundle's daemon, and returns its path in the bundle.
func (b *Bundle) OpenProgram() (path string, program *os.File, err error) {
	err = withRoot(b.Root(), func(r *inroot.Root) error {
		path, err = FindProgram(r, daemonOf(r))
		if err == nil {
			program, err = r.OpenFile(path, unix.O_RDONLY)
		}
		return err
	})
	return path, program, err
}

// daemonPackages are the Debian packages that may contain the daemon.
var daemonPackages = []string{"lxd", "incus-base", "incus"}

// distinguish returns what distinguishes a daemon from others of the same version: the package
// that its program in root comes from, which the dpkg database in another root filesystem names, or
// what the program says of its build.
func distinguish(database, root *inroot.Root, program string) (string, error) {
	name, err := dpkg.PackageOf(database, root, program, daemonPackages...)
	if err != nil || name != "" {
		return name, err
	}
	return buildOf(root, program)
}

// buildOf returns what the daemon's program says of its build: "revision 5664de1b6e1f", with
// ", modified" if its checkout was, or "module v0.0.0-20241209155119-76da976c6ee7". It returns ""
// if the program says nothing, as Debian's.
func buildOf(r *inroot.Root, program string) (string, error) {
	f, err := r.OpenFile(program, unix.O_RDONLY)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := buildinfo.Read(f)
	if err != nil {
		return "", nil //nolint:nilerr // not a Go program, such as a wrapper script
	}
	return describe(info), nil
}

// describe returns what buildOf returns.
func describe(info *debug.BuildInfo) string {
	set := map[string]string{}
	for _, s := range info.Settings {
		set[s.Key] = s.Value
	}
	if revision := set["vcs.revision"]; revision != "" {
		revision = "revision " + revision[:min(12, len(revision))] // as in the versions of Go modules
		if set["vcs.modified"] == "true" {
			revision += ", modified"
		}
		return revision
	}
	for _, m := range append(info.Deps, &info.Main) {
		if strings.HasPrefix(info.Path+"/", m.Path+"/") && strings.HasPrefix(m.Version, "v") {
			return "module " + m.Version
		}
	}
	return ""
}

// flavorOf returns the flavor of a daemon of this name and version.
func flavorOf(daemon, version string) idmap.Flavor {
	if daemon == incusDaemon {
		return idmap.Incus.At(version)
	}
	return idmap.LXD.At(version)
}

// needed returns the programs that a bundle with the daemon needs.
func needed(daemon string) []string {
	return withAppArmor(append([]string{daemon}, required...), apparmorParser, apparmorExec)
}

// facts are the properties of a bundle that saveFacts determines once, when the bundle is made.
type facts struct {
	Daemon                  string       `json:"daemon"`
	Version                 string       `json:"version"`
	Package                 string       `json:"package"`
	TestsWithEmptyNamespace bool         `json:"emptyTrial"`
	OnlyCgroup2             bool         `json:"onlyCgroup2"`
	DeniesUserNS            bool         `json:"deniesUserNS"`
	ShadowTools             bool         `json:"shadowTools"`
	Shadow                  idmap.Shadow `json:"shadow,omitempty"`
	WholeFingerprint        string       `json:"wholeFingerprint"`
	ThinFingerprint         string       `json:"thinFingerprint,omitempty"`
}

func (b *Bundle) factsFile() string { return filepath.Join(b.dir, "facts.json") }

// saveFacts determines the facts of a bundle and saves them. It runs the daemon in the bundle for
// its version, which also shows that no library is missing. The dpkg database in the root
// filesystem packages knows the packages of the programs.
func (b *Bundle) saveFacts(ctx context.Context, packages string) error {
	r, err := inroot.Open(b.Root())
	if err != nil {
		return err
	}
	defer r.Close()
	daemon := daemonOf(r)
	cmd := command.New(ctx, "/bin/busybox", "sh", "-c", "mount -t proc proc /proc && exec "+daemon+" --version")
	// Only this command sees the proc that it mounts.
	cmd.SysProcAttr.Chroot, cmd.SysProcAttr.Unshareflags = b.Root(), unix.CLONE_NEWNS
	cmd.Dir = "/"
	cmd.Env = []string{"PATH=/" + strings.Join(programDirs, ":/")}
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("its %s does not run: %w: %s", daemon, err, lastLine(string(out)))
	}
	found := facts{Daemon: daemon, Version: string(bytes.TrimSpace(out)), ShadowTools: hasShadowTools(r)}
	program, err := FindProgram(r, daemon)
	if err != nil {
		return err
	}
	err = withRoot(packages, func(d *inroot.Root) (err error) {
		if found.Package, err = distinguish(d, r, program); err == nil {
			found.Shadow, err = findShadow(d, r)
		}
		return err
	})
	if err != nil {
		return err
	}
	if found.TestsWithEmptyNamespace, err = testsWithEmptyNamespace(r); err != nil {
		return err
	}
	if found.OnlyCgroup2, err = onlyCgroup2(r); err != nil {
		return err
	}
	if found.DeniesUserNS, err = deniesUserNS(r, program); err != nil {
		return err
	}
	found.WholeFingerprint, found.ThinFingerprint = b.Whole.Fingerprint, b.Thin.Fingerprint
	text, err := json.Marshal(found)
	if err != nil {
		return err
	}
	return os.WriteFile(b.factsFile(), text, 0o600)
}

// loadFacts reads the facts that saveFacts saved.
func (b *Bundle) loadFacts() error {
	text, err := os.ReadFile(b.factsFile())
	var found facts
	if err == nil {
		err = json.Unmarshal(text, &found)
	}
	if err != nil {
		return fmt.Errorf("bundle %s: %s: %w; as root, remove %s to make it again", b.Source, b.factsFile(), err, b.dir)
	}
	b.LXD, b.Package, b.TestsWithEmptyNamespace, b.OnlyCgroup2 = found.Version, found.Package, found.TestsWithEmptyNamespace, found.OnlyCgroup2
	b.DeniesUserNS, b.ShadowTools, b.Shadow = found.DeniesUserNS, found.ShadowTools, found.Shadow
	b.Whole = Image{Path: b.wholeFile(), Fingerprint: found.WholeFingerprint}
	if found.ThinFingerprint != "" {
		b.Thin = Image{Path: b.thinFile(), Fingerprint: found.ThinFingerprint}
	}
	b.Flavor = flavorOf(found.Daemon, b.LXD)
	return nil
}

// testsWithEmptyNamespace reports whether the daemon tests for idmapped mounts with an empty user
// namespace. The version does not show it: Debian's 5.0.2+git20231211 has the fix, 5.0.2 does
// not. A fixed daemon writes a map, and setgroups before it. Neither daemon contains this text
// for any other reason.
func testsWithEmptyNamespace(r *inroot.Root) (bool, error) {
	for _, dir := range programDirs {
		program, err := r.ReadFile(path.Join(dir, daemonOf(r)), programLimit)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		return !bytes.Contains(program, []byte("/proc/%d/setgroups")), err
	}
	return false, nil // cannot happen: saveFacts has just run it
}

// libraryDirs are the directories that hold liblxc, directly or in a directory per architecture.
var libraryDirs = []string{"usr/lib", "usr/lib64", "usr/local/lib"}

// onlyCgroup2 reports whether liblxc supports only cgroup v2. It searches liblxc for the message
// about cgroup v1 (liblxc: cgroups/cgroup.c, cgroup_init), which 7.0 no longer has.
func onlyCgroup2(r *inroot.Root) (bool, error) {
	for _, dir := range libraryDirs {
		below, err := r.Names(dir)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return false, err
		}
		for _, name := range append(below, ".") {
			library := path.Join(dir, name, "liblxc.so.1")
			content, err := r.ReadFile(library, programLimit)
			if errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENOTDIR) {
				continue
			}
			return !bytes.Contains(content, []byte("Legacy cgroup layout")), err
		}
	}
	return false, nil // linked into the program, or elsewhere
}
