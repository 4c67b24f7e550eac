package inventory

import (
	"errors"
	"testing"
	"testing/fstest"

	"github.com/stretchr/testify/assert"
	"golang.org/x/sys/unix"
)

func TestTheManagerOfAContainerIsKnownByWhatItLeavesInside(t *testing.T) {
	const inside = "pid:[4026532281]"
	with := func(paths ...string) fstest.MapFS {
		root := fstest.MapFS{}
		for _, path := range paths {
			root[path] = &fstest.MapFile{}
		}
		return root
	}
	for want, got := range map[string]manager{
		"none: this is no container": managerOf(with(".dockerenv"), initialPidNamespace, "container=docker\x00"),
		"LXD":                        managerOf(with("dev/lxd/sock"), inside, "container=lxc\x00"),
		"Incus":                      managerOf(with("dev/incus/sock", "dev/lxd/sock"), inside, ""), // Incus keeps LXD's path as a link
		"Docker":                     managerOf(with(".dockerenv"), inside, ""),
		"Podman":                     managerOf(with("run/.containerenv"), inside, "container=podman\x00"),
		"LXC, such as Proxmox":       managerOf(with(), inside, "TERM=linux\x00container=lxc\x00"),
		"systemd-nspawn":             managerOf(with(), inside, "container=systemd-nspawn"),
		"unknown":                    managerOf(with(), inside, ""),
	} {
		assert.Equal(t, want, got.name)
		assert.NotEmpty(t, got.open)
	}
}

func TestBothSysctlsOfAppArmorCount(t *testing.T) {
	of := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }
	r := userNSRestrictions(fstest.MapFS{"apparmor_restrict_unprivileged_userns": of("0\n"), "apparmor_restrict_unprivileged_unconfined": of("1\n")})
	assert.False(t, r.OK)
	assert.Equal(t, "apparmor_restrict_unprivileged_unconfined is 1", r.Found)
	assert.Equal(t, "sysctl -w kernel.apparmor_restrict_unprivileged_unconfined=0, on the host", r.Fix)
	assert.True(t, userNSRestrictions(fstest.MapFS{}).OK, "a kernel without AppArmor")
}

func TestAUsedUpQuotaIsMissing(t *testing.T) {
	r := tried("kernel keys", "more", func() error { return unix.EDQUOT })
	assert.False(t, r.OK)
	assert.Equal(t, "disk quota exceeded", r.Found)
	assert.Equal(t, "more", r.Fix)
	assert.NoError(t, errors.Join(addKey(), inotify()))
}
