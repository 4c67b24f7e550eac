package bundle

import (
	"os"
	"strings"
)

// distribution returns ID and VERSION_CODENAME of /etc/os-release (man 5 os-release).
func distribution() (id, codename string) {
	text, err := os.ReadFile("/etc/os-release")
	if err != nil {
		return "this system", ""
	}
	for line := range strings.Lines(string(text)) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		value = strings.Trim(value, `"'`)
		switch key {
		case "ID":
			id = value
		case "VERSION_CODENAME":
			codename = value
		}
	}
	return id, codename
}
