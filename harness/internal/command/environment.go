package command

// Path is the PATH of programs that nestbed runs: that of root on Debian.
const Path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

// Environment returns the environment of this binary when it runs itself again, and of programs on a private host. PATH has no Go:
// godog, which is in the binary of the tests, asks the go command for a directory whenever that binary starts.
func Environment() []string {
	env := []string{"PATH=" + Path}
	if raceDetector != "" {
		env = append(env, raceDetector)
	}
	return env
}
