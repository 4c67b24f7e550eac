// Package relay reaches into a level through the standard input and output of nestbed-relay, a
// program that runs there. It connects to the Unix sockets of the level, such as that of its LXD,
// and reads its files. The program only needs a pipe each way, as LXD exec provides.
//
// Many requests share the pipe as streams of yamux. Each stream begins with a Request and an
// Answer, both as JSON after their length. Then follows the content of a file, or the bytes to and
// from a socket.
package relay
