package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"nestbed/harness/bundle"
)

// debian describes a Debian whose filesystem is made in a file, without root.
type debian struct {
	suite    string
	packages []string
	overlay  string // a directory whose files are added; "" if none
	size     uint64 // of the filesystem, in bytes; the file is sparse
	what     string // for progress messages
	// archived, if set, is called with the Debian as a tar archive.
	archived func(archive string) error
}

// make makes the file. It also uses that directory for temporary files, which it removes.
func (d debian) make(ctx context.Context, disk string, progress func(string)) error {
	root, archive := filepath.Join(filepath.Dir(disk), "root"), filepath.Join(filepath.Dir(disk), "root.tar")
	if err := os.Mkdir(root, 0o755); err != nil {
		return err
	}
	for _, step := range []struct {
		what string
		do   func() error
	}{
		{"packages", func() error { return d.archive(ctx, archive) }},
		{"files", func() error {
			if d.archived != nil {
				if err := d.archived(archive); err != nil {
					return err
				}
			}
			// Without devices: the guest's kernel makes its own, and only root can make them
			// here.
			return asRoot(ctx, "tar", "--extract", "--file", archive, "--directory", root, "--numeric-owner", "--preserve-permissions",
				"--xattrs", "--xattrs-include=*", "--exclude=./dev/*")
		}},
		// With a journal, although it is never replayed: without one, ext4 creates files slowly
		// (see host, memoryHasRoom).
		{"disk", func() error {
			return asRoot(ctx, "mke2fs", "-q", "-t", "ext4", "-m", "0", "-d", root, disk, fmt.Sprintf("%dk", d.size>>10))
		}},
		{"", func() error { return asRoot(ctx, "rm", "-r", "-f", root, archive) }},
	} {
		if progress != nil && step.what != "" {
			progress(fmt.Sprintf("making %s of Debian %s, once: %s", d.what, d.suite, step.what))
		}
		if err := step.do(); err != nil {
			return err
		}
	}
	return nil
}

func (d debian) archive(ctx context.Context, to string) error {
	options := []string{"--format=tar"}
	if d.overlay != "" {
		options = append(options, "--customize-hook=sync-in "+d.overlay+" /")
	}
	return runCommand(bundle.Mmdebstrap(ctx, d.suite, d.packages, to, options...))
}
