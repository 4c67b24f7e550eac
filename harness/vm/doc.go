// Package vm runs a program of this module, a test binary or nestbed itself, in a virtual machine with a Debian of its own:
// another kernel, systemd, AppArmor, pure cgroup v2. It needs no root, and no network once the machine's image is made.
//
// QEMU is started by itself, not by a library for tests (hugelgupf/vmtest): what shall end with a killed run needs a
// parent-death signal, which that leaves no room for, and this package may not depend on package testing.
package vm
