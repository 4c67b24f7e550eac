package bundle

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"
)

var (
	// required are the programs without which the daemon does not start (LXD: lxd/main_daemon.go;
	// Incus: cmd/incusd/main_daemon.go), cannot unpack the bundle's image, a level cannot run, or we cannot look into it.
	required = []string{"ip", "rsync", "setfattr", "getfattr", "tar", "unsquashfs", "xz", "zstd", "busybox"}

	// shadowTools are what liblxc writes idmaps with where it finds them (liblxc: idmap_utils.c).
	shadowTools = []string{"newuidmap", "newgidmap"}

	// clientProgram is what people type.
	clientProgram = "lxc"

	// support are the directories of liblxc: configuration, hooks, and the
	// directory that it mounts a container's root on.
	support = []string{"/usr/share/lxc", "/usr/libexec/lxc", "/usr/lib/*/lxc"}

	// lxcfs makes every start fail in its mount hook unless a lxcfs daemon runs, which none does in a level.
	lxcfsConfig = "00-lxcfs.conf"

	// leftOut is of liblxc's own files what is in the way, or large and for others than LXD: for accounts
	// that are not root (man 1 lxc-user-nic), and for lxc-monitor.
	leftOut = []string{lxcfsConfig, "lxc-user-nic", "lxc-monitord"} //nolint:misspell // the program is called so
)

// Lacking are the programs that a bundle needs and this machine has not.
func Lacking() []string { return lacking(needed(lxdDaemon)) }

// installedFiles lists the files of this machine that make up the bundle:
// programs, the libraries that they load, and liblxc's own files.
func installedFiles(ctx context.Context, s Source) ([]string, error) {
	if lacking := Lacking(); len(lacking) > 0 {
		return nil, fmt.Errorf("bundle %s: this machine has no %s; run make setup, or apt-get install %s",
			s, strings.Join(lacking, ", "), strings.Join(InstalledPackages(), " "))
	}
	names := needed(lxdDaemon)
	if !s.NoShadow {
		// Both or neither, as liblxc looks for both.
		if _, err := exec.LookPath(shadowTools[0]); err == nil {
			names = append(names, shadowTools...)
		}
	}
	own := slices.Clone(support)
	if AppArmor() {
		own = append(own, apparmorSupport...)
	}
	if s.Tools {
		if lacking := LackingTools(); len(lacking) > 0 {
			return nil, fmt.Errorf("bundle %s: this machine has no %s; run make setup, or apt-get install %s",
				s, strings.Join(lacking, ", "), strings.Join(toolPackages, " "))
		}
		names = append(names, toolPrograms...)
		own = append(own, toolSupport...)
	}
	if s.Client {
		if lacking := lacking([]string{clientProgram}); len(lacking) > 0 {
			return nil, fmt.Errorf("bundle %s: this machine has no %s; run apt-get install lxd-client", s, clientProgram)
		}
		names = append(names, clientProgram)
	}
	var programs []string
	for _, name := range names {
		path, err := exec.LookPath(name)
		if err != nil {
			return nil, fmt.Errorf("bundle %s: %w; run apt-get install uidmap", s, err)
		}
		programs = append(programs, path)
	}
	libraries, err := libraries(ctx, programs)
	if err != nil {
		return nil, fmt.Errorf("bundle %s: %w", s, err)
	}
	files := slices.Concat(programs, libraries)
	for _, pattern := range own {
		dirs, err := filepath.Glob(pattern)
		if err != nil {
			return nil, err
		}
		for _, dir := range dirs {
			err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
				if err == nil && !slices.Contains(leftOut, filepath.Base(path)) {
					files = append(files, path)
				}
				return err
			})
			if err != nil {
				return nil, fmt.Errorf("bundle %s: %w", s, err)
			}
		}
	}
	slices.Sort(files)
	return slices.Compact(files), nil
}

// libraries asks the dynamic linker what the programs load, itself included.
func libraries(ctx context.Context, programs []string) ([]string, error) {
	// ldd ends with 1 as soon as one of several programs is static, as busybox is: what counts is what it prints.
	out, err := exec.CommandContext(ctx, "ldd", programs...).Output()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		return nil, err
	}
	var libs []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimSpace(line)
		if strings.HasSuffix(line, ":") || strings.HasPrefix(line, "linux-vdso") {
			continue
		}
		if name, ok := strings.CutSuffix(line, " => not found"); ok {
			return nil, fmt.Errorf("library %s: not found by ldd; install the package that holds it", name)
		}
		if _, after, ok := strings.Cut(line, " => "); ok {
			line = after
		}
		path, _, found := strings.Cut(line, " (0x")
		if found && filepath.IsAbs(path) {
			libs = append(libs, path)
		}
	}
	return libs, nil
}

// installedKey is a digest of the names, modes and contents of the files.
func installedKey(files []string) (string, error) {
	sums := make([]string, len(files))
	var g errgroup.Group
	g.SetLimit(4)
	for i, path := range files {
		g.Go(func() (err error) {
			sums[i], err = fileSum(path)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return "", err
	}
	return strings.Join(sums, "\n"), nil
}

func fileSum(path string) (sum string, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", err
	}
	if info.Mode().IsRegular() {
		sum, err = sha256Of(path)
	}
	return fmt.Sprintf("%s %s %s", path, info.Mode(), sum), err
}

func sha256Of(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	_, err = io.Copy(h, f)
	return fmt.Sprintf("%x", h.Sum(nil)), err
}

// copyInstalled copies the files to the same places under root, by way of the
// merged /usr that skeleton has laid out there.
func copyInstalled(ctx context.Context, root string, files []string) error {
	for _, path := range files {
		if err := ctx.Err(); err != nil {
			return err
		}
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			_, err = directory(root, path)
		} else {
			err = copyFile(path, root, path, info.Mode())
		}
		if err != nil {
			return fmt.Errorf("copy %s: %w", path, err)
		}
	}
	return nil
}

func copyFile(from, root, name string, mode fs.FileMode) error {
	to, err := place(root, name)
	if err != nil {
		return err
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		return errors.Join(err, out.Close())
	}
	// After the content: a write clears set-user-id, and the umask would narrow the mode given to open.
	return errors.Join(out.Chmod(mode), out.Close())
}
