package idmap

import "fmt"

// Op is an operation in the making of a level, in the order they happen.
type Op string

// The operations. A level is made by the LXD of the level above it.
const (
	OpStorage Op = "storage" // pool and profile made in the LXD above
	OpImport  Op = "import"  // image imported into the LXD above
	OpCreate  Op = "create"  // container created from the image
	OpStart   Op = "start"   // container started
	OpReady   Op = "ready"   // the LXD inside answers

	// OpConfigure is a change of the configuration of a container that is there.
	OpConfigure Op = "configure"
)

// Reason is why a level cannot be made: a closed list, never a text of LXD's.
type Reason string

// The reasons. None means that nothing stands in the way; Unclassified is a
// failure that no rule knows, always given together with LXD's own words.
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
	TimedOut          Reason = "timed out"
	Unclassified      Reason = "unclassified"
)

// Reasons lists every reason but None.
func Reasons() []Reason {
	return []Reason{
		NoAllocation, OutsideParent, SubIDMalformed, UIDGIDDisagree, ShadowRefused,
		ConfigRefused, RawIDMapMalformed, RawIDMapOverlaps, IsolatedExhausted, MapInvalid, ImageIDsUnmapped, NestingNotAllowed,
		DepthLimit, CgroupUnsupported, ProfileRefused, UserNSDenied, ProjectForbids, ProjectLimit, DiskFull, NotOnBtrfs, DaemonDied, ConnectionLost, MemberDown, TimedOut, Unclassified,
	}
}

// ParseReason reads a reason as it is written in scenarios.
func ParseReason(text string) (Reason, error) {
	for _, r := range Reasons() {
		if string(r) == text {
			return r, nil
		}
	}
	return None, fmt.Errorf("reason %q: not known; the reasons are %q", text, Reasons())
}

// Ops lists every operation.
func Ops() []Op { return []Op{OpStorage, OpImport, OpCreate, OpStart, OpReady, OpConfigure} }

// ParseOp reads an operation as it is written in scenarios.
func ParseOp(text string) (Op, error) {
	for _, o := range Ops() {
		if string(o) == text {
			return o, nil
		}
	}
	return "", fmt.Errorf("operation %q: not known; the operations are %q", text, Ops())
}

// Stop is the point that a chain does not get past: Level cannot be made, Op is
// what fails, Reason is why. The levels above it are up.
type Stop struct {
	Level  int    `json:"level"`
	Op     Op     `json:"op"`
	Reason Reason `json:"reason"`
}

// String reads "level 2, create: no allocation"; the nil Stop, "none".
func (s *Stop) String() string {
	if s == nil {
		return "none"
	}
	return fmt.Sprintf("level %d, %s: %s", s.Level, s.Op, s.Reason)
}
