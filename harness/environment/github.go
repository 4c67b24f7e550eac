package environment

import "os"

// GitHub holds what a job learns from GitHub Actions (docs, "Default environment variables").
type GitHub struct {
	// On is true in a job of GitHub Actions.
	On bool
	// Summary is the file for the job's summary, to which every step appends; "" if there is none.
	Summary string
}

// ReadGitHub reads the variables of GitHub Actions.
func ReadGitHub() GitHub {
	return GitHub{On: os.Getenv("GITHUB_ACTIONS") == "true", Summary: os.Getenv("GITHUB_STEP_SUMMARY")}
}
