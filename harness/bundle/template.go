package bundle

import "nestbed/harness/idmap"

// The configuration keys from which LXD writes files of a container before its first start.
// Pushing the files into the stopped container also works, but delays one start in three by a
// second. LXD runs a helper for the push, and the start checks whether the helper has ended only
// once per second (LXD: lxd/instance/drivers/driver_lxc.go, stopForkfile).
const (
	subUIDKey  = "user.nestbed.subuid"
	subGIDKey  = "user.nestbed.subgid"
	missingKey = "user.nestbed.missing"
)

// delimiter surrounds the text of a file in its key. LXD and Incus trim the values of keys, and a
// file may end in spaces or CR LF.
const delimiter = "[nestbed]"

// templates are the files written from keys. LXD can write an empty file but cannot leave one
// out. Files that must not exist are therefore listed in a third file, which the script leave-out
// reads before the daemon starts.
var templates = []struct{ path, key string }{
	{"/etc/subuid", subUIDKey},
	{"/etc/subgid", subGIDKey},
	{"/var/lib/nestbed/missing", missingKey},
}

// Configuration returns the keys that give a new container the delegation's files.
func Configuration(d idmap.Delegation) map[string]string {
	config := map[string]string{}
	for _, f := range []struct {
		path, key string
		file      idmap.File
	}{{"/etc/subuid", subUIDKey, d.UID}, {"/etc/subgid", subGIDKey, d.GID}} {
		if f.file.Missing {
			config[missingKey] += delimiter + f.path + "\n" + delimiter
			continue
		}
		config[f.key] = delimiter + f.file.Text + delimiter
	}
	return config
}

// ImageIDs returns the ids in every bundle's image. A distribution's own files may have further
// ids, all below 65536.
func ImageIDs() idmap.ImageIDs {
	return idmap.ImageIDs{
		OwnerUIDs: []uint32{OriginalSentinel().UID}, OwnerGIDs: []uint32{OriginalSentinel().GID},
		ACLUIDs: []uint32{OriginalACL().User}, ACLGIDs: []uint32{OriginalACL().Group},
	}
}
