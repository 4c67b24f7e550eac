// Package vm runs a program of this module, a test binary or nestbed itself, in a virtual machine
// with its own Debian: another kernel, systemd, AppArmor, pure cgroup v2. It needs no root, and
// no network once the machine's image is made.
//
// It starts QEMU itself and does not use a test library (hugelgupf/vmtest). QEMU must end with a
// killed run, which needs a parent-death signal that such a library cannot set, and this package
// may not depend on package testing.
package vm
