// Package bundle makes the root filesystem that the private host and every level run. It contains
// LXD or Incus with the programs that they need, a small init, and a sentinel file, which shows
// whether ownership survives on the way down.
//
// A bundle is made once and cached by its content, so that another version of LXD gets its own
// bundle. Making one needs root, because its files have several owners.
package bundle
