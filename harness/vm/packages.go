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

// packagesSize is the size of a filesystem with packages for bundles, in bytes. They take 270 MB.
const packagesSize = 1 << 30

// A packagesDisk is a disk with the packages that Debian bundles are made from. A guest needs it,
// because it has no network.
type packagesDisk struct {
	entry string // name in the cache, here and in the guest
	file  string
}

// makePackages returns the disks for bundles of these sources, and makes those that the cache
// does not have. Guests have AppArmor enabled.
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
		dir, err := cacheEntry(ctx, cache, entry, func(ctx context.Context, dir string) error {
			return of.make(ctx, filepath.Join(dir, diskName), progress)
		})
		if err != nil {
			return nil, fmt.Errorf("packages for bundle %s: %w", s, err)
		}
		disks = append(disks, packagesDisk{entry, filepath.Join(dir, diskName)})
	}
	return disks, nil
}

// firstPackages is the letter of the first disk with packages. The image and the job come before
// it.
const firstPackages = 'c'

// mountPackages mounts the disks with packages as entries of the guest's cache.
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

// packages returns the packages of a machine: a kernel for virtual machines, systemd, AppArmor,
// LXD, and those of the programs that scenarios run.
func packages() []string {
	all := slices.Concat(
		[]string{"linux-image-cloud-amd64", "initramfs-tools", "systemd-sysv", "udev", "dbus", "apparmor", "kmod"},
		bundle.InstalledPackages(), bundle.ToolPackages(),
	)
	slices.Sort(all)
	return slices.Compact(all)
}
