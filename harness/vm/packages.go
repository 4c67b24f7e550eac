package vm

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"

	"nestbed/harness/bundle"
)

// packagesSize is that of a filesystem with packages that bundles are made of, in bytes; they take 270 MB.
const packagesSize = 1 << 30

// packagesDisk has what bundles of Debian's are made of, for a guest, which has no network to fetch it from.
type packagesDisk struct {
	entry string // its name in the cache, here and in the guest
	file  string
}

// makePackages gives the disks for bundles of these sources, from the cache where it has them. AppArmor is in force in a guest.
func makePackages(ctx context.Context, cache string, sources []bundle.Source, progress func(string)) ([]packagesDisk, error) {
	var disks []packagesDisk
	for _, s := range sources {
		if s.Kind != bundle.Debian {
			continue
		}
		entry, packages := bundle.Packages(s, true)
		if slices.ContainsFunc(disks, func(d packagesDisk) bool { return d.entry == entry }) {
			continue
		}
		of := debian{suite: s.Arg, packages: packages, size: packagesSize, what: "packages for bundles"}
		dir, err := made(ctx, cache, entry, func(ctx context.Context, dir string) error {
			return of.make(ctx, filepath.Join(dir, diskName), progress)
		})
		if err != nil {
			return nil, fmt.Errorf("packages for bundle %s: %w", s, err)
		}
		disks = append(disks, packagesDisk{entry, filepath.Join(dir, diskName)})
	}
	return disks, nil
}

// firstPackages is the letter of the first disk with packages, after the image's and the job's.
const firstPackages = 'c'

// mountPackages makes entries of the guest's cache of its disks with packages.
func mountPackages(entries []string) error {
	for i, entry := range entries {
		device, dir := "/dev/vd"+string(rune(firstPackages+i)), filepath.Join(bundle.Store{}.Path(), entry)
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		if err := unix.Mount(device, dir, "ext4", unix.MS_RDONLY, ""); err != nil {
			return fmt.Errorf("mount %s with %s: %w", device, entry, err)
		}
	}
	return nil
}

// packages are what a machine has beside Debian's essential ones: a kernel for virtual machines, systemd, AppArmor, LXD and
// all that the scenarios run.
func packages() []string {
	all := slices.Concat(
		[]string{"linux-image-cloud-amd64", "initramfs-tools", "systemd-sysv", "udev", "dbus", "apparmor", "kmod"},
		bundle.InstalledPackages(), bundle.ToolPackages(),
	)
	slices.Sort(all)
	return slices.Compact(all)
}
