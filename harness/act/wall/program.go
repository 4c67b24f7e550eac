package wall

import (
	"context"
	"fmt"
	"path"
	"strings"

	"nestbed/harness"
	"nestbed/harness/internal/proc"
)

// Grant is a privilege that a program's file grants to its caller.
type Grant string

// The grants.
const (
	SetUID  Grant = "setuid"     // the user id of the file's owner
	FileCap Grant = "capability" // CAP_NET_BIND_SERVICE, in security.capability
)

// netBindService is a file capability of revision 2. The kernel stores it as revision 3, with the
// root id of the user namespace (linux/capability.h, vfs_cap_data).
const netBindService = "0x0100000200040000000000000000000000000000"

// Program is a program in a level whose file grants a privilege.
type Program struct {
	level *harness.Level
	chain *harness.Chain
	dir   string // in the level
}

// programName is the program's name in dir. It is a copy of xz, which opens the file that it is
// given. busybox would not do, because it drops the granted privileges.
const programName = "program"

// MakeProgram makes a program in the level that belongs to the level's root. The caller removes it
// with Remove.
func MakeProgram(ctx context.Context, c *harness.Chain, level int, grant Grant) (*Program, error) {
	l, err := c.Level(level)
	if err != nil {
		return nil, err
	}
	grants := "chmod 4755 $d/" + programName
	if grant == FileCap {
		grants = fmt.Sprintf("setfattr -n security.capability -v %s $d/%s", netBindService, programName)
	}
	out, err := l.Exec(ctx, "sh", "-ec", fmt.Sprintf(
		"d=$(mktemp -d /tmp/nestbed.XXXXXX); chmod 755 $d; cp /usr/bin/xz $d/%s; %s; echo $d", programName, grants))
	if err != nil {
		return nil, err
	}
	return &Program{level: l, chain: c, dir: strings.TrimSpace(out)}, nil
}

// Remove removes the program from its level.
func (p *Program) Remove(ctx context.Context) error {
	_, err := p.level.Exec(ctx, "rm", "-rf", p.dir)
	return err
}

// stored returns the program's path in the storage pool of the host (level 0) or of a level above
// the program's level. In its own level, it returns the plain path.
func (p *Program) stored(place int) string {
	name := ""
	for index := place + 1; index <= p.level.Index; index++ {
		name = path.Join(name, "/var/lib/lxd/storage-pools", harness.PoolName, "containers", harness.ContainerName(index), "rootfs")
	}
	return path.Join(name, p.dir, programName)
}

// Owner returns the user id of the program's file in the storage pool of the host.
func (p *Program) Owner(ctx context.Context) (uint32, error) {
	info, err := p.chain.Host.Root().Look(ctx, p.stored(0))
	if err != nil {
		return 0, fmt.Errorf("program of level %d in the storage of the host: %w", p.level.Index, err)
	}
	return info.UID, nil
}

// Credentials are the credentials of a running program.
type Credentials struct {
	// UID is the effective user id, as the place where the program runs numbers it.
	UID uint32
	// Capabilities are the effective capabilities: bit N is capability N (man 7 capabilities).
	Capabilities uint64
}

// Run runs the program as user 1000 of the host (level 0) or of a level and returns its
// credentials, which the program reads from /proc/self/status. Above the program's own level, Run
// takes the file from the storage pool there or, with mounted, from the mounts of the program's
// level. Root of the place opens the file, because nobody else can reach it.
func (p *Program) Run(ctx context.Context, place int, mounted bool) (Credentials, error) {
	file := p.stored(place)
	if mounted {
		pid, err := pidAt(p.level, place)
		if err != nil {
			return Credentials{}, err
		}
		file = fmt.Sprintf("/proc/%d/root%s/%s", pid, p.dir, programName)
	}
	out, err := shell(ctx, p.chain, place, fmt.Sprintf(
		"set -e; exec 3<%s; nsenter -S 1000 -G 1000 /proc/self/fd/3 -c /proc/self/status | xz -dc", file))
	if err != nil {
		return Credentials{}, err
	}
	status, err := proc.ParseStatus(out)
	return Credentials{UID: status.UID, Capabilities: status.Effective}, err
}
