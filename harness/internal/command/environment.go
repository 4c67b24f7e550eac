package command

// Environment returns the environment of this binary when it runs itself again, and of programs on a private host. PATH has no Go:
// godog, which is in the binary of the tests, asks the go command for a directory whenever that binary starts.
func Environment() []string {
	env := []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
	if raceDetector != "" {
		env = append(env, raceDetector)
	}
	return env
}
