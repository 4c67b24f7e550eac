package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"nestbed/harness/idmap"
	"nestbed/harness/owners"
	"nestbed/harness/printable"
)

// imageCheck is what check --image prints, as text and as JSON.
type imageCheck struct {
	owners.Image
	// Own are the ids of the level, and Missing the owners that it does not have.
	Own     idmap.Map      `json:"own"`
	Missing []owners.Owner `json:"missing"`
	// Needs is the number of ids that a level needs for the image, from 0 on.
	Needs uint64 `json:"needs"`
}

// checkImage compares the owners of an image's files with the ids of a level: those of --own, or
// one block.
func (f checkFlags) checkImage(cmd *cobra.Command) error {
	own := idmap.Map{UID: []idmap.Mapping{{Count: idmap.Block}}, GID: []idmap.Mapping{{Count: idmap.Block}}}
	if f.own != "" {
		var err error
		if own, err = f.ownMap(); err != nil {
			return err
		}
	}
	file, err := os.Open(f.image)
	if err != nil {
		return &usageError{err}
	}
	defer file.Close()
	image, err := owners.Read(file)
	if err != nil {
		return fmt.Errorf("image %s: %w; give an OCI archive, or a tar of a root filesystem", f.image, err)
	}
	c := compareOwners(image, own)
	if f.json {
		err = writeJSON(cmd.OutOrStdout(), c)
	} else {
		err = c.write(cmd.OutOrStdout(), filepath.Base(f.image))
	}
	if err == nil && len(c.Missing) > 0 {
		err = fmt.Errorf("image %s: a level with these ids does not have all its owners", f.image)
	}
	return err
}

func compareOwners(image owners.Image, own idmap.Map) imageCheck {
	c := imageCheck{Image: image, Own: own, Missing: []owners.Owner{}}
	for _, o := range image.Owners {
		ids := own.UID
		if o.Kind == "gid" {
			ids = own.GID
		}
		c.Needs = max(c.Needs, o.ID+1)
		if _, has := idmap.Up(ids, uint32(min(o.ID, idmap.MaxID+1))); !has {
			c.Missing = append(c.Missing, o)
		}
	}
	return c
}

func (c imageCheck) write(w io.Writer, name string) error {
	fmt.Fprintf(w, "%s: %d files; the highest id is %d\n", printable.Line(name), c.Files, max(c.Needs, 1)-1)
	if len(c.Missing) == 0 {
		_, err := fmt.Fprintln(w, "the level has all owners")
		return err
	}
	const most = 20
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for i, o := range c.Missing {
		if i == most {
			fmt.Fprintf(t, "and %d more\n", len(c.Missing)-most)
			break
		}
		fmt.Fprintf(t, "missing\t%s %d\tfiles: %d\t%s\n", o.Kind, o.ID, o.Files, printable.Line(o.First))
	}
	if c.Needs <= idmap.MaxID {
		fmt.Fprintf(t, "fix: give the level %d ids (nestbed plan --needs %d), or change these owners in the image\n", c.Needs, c.Needs-1)
	} else {
		fmt.Fprintf(t, "fix: change these owners in the image: ids end at %d\n", uint32(idmap.MaxID))
	}
	return t.Flush()
}
