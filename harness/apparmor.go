package harness

import (
	"nestbed/harness/bundle"
	"nestbed/harness/host"
	"nestbed/harness/idmap"
)

// confined tells whether the LXD in a level of a host can make no AppArmor profiles.
func confined(h *host.Host, level int) bool { return h.AppArmor && level >= idmap.Confined }

// ProfileOf is the configuration that the LXD of a level gives all its containers.
func ProfileOf(h *host.Host, level int) map[string]string {
	if !confined(h, level) {
		return nil
	}
	return map[string]string{idmap.KeyRawLXC: idmap.UnchangedProfile}
}

// denies tells whether no level starts in one that the bundle's daemon makes, unless AppArmor is told to let it.
func denies(b *bundle.Bundle) bool { return b.DeniesUserNS && bundle.MediatesUserNS() }
