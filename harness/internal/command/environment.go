package command

// Path is the PATH of programs that nestbed runs: root's PATH on Debian.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment returns the environment of this binary when it runs itself again, and of programs
// on a private host. Its PATH does not find Go, because godog, which is part of the test
// binary, would otherwise run the go command at every start.
func Environment() []string {
	env := []string{"PATH=" + Path}
	if raceDetector != "" {
		env = append(env, raceDetector)
	}
	return env
}
