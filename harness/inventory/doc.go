// Package inventory finds out what this machine has for hosts, by trying where that is possible: requirements, and room for levels and
// chains.
package inventory
