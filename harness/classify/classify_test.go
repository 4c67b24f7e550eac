package classify

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"pgregory.net/rapid"

	"nestbed/harness/idmap"
)

// These are literal messages of LXD, liblxc, the kernel and Incus.
const (
	oldNoIDs = "Failed creating instance record: Failed initialising instance: Invalid config: " +
		"LXD doesn't have a uid/gid allocation. In this mode, only privileged containers are supported"
	newNoIDs = "Failed creating instance record: Failed initialising instance: Invalid config: " +
		"LXD does not have a uid/gid allocation. In this mode, only privileged containers are supported"
	incusNoIDs = "Failed creating instance record: Failed initializing instance: Invalid config: " +
		"No uid/gid allocation configured. In this mode, only privileged containers are supported"
	incusNoIDsAtStart = "Failed to get ID map: System doesn't have a functional idmap setup"
	incus60NoIDs      = "Failed creating instance record: Failed initializing instance: System doesn't have a functional idmap setup"

	oldStart = "Failed to run: /usr/bin/lxd forkstart c2 /var/lib/lxd/containers /var/log/lxd/c2/lxc.conf: exit status 1"
	newStart = "Failed running: /usr/bin/lxd forkstart c2 /var/lib/lxd/containers /var/log/lxd/c2/lxc.conf: exit status 1"

	incusStart = "Failed to run: /usr/libexec/incus/incusd forkstart c2 /var/lib/lxd/containers /var/lib/lxd/run/c2/lxc.conf: exit status 1"

	// unpackerDenied ends before the parser's text for the kernel's error.
	unpackerDenied = "Failed creating instance from image: Unpack failed: Failed to start extract: Failed to load profile: Failed to run: apparmor_parser -rWL " +
		"/var/lib/lxd/security/apparmor/cache /var/lib/lxd/security/apparmor/profiles/lxd_archive-var-lib-lxd-storage-pools-default-containers-c3: " +
		`exit status 243 (apparmor_parser: Unable to replace "lxd_archive-var-lib-lxd-storage-pools-default-containers-c3".  `

	onlyPrivileged = `time="2026-08-22T10:00:00Z" level=warning msg="Only privileged containers will be able to run"`
)

// lxcLog returns a container's log with the given line among others, which appear with any
// failure and also without one.
func lxcLog(line string) string {
	const before = `lxc c2 20260822100000.100 TRACE    commands - ../src/lxc/commands.c:lxc_server_init:2131 - Created abstract unix socket "/var/lib/lxd/containers/c2/command"
lxc c2 20260822100000.101 ERROR    cgfsng - ../src/lxc/cgroups/cgfsng.c:cgfsng_mount:2131 - No such file or directory - Failed to create cgroup at_mnt 32()
lxc c2 20260822100000.102 ERROR    cgroup2_devices - ../src/lxc/cgroups/cgroup2_devices.c:bpf_program_load_kernel:332 - Operation not permitted - Failed to load bpf program: (null)
lxc c2 20260822100000.103 WARN     idmap_utils - ../src/lxc/idmap_utils.c:lxc_map_ids:165 - newuidmap binary is missing
`
	const after = `lxc c2 20260822100000.200 ERROR    sync - ../src/lxc/sync.c:sync_wait:34 - An error occurred in another process (expected sequence number 4)
lxc c2 20260822100000.201 ERROR    start - ../src/lxc/start.c:__lxc_start:2107 - Failed to spawn container "c2"
`
	return before + "  lxc c2 20260822100000.150 ERROR    x - ../src/lxc/x.c:x:1 - " + line + "\n" + after
}

