// Package tree parses a description of containers and their maps, in the format of uidmapviz,
// and finds errors in it:
//
//	c1      0:500000:196608
//	c1/c2   0:65536:131072
//	c1/web  u:0:1000:1
//
// A line has a container's path and a mapping inside:parent:count. The mapping is for both uids
// and gids, or b: before it says so; u: is for uids only, and g: for gids only. A container may
// have several lines, before or after those of its parent. A comment begins with #.
package tree
