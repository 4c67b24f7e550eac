// Package host is level 0: where the outermost LXD of a chain runs.
//
// Every host implements Host. Each further ability is an interface of its own, such as Execer,
// with a function that uses it, such as Exec. A Target names the kind of host that a user asks
// for.
//
// Package private makes hosts in namespaces. Package existing makes projects on an LXD that
// already runs. Package start can start both.
package host
