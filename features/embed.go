// Package features holds the scenarios, compiled into whatever runs them, so
// that one test binary runs alone on a VM.
package features

import "embed"

// FS is the directory of the feature files.
//
//go:embed *.feature
var FS embed.FS
