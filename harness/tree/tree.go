package tree

import (
	"fmt"
	"slices"
	"strings"

	"nestbed/harness/idmap"
)

// A Line is a mapping of a container, as it stands in the file.
type Line struct {
	Number int // in the file, from 1
	UID    bool
	GID    bool
	idmap.Mapping
}

// String returns the mapping as it is written in the file.
func (l Line) String() string {
	kind := ""
	switch {
	case !l.GID:
		kind = "u:"
	case !l.UID:
		kind = "g:"
	}
	return fmt.Sprintf("%s%d:%d:%d", kind, l.Inside, l.Parent, l.Count)
}

// A Container is a container of a tree.
type Container struct {
	Path  string // names joined by /: c1/c2 is c2 in c1
	Lines []Line
	// Parent is nil for a container on the host, and for a container whose parent has no line.
	Parent   *Container
	Children []*Container
	// Host is the part of its map that exists on the host, in host ids.
	Host idmap.Map

	ids *idmap.Map // cache of Map
}

// A Tree is a description of nested containers.
type Tree struct {
	File string
	// Containers are ordered by their first lines in the file.
	Containers []*Container

	byPath map[string]*Container
}

func (t *Tree) add(path string, l Line) {
	c := t.byPath[path]
	if c == nil {
		c = &Container{Path: path}
		t.byPath[path] = c
		t.Containers = append(t.Containers, c)
	}
	c.Lines, c.ids = append(c.Lines, l), nil
}

// Depth returns 1 for a container on the host.
func (c *Container) Depth() int { return strings.Count(c.Path, "/") + 1 }

// parentPath returns "" for a container on the host.
func (c *Container) parentPath() string {
	return c.Path[:max(0, strings.LastIndex(c.Path, "/"))]
}

// Map returns the container's map in parent ids.
func (c *Container) Map() idmap.Map {
	if c.ids != nil {
		return *c.ids
	}
	c.ids = &idmap.Map{}
	for _, l := range c.Lines {
		if l.UID {
			c.ids.UID = append(c.ids.UID, l.Mapping)
		}
		if l.GID {
			c.ids.GID = append(c.ids.GID, l.Mapping)
		}
	}
	return *c.ids
}

// Find returns the container with a path, or nil.
func (t *Tree) Find(path string) *Container { return t.byPath[path] }

// Chain returns the containers from the host down to c.
func (c *Container) Chain() []*Container {
	var chain []*Container
	for ; c != nil; c = c.Parent {
		chain = append(chain, c)
	}
	slices.Reverse(chain)
	return chain
}

// link sets parents, children and host ids, in whatever order the lines are.
func (t *Tree) link() {
	top := idmap.Identity()
	var place func(c *Container, host idmap.Map)
	place = func(c *Container, host idmap.Map) { // recurses at most MaxDepth levels
		if c.Host = (idmap.Map{}); len(c.Lines) <= idmap.MaxLines { // more lines are not a valid map, and would take long
			c.Host = c.Map().Compose(host)
		}
		for _, child := range c.Children {
			place(child, c.Host)
		}
	}
	for _, c := range t.Containers {
		c.Parent, c.Children = nil, nil
	}
	for _, c := range t.Containers {
		if p := t.byPath[c.parentPath()]; p != nil {
			c.Parent = p
			p.Children = append(p.Children, c)
		}
	}
	for _, c := range t.Containers {
		if c.Depth() == 1 {
			place(c, top)
		}
	}
}

// Ordered returns the containers in the order of a drawing: children after their parent,
// otherwise in the order of the file. Containers without their parent come last.
func (t *Tree) Ordered() []*Container {
	var out []*Container
	var put func(c *Container)
	put = func(c *Container) {
		out = append(out, c)
		for _, child := range c.Children {
			put(child)
		}
	}
	for _, orphans := range []bool{false, true} {
		for _, c := range t.Containers {
			if c.Parent == nil && (c.Depth() > 1) == orphans {
				put(c)
			}
		}
	}
	return out
}