func TestAFailureIsClassifiedByItsWords(t *testing.T) {
	for name, c := range map[string]struct {
		err    string
		log    string // a line of the container's log; empty if the error has the words
		reason idmap.Reason
	}{
		"the kernel's depth": {
			oldStart, "No space left on device - Failed to clone a new set of namespaces", idmap.DepthLimit,
		},
		"the kernel's depth, new wording": {
			newStart, "No space left on device - Failed to clone a new set of namespaces", idmap.DepthLimit,
		},
		"AppArmor denies mounts without security.nesting": {
			newStart, `Permission denied - Failed to mount "/var/lib/lxd/storage-pools/default/containers/c2/rootfs" onto "/usr/lib/x86_64-linux-gnu/lxc/rootfs"`,
			idmap.NestingNotAllowed,
		},
		"an LXD may not load a profile for its unpacker": {
			unpackerDenied + "apparmor_parser: Access denied. You need policy admin privileges to manage profiles.)",
			"", idmap.ProfileRefused,
		},
		"the same with Debian 12's parser": {
			unpackerDenied + "Permission denied; attempted to load a profile while confined?)",
			"", idmap.ProfileRefused,
		},
		"liblxc changes to a missing profile": {
			newStart, "Invalid argument - Failed to change AppArmor profile to unconfined", idmap.ProfileRefused,
		},
		"user namespaces denied by AppArmor": {
			newStart, "Permission denied - Failed to clone a new set of namespaces", idmap.UserNSDenied,
		},
		"user namespaces denied by a sysctl": {
			oldStart, "Operation not permitted - Failed to clone a new set of namespaces", idmap.UserNSDenied,
		},
		"newuidmap refuses": {
			oldStart, `newuidmap failed to write mapping "newuidmap: uid range [0-65536) -> [327680-393216) not allowed": newuidmap PID 0 327680 65536`,
			idmap.ShadowRefused,
		},
		"newgidmap refuses": {
			newStart, `newgidmap failed to write mapping "newgidmap: gid range [0-65536) -> [1000000-1065536) not allowed": newgidmap PID 0 1000000 65536`,
			idmap.ShadowRefused,
		},
		"newuidmap writes an invalid map": {
			oldStart, `newgidmap failed to write mapping "newgidmap: write to gid_map failed: Invalid argument": newgidmap 83 0 5 5 0 9 9`, idmap.MapInvalid,
		},
		"liblxc writes an invalid map": {oldStart, `Invalid argument - Failed to write gid mapping to "/proc/81/gid_map"`, idmap.MapInvalid},
		"an ACL with ids outside the map": {
			"Failed to handle idmapped storage: invalid argument - Failed to change ACLs on /var/lib/lxd/containers/c1/rootfs/usr/lib/nestbed/sentinel", "", idmap.ImageIDsUnmapped,
		},
		"a raw.idmap with a sign":                       {"Load go-lxc struct: Failed to set LXC config: lxc.idmap=u 10 10 -4", "", idmap.MapInvalid},
		"isolated, without room":                        {"Failed creating instance record: Failed initialising instance: Failed creating container(c1): Not enough uid/gid available for the container", "", idmap.IsolatedExhausted},
		"raw.idmap with an id of the allocation":        {"Failed creating instance record: Failed initialising instance: Host id is in the range of subids", "", idmap.RawIDMapOverlaps},
		"raw.idmap with an id of the allocation, Incus": {"Failed initializing instance: Host ID is in the range of subids", "", idmap.RawIDMapOverlaps},
		"raw.idmap of another kind":                     {`Failed initialising instance: Invalid ID map type "uids 1 2"`, "", idmap.RawIDMapMalformed},
		"raw.idmap without a number":                    {`Failed creating instance record: Failed initialising instance: strconv.ParseInt: parsing "": invalid syntax`, "", idmap.RawIDMapMalformed},
		"raw.idmap with ranges that differ":             {`The ID map ranges are of different sizes "uid 1-2 3"`, "", idmap.RawIDMapMalformed},
		"a size that is not a number":                   {`Invalid value for uint32 "-1": strconv.ParseUint: parsing "-1": invalid syntax`, "", idmap.ConfigRefused},
		"a key of cgroup v1 in raw.lxc, for liblxc 7":   {`Failed to load config file "/tmp/incus_config_2103699324": loading config file for the container failed`, "", idmap.ConfigRefused},
		"a base and isolation, since Incus 7.0.2":       {`Failed creating instance record: security.idmap.base can't be used with security.idmap.isolated`, "", idmap.ConfigRefused},
		"privileged, if LXD refuses that":               {`Failed creating instance record: Failed initialising instance: Invalid config: LXD was configured to only allow unprivileged containers`, "", idmap.ConfigRefused},
		"newuidmap refuses, Incus": {
			incusStart, `newuidmap failed to write mapping "newuidmap: uid range [0-1000000000) -> [1000000-1001000000) not allowed": newuidmap 85 0 1000000 1000000000`,
			idmap.ShadowRefused,
		},
		"newuidmap finds no subid file": {
			incusStart, `newuidmap failed to write mapping "": newuidmap 83 0 1000000 1000000000`, idmap.ShadowRefused,
		},
		"outside the parent, at newuidmap's write": {
			incusStart, `newuidmap failed to write mapping "newuidmap: write to uid_map failed: Operation not permitted": newuidmap 80 0 65536 131073`,
			idmap.OutsideParent,
		},
		"outside of any host": {
			incusStart, `newuidmap failed to write mapping "newuidmap: subuid overflow detected.": newuidmap 84 0 4294900000 196608`,
			idmap.MapInvalid,
		},
		"outside the parent, at newgidmap's write": {
			incusStart, `newgidmap failed to write mapping "newgidmap: write to gid_map failed: Operation not permitted": newgidmap 80 0 65536 131073`,
			idmap.OutsideParent,
		},
		"only uids": {oldStart, "Invalid argument - Failed to switch to gid 0", idmap.UIDGIDDisagree},
		"only gids": {newStart, "Invalid argument - Failed to switch to uid 0", idmap.UIDGIDDisagree},
		"no nesting, proc": {
			oldStart, `Operation not permitted - Failed to mount "proc" on "/usr/lib/x86_64-linux-gnu/lxc/rootfs/proc" with flags 14`,
			idmap.NestingNotAllowed,
		},
		"no nesting, proc, with lxcfs": {
			newStart, `Permission denied - Failed to mount "proc" on "/usr/lib/x86_64-linux-gnu/lxc/rootfs/proc" with flags 14`,
			idmap.NestingNotAllowed,
		},
		"no nesting, sysfs": {oldStart, `Permission denied - Failed to mount "sysfs" on "/rootfs/sys" with flags 14`, idmap.NestingNotAllowed},
		"no nesting, privileged parent": {
			"Daemon failed to setup shared mounts base. Does security.nesting need to be turned on?", "", idmap.NestingNotAllowed,
		},
		"no nesting, privileged parent, new wording": {
			"Daemon failed setting up shared mounts base. Does security.nesting need to be turned on?", "", idmap.NestingNotAllowed,
		},
		"cgroups, Incus": {
			"Failed to run: /usr/libexec/incus/incusd forkstart c3: exit status 1",
			"Operation not supported - Failed to mount cgroups - unsupported cgroup layout", idmap.CgroupUnsupported,
		},
		"outside the parent, at the shift": {
			"Failed to handle idmapped storage: Failed to change ownership of: /var/lib/lxd/storage-pools/default/containers/c2/rootfs",
			"", idmap.OutsideParent,
		},
		"outside the parent, at the shift, new wording": {
			`Failed handling idmapped storage: Failed changing ownership of: "/var/lib/lxd/storage-pools/default/containers/c2/rootfs"`,
			"", idmap.OutsideParent,
		},
		"outside the parent, at the map": {
			newStart, `Operation not permitted - Failed to write uid mapping to "/proc/4711/uid_map"`, idmap.OutsideParent,
		},
		"cgroups, a liblxc that supports only v2, on a host with v1": {
			incusStart, "No space left on device - Failed to enter cgroup 26", idmap.CgroupUnsupported,
		},
		"cgroups, an older liblxc": {oldStart, "Operation not permitted - Failed to mount cgroups", idmap.CgroupUnsupported},
		"cgroups, older yet":       {newStart, "No such file or directory - Unsupported CGroup setup", idmap.CgroupUnsupported},
		"the disk is full": {
			"Unpack failed: Failed to run: tar: write error: No space left on device", "", idmap.DiskFull,
		},
		"no room to unpack": {
			"Failed creating instance from image: Unable to unpack image, run out of disk space", "", idmap.DiskFull,
		},
		"killed in an operation": {"websocket: close 1006 (abnormal closure): unexpected EOF", "", idmap.DaemonDied},
		"killed in an answer":    {"operation f2aee059-e0a1-454c-8542-40f3a7de6ebc: read LXD's answer (200 OK): unexpected EOF", "", idmap.DaemonDied}, // LXD 6.2
		"killed in a request":    {`Get "http://unix.socket/1.0": EOF`, "", idmap.DaemonDied},
		"no daemon listens": {
			`Get "http://unix.socket/1.0": dial unix /proc/self/fd/35/var/lib/lxd/unix.socket: connect: connection refused`, "", idmap.DaemonDied,
		},
		"the quota is used up":         {"Failed creating file: Disk quota exceeded", "", idmap.DiskFull},
		"the quota of keys is used up": {oldStart, "Disk quota exceeded - Failed to create kernel keyring", idmap.KeyQuota},
		"an OCI container in a level": {
			"run the OCI container: runc create failed: unable to start container process: can't get final child's PID from pipe: EOF", "", idmap.Unclassified,
		},
		"a restricted project": {
			`Failed checking if instance creation allowed: Invalid value "true" for config "security.nesting" on container "c2" of project "default": ` +
				"Container nesting is forbidden", "", idmap.ProjectForbids,
		},
		"a project's limit": {
			`Failed checking if instance creation allowed: Reached maximum aggregate value "200MiB" for "limits.memory" in project "default"`, "", idmap.ProjectLimit,
		},
		"a missing part of a project's limit": {
			`Failed checking if instance creation allowed: Failed getting usage of project entities: Instance "c2" in project "default" has no "limits.memory" config, ` +
				"either directly or via a profile", "", idmap.ProjectLimit,
		},
		"a map that overlaps itself, in a cut line": {
			"Failed to run: /usr/libexec/incus/incusd forklxc beside-new1 ...: exit status 1",
			`lxc beside-new1 20261130162342.832 ERROR    idmap_utils - ../src/lxc/idmap_utils.c:lxc_map_ids:245 - newuidmap failed to write mapping "newuidmap: write to uid_map faile": newuidmap 148 0 500000 65536 0 565536 131072`,
			idmap.MapInvalid,
		},
		"ids that the parent does not have, in a cut line": {
			"Failed to run: exit status 1",
			`newgidmap failed to write mapping "newgidmap: write to gid_map faile": newgidmap 148 0 500000 65536`,
			idmap.OutsideParent,
		},
		"ids that newuidmap refuses, in a cut line": {
			"Failed to run: exit status 1",
			`newuidmap failed to write mapping "newuidmap: uid range [0-65536) ->": newuidmap 148 0 800000 65536`,
			idmap.ShadowRefused,
		},
		"an older LXD": {
			"Error: Error creating database: schema version '43' is more recent than expected '42'", "", idmap.DatabaseNewer,
		},
		"a pool on btrfs in a directory": {
			"Provided path does not reside on a btrfs filesystem (detected ext4)", "", idmap.NotOnBtrfs,
		},
	} {
		t.Run(name, func(t *testing.T) {
			var e Evidence
			var want []string
			if c.log != "" {
				e.LXCLog = lxcLog(c.log)
				want = []string{"lxc c2 20260822100000.150 ERROR    x - ../src/lxc/x.c:x:1 - " + c.log}
			}
			reason, lines := Reason(errors.New(c.err), e)
			assert.Equal(t, c.reason, reason)
			assert.Equal(t, want, lines, "the matching line, without its indentation")

			// Most errors arrive wrapped.
			reason, _ = Reason(fmt.Errorf("start: %w", fmt.Errorf("start: %w", errors.New(c.err))), e)
			assert.Equal(t, c.reason, reason)
		})
	}
}

