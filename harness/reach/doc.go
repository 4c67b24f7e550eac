// Package reach reads files, ids and processes of the host and of its levels, and connects to sockets there, above all those of the
// LXD inside.
//
// A Root reaches through /proc where this process may enter the root directory of the level (direct.go). Elsewhere it reaches through
// LXD exec (tunnel.go): the LXD above starts a relay in the level (relaystart.go, execconn.go; package relay), through which the LXD
// inside is dialed, so that the relay of the next level goes through this one. Both give ids as the host sees them.
package reach
