// Package reach reads files, ids and processes of the host and of its levels, and connects to
// sockets there, mainly those of LXD.
//
// A Root uses /proc if this process may enter the root directory of the level (direct.go).
// Otherwise it uses LXD exec (tunnel.go): the LXD above starts a relay in the level
// (relaystart.go, execconn.go; package relay). The relay connects to the LXD inside, which starts
// the relay of the next level. Both ways return host ids.
package reach
