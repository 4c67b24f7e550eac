package bundle

import "nestbed/harness/idmap"

// The configuration keys that files of a container are written from, by LXD,
// before it starts for the first time. (A file pushed into the stopped container
// does as well, but one start in three is then a second late: LXD starts a helper
// for the push, and when the container starts it looks once whether the helper
// has ended, and again after a second. LXD: lxd/instance/drivers/driver_lxc.go, stopForkfile.)
const (
	subUIDKey = "user.nestbed.subuid"
	subGIDKey = "user.nestbed.subgid"
	missing   = "user.nestbed.missing"
)

// edge stands before and behind a file's text in its key, as LXD and Incus trim
// the values of keys: a file may well end in CR LF, or in a line of spaces.
const edge = "[nestbed]"

// templates are the files that come from keys. LXD can write an empty file but not
// leave one out, so the files that must not be there are listed in another, for
// the script leave-out, which is run before the LXD inside.
var templates = []struct{ path, key string }{
	{"/etc/subuid", subUIDKey},
	{"/etc/subgid", subGIDKey},
	{"/usr/lib/nestbed/missing", missing},
}

// Configuration is what makes a new container have the delegation's files.
func Configuration(d idmap.Delegation) map[string]string {
	config := map[string]string{}
	for _, f := range []struct {
		path, key string
		file      idmap.File
	}{{"/etc/subuid", subUIDKey, d.UID}, {"/etc/subgid", subGIDKey, d.GID}} {
		if f.file.Missing {
			config[missing] += edge + f.path + "\n" + edge
			continue
		}
		config[f.key] = edge + f.file.Text + edge
	}
	return config
}

// ImageIDs are the ids in every bundle's image, beside those of a distribution's own files, which are all below 65536.
func ImageIDs() idmap.ImageIDs {
	return idmap.ImageIDs{
		OwnerUIDs: []uint32{AsMade().UID}, OwnerGIDs: []uint32{AsMade().GID},
		ACLUIDs: []uint32{ACLAsMade().User}, ACLGIDs: []uint32{ACLAsMade().Group},
	}
}
