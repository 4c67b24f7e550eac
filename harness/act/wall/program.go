package wall

import (
	"context"
	"fmt"
	"path"
	"strings"

	"nestbed/harness"
	"nestbed/harness/internal/proc"
)

// Grant is what a program's file grants to whoever runs it.
type Grant string

// The grants.
const (
	SetUID  Grant = "setuid"     // the user id of the file's owner
	FileCap Grant = "capability" // CAP_NET_BIND_SERVICE, in security.capability
)

// netBindService is a file capability of revision 2, which the kernel writes to
// disk as revision 3, with the root of the user namespace (linux/capability.h, vfs_cap_data).
const netBindService = "0x0100000200040000000000000000000000000000"

// Program is a program in a level whose file grants something.
type Program struct {
	level *harness.Level
	chain *harness.Chain
	dir   string // in the level
}

// programName lies in dir. It is xz: a program that opens what it is told to, and
// that does not, as busybox does, give up what its file grants.
const programName = "program"

// MakeProgram makes a program of the level's root in the level; remove it.
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

// Remove removes it from its level.
func (p *Program) Remove(ctx context.Context) error {
	_, err := p.level.Exec(ctx, "rm", "-rf", p.dir)
	return err
}

// stored is the program's path in the storage of the host, level 0, or of a level above its own.
func (p *Program) stored(place int) string {
	name := ""
	for index := place + 1; index <= p.level.Index; index++ {
		name = path.Join(name, "/var/lib/lxd/storage-pools", harness.PoolName, "containers", harness.ContainerName(index), "rootfs")
	}
	return path.Join(name, p.dir, programName)
}

// Owner is the user id of the program's file in the storage of the host.
func (p *Program) Owner(ctx context.Context) (uint32, error) {
	info, err := p.chain.Host.Root().Look(ctx, p.stored(0))
	if err != nil {
		return 0, fmt.Errorf("program of level %d in the storage of the host: %w", p.level.Index, err)
	}
	return info.UID, nil
}

// Credentials are what a program runs with.
type Credentials struct {
	// UID is the effective user id, in ids of the place where the program runs.
	UID uint32
	// Capabilities are the effective ones: bit N is capability N (man 7 capabilities).
	Capabilities uint64
}

// Run runs the program, which prints its status, as user 1000 of a level or of the host, level 0. Where that is
// above the program's own level it is taken from the storage there or, with mounted,
// from the mounts of its level. The place's root opens it, as the way there is open to nobody else.
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
