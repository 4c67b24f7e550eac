// Package host is level 0: where the outermost LXD of a chain runs.
//
// Host is what every host implements. What only some of them can do is an interface of its own, such as Execer, and a function that asks a
// host for it, such as Exec. Target names the kind that somebody asks for.
//
// Package private makes hosts in namespaces, package existing makes projects on an LXD that already runs, and package start knows both.
package host
