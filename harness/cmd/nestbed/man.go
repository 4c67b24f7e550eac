package main

import (
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"
)

// newMan returns the verb that writes the man pages of all other verbs. It is hidden, because
// only packagers and make man use it.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:    "man DIRECTORY",
		Short:  "Write the man pages to a directory",
		Long:   "Writes one man page for nestbed and one for each of its commands to DIRECTORY, which must exist.",
		Hidden: true,
		Args:   wrongUse(cobra.ExactArgs(1)),
		RunE: func(cmd *cobra.Command, args []string) error {
			if info, err := os.Stat(args[0]); err != nil || !info.IsDir() {
				return &usageError{fmt.Errorf("man: %s is not a directory; make it first", args[0])}
			}
			root := cmd.Root()
			root.DisableAutoGenTag = true
			// The same build writes the same pages.
			date := time.Unix(0, 0).UTC()
			return doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "nestbed " + root.Version, Manual: "nestbed", Date: &date}, args[0])
		},
	}
}
