// Package tree reads a description of containers and the maps that they are to
// have, in the format of uidmapviz, and finds what in it cannot work:
//
//	c1      0:500000:196608
//	c1/c2   0:65536:131072
//	c1/web  u:0:1000:1
//
// A line is a container's path and a mapping, inside:parent:count, for uids and
// gids alike or, with u: or g: before it, for one of them (b: is for both). A
// container may have several lines, before or behind those of its parent. What
// follows a # is a comment.
package tree
