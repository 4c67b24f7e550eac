// Package inventory checks what this machine offers: the requirements of hosts and bundles, the
// room for levels, and the number of chains at a time. Where possible it tries.
package inventory
