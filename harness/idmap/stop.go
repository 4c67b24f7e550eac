package idmap

import "fmt"

// An Op is an operation that creates or changes a level.
type Op string

// The operations, in the order in which a level is created. The LXD of the level above performs
// them.
const (
	OpStorage Op = "storage" // create the pool and the profile in the LXD above
	OpNetwork Op = "network" // create the bridge in the LXD above, if the level is to be connected to one
	OpImport  Op = "import"  // import the image into the LXD above
	OpCreate  Op = "create"  // create the container from the image
	OpStart   Op = "start"   // start the container
	OpReady   Op = "ready"   // wait until the LXD inside answers

	// OpConfigure changes the configuration of an existing container.
	OpConfigure Op = "configure"
	// OpReplace replaces the LXD inside a level by another version.
	OpReplace Op = "replace"
)

// A Reason is the cause of a failure: one of a closed list, never text from LXD.
type Reason string

// The reasons. None means that nothing fails. Unclassified is a failure that matches no rule;
// it always comes with LXD's own error.
const (
	None              Reason = ""
	NoAllocation      Reason = "no allocation"
	OutsideParent     Reason = "allocation outside the parent"
	SubIDMalformed    Reason = "subid file malformed"
	UIDGIDDisagree    Reason = "uid and gid disagree"
	ShadowRefused     Reason = "refused by newuidmap"
	ConfigRefused     Reason = "configuration refused"
	RawIDMapMalformed Reason = "raw.idmap malformed"
	RawIDMapOverlaps  Reason = "raw.idmap overlaps the allocation"
	IsolatedExhausted Reason = "isolated range exhausted"
	MapInvalid        Reason = "idmap invalid"
	ImageIDsUnmapped  Reason = "ids of the image not mapped"
	NestingNotAllowed Reason = "nesting not allowed"
	DepthLimit        Reason = "depth limit of the kernel"
	CgroupUnsupported Reason = "cgroup layout unsupported"
	ProfileRefused    Reason = "AppArmor profile refused"
	UserNSDenied      Reason = "user namespaces denied"
	ProjectForbids    Reason = "forbidden by the project"
	ProjectLimit      Reason = "limit of the project"
	DiskFull          Reason = "disk full"
	NotOnBtrfs        Reason = "not on btrfs"
	DaemonDied        Reason = "LXD does not run"
	ConnectionLost    Reason = "connection lost"
	MemberDown        Reason = "member down"
	DatabaseNewer     Reason = "database of a newer version"
	TimedOut          Reason = "timed out"
	KeyQuota          Reason = "kernel key quota"
	InotifyQuota      Reason = "inotify quota"
	AppArmorDenied    Reason = "denied by AppArmor"
	MachineSetting    Reason = "setting of the machine"
	IDUnmapped        Reason = "id not mapped"
	IdmappedMounts    Reason = "idmapped mounts unsupported"
	StorageDenied     Reason = "storage denied"
	ProgramMissing    Reason = "program missing"
	Unclassified      Reason = "unclassified"
)

// Reasons returns every reason except None.
func Reasons() []Reason {
	return []Reason{
		NoAllocation, OutsideParent, SubIDMalformed, UIDGIDDisagree, ShadowRefused,
		ConfigRefused, RawIDMapMalformed, RawIDMapOverlaps, IsolatedExhausted, MapInvalid, ImageIDsUnmapped, NestingNotAllowed,
		DepthLimit, CgroupUnsupported, ProfileRefused, UserNSDenied, ProjectForbids, ProjectLimit, DiskFull, NotOnBtrfs, DaemonDied, ConnectionLost, MemberDown, DatabaseNewer, TimedOut,
		KeyQuota, InotifyQuota, AppArmorDenied, MachineSetting, IDUnmapped, IdmappedMounts, StorageDenied, ProgramMissing, Unclassified,
	}
}

// ParseReason parses a reason as it is written in scenarios.
func ParseReason(text string) (Reason, error) {
	for _, r := range Reasons() {
		if string(r) == text {
			return r, nil
		}
	}
	return None, fmt.Errorf("reason %q: not known; the reasons are %q", text, Reasons())
}

// Ops returns every operation.
func Ops() []Op {
	return []Op{OpStorage, OpNetwork, OpImport, OpCreate, OpStart, OpReady, OpConfigure, OpReplace}
}

// ParseOp parses an operation as it is written in scenarios.
func ParseOp(text string) (Op, error) {
	for _, o := range Ops() {
		if string(o) == text {
			return o, nil
		}
	}
	return "", fmt.Errorf("operation %q: not known; the operations are %q", text, Ops())
}

// A Stop is the point at which a chain fails: Op fails for Level, because of Reason. The levels
// above Level are up.
type Stop struct {
	Level  int    `json:"level"`
	Op     Op     `json:"op"`
	Reason Reason `json:"reason"`
}

// String returns for example "level 2, create: no allocation", or "none" for a nil Stop.
func (s *Stop) String() string {
	if s == nil {
		return "none"
	}
	return fmt.Sprintf("level %d, %s: %s", s.Level, s.Op, s.Reason)
}
