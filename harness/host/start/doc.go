// Package start starts hosts of any kind: a target has a Site, and a Site starts hosts. No other
// package knows all kinds.
package start
