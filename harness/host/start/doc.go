// Package start starts hosts of any kind: a target has a Site, and a Site starts hosts with what a
// chain Needs. No other package knows all kinds.
package start
