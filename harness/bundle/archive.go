package bundle

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"nestbed/harness/internal/command"
)

// giveSnap says what to do if a file is not LXD's snap.
const giveSnap = "give LXD's snap, as snap download lxd writes it"

// snapKey returns the SHA-256 of the snap, and the key of the files that its bundle takes from this
// machine.
func snapKey(ctx context.Context, s Source) (string, error) {
	snap, err := sha256Of(s.Arg)
	if err != nil {
		return "", fmt.Errorf("bundle %s: %w; %s", s, err, giveSnap)
	}
	s.Client = false // the snap has its own
	files, err := filesBeside(ctx, s, lxdDaemon)
	if err != nil {
		return "", err
	}
	machine, err := installedKey(files)
	return snap + "\n" + machine, err
}

// makeSnap unpacks LXD and its libraries from the snap, and puts them into root with what this
// machine has beside an LXD. The snap's own start script is not used: it needs snapd, and gives LXD
// a subid file of its own (LXD's snap: snapcraft/commands/daemon.start).
func makeSnap(ctx context.Context, root string, s Source) error {
	dir := filepath.Join(filepath.Dir(root), "snap")
	defer os.RemoveAll(dir)
	// No Go library in use here reads a squashfs.
	unpack := command.New(ctx, "unsquashfs", "-quiet", "-no-progress", "-no-xattrs", "-dest", dir, s.Arg, "bin/lxd", "bin/lxc", "lib")
	if out, err := unpack.CombinedOutput(); err != nil {
		return fmt.Errorf("bundle %s: not a snap: unsquashfs: %w: %s; %s", s, err, lastLine(string(out)), giveSnap)
	}
	programs := filepath.Join(dir, "bin")
	if !isProgram(filepath.Join(programs, lxdDaemon)) {
		return fmt.Errorf("bundle %s: it has no program bin/lxd; %s", s, giveSnap)
	}
	// The directories in which the snap's LXD finds libraries (LXD's snap:
	// snapcraft/commands/daemon.start).
	libraries := []string{filepath.Join(dir, "lib")}
	more, err := filepath.Glob(filepath.Join(dir, "lib/*-linux-gnu*"))
	if err != nil {
		return err
	}
	b, err := readBuild(ctx, s, programs, append(libraries, more...)...)
	if err != nil {
		return err
	}
	return b.fill(ctx, root)
}

// tarKey returns the SHA-256 of the archive.
func tarKey(s Source) (string, error) {
	key, err := sha256Of(s.Arg)
	if err != nil {
		return "", fmt.Errorf("bundle %s: %w; give a tar archive of a root filesystem with LXD in it", s, err)
	}
	return key, nil
}

// makeTar unpacks the user's archive into root, with owners and extended attributes. GNU tar does
// not write outside of root: it rejects names with "..", and it makes symlinks last (info tar,
// "Integrity").
func makeTar(ctx context.Context, root string, s Source) error {
	unpack := command.New(ctx, "tar", "--extract", "--numeric-owner", "--xattrs", "--xattrs-include=*",
		"--file", s.Arg, "--force-local", "--directory", root)
	if out, err := unpack.CombinedOutput(); err != nil {
		return fmt.Errorf("bundle %s: unpack: %w: %s", s, err, lastLine(string(out)))
	}
	if err := checkPrograms(root, s); err != nil {
		return err
	}
	if s.NoShadow {
		return withRoot(root, dropShadowTools)
	}
	return nil
}
