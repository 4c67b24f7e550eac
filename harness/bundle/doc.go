// Package bundle makes the root filesystem that the private host and every
// level run: a LXD or an Incus with what it needs, a small init, and a sentinel
// file that shows whether ownership survives the way down.
//
// A bundle is made once and cached by content; a changed LXD makes a new one.
// Making one needs root, because the files in it belong to several ids.
package bundle
