// Package features embeds the feature files, so that a test binary needs no other files in a
// virtual machine.
package features

import "embed"

// FS contains the feature files.
//
//go:embed *.feature
var FS embed.FS