func TestAnyLogGivesAReasonThatIsListed(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := rapid.SampledFrom([]string{
			"Failed ", "to change ", "changing ", "ownership of", "\n", "\r\n", "Permission denied - ", "newuidmap: ", "uid range [) -> [) not allowed",
			"No space left on device", " - Failed to clone a new set of namespaces", "\x00", "\xff", "LXD does not have a uid/gid allocation", "x",
		})
		text := func(name string) string { return strings.Join(rapid.SliceOfN(word, 0, 12).Draw(t, name), "") }
		reason, lines := Reason(errors.New(text("error")), Evidence{DaemonLog: text("daemon"), LXCLog: text("lxc"), IDMap: text("idmap")})
		assert.Contains(t, idmap.Reasons(), reason)
		assert.LessOrEqual(t, len(lines), 10)
	})
}

func TestGIDsOutsideTheParentAreClassifiedLikeUIDs(t *testing.T) {
	// liblxc: idmap_utils.c, "Failed to write %cid mapping".
	reason, _ := Reason(errors.New(oldStart), Evidence{
		LXCLog: lxcLog(`Operation not permitted - Failed to write gid mapping to "/proc/4711/gid_map"`),
	})
	assert.Equal(t, idmap.OutsideParent, reason)
}

func TestAWarningAboutKeysHidesNoOtherReason(t *testing.T) {
	keys := Evidence{LXCLog: lxcLog("Disk quota exceeded - Failed to create kernel keyring")}
	for said, want := range map[string]idmap.Reason{
		"tar: write error: No space left on device":                idmap.DiskFull,
		"websocket: close 1006 (abnormal closure): unexpected EOF": idmap.DaemonDied,
		oldStart: idmap.KeyQuota,
	} {
		reason, _ := Reason(errors.New(said), keys)
		assert.Equal(t, want, reason, said)
	}
}
