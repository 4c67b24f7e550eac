// Package relay reaches into a level through the standard input and output of one program that runs there, nestbed-relay: it
// connects to the unix sockets of the level, such as that of its LXD, and reads its files. All that needs is a way
// to start the program with a pipe to each side, as LXD's exec gives one.
//
// Many things go over the one pipe at the same time, as streams of yamux. Each begins with a Request and an Answer, both of them
// JSON behind their length. What follows is the content of a file, or the bytes to and from a socket.
package relay
