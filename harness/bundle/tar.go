package bundle

import (
	"context"
	"fmt"

	"nestbed/harness/internal/command"
)

// tarKey is the digest of the archive.
func tarKey(s Source) (string, error) {
	key, err := sha256Of(s.Arg)
	if err != nil {
		return "", fmt.Errorf("bundle %s: %w; give a tar archive of a root filesystem with LXD in it", s, err)
	}
	return key, nil
}

// makeTar unpacks the user's archive to root, with owners and extended attributes. GNU tar leaves root neither by
// names with ".." nor by way of links in the archive, which it makes last (info tar, "Integrity").
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
		return in(root, dropShadowTools)
	}
	return nil
}
