package bundle

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/textproto"
	"slices"
	"strings"

	"nestbed/harness/internal/inroot"
)

// The files of dpkg's database (man 1 dpkg-query, --admindir): a stanza for each package, and for
// each package a list of its files.
const (
	dpkgStatus = "var/lib/dpkg/status"
	dpkgInfo   = "var/lib/dpkg/info"
)

// daemonPackages are the Debian packages that may contain the daemon.
var daemonPackages = []string{"lxd", "incus-base", "incus"}

// packageOf returns the Debian package that contains a program, with its version, such as "lxd
// 5.0.2-5+b1". It distinguishes daemons that report the same version, as Debian 12's and Debian
// 13's LXD do. It returns "" if no package in daemonPackages contains the program.
func packageOf(r *inroot.Root, program string) (string, error) {
	status, err := r.ReadFile(dpkgStatus, inroot.TextLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // not Debian
	}
	if err != nil {
		return "", err
	}
	installed, err := readStatus(bytes.NewReader(status), daemonPackages)
	if err != nil {
		return "", fmt.Errorf("%s: %w", dpkgStatus, err)
	}
	for _, name := range daemonPackages {
		version, is := installed[name]
		if !is {
			continue
		}
		text, err := r.ReadFile(dpkgInfo+"/"+name+".list", inroot.TextLimit)
		if err != nil {
			return "", err
		}
		// With a merged /usr, both names are the same file.
		short := strings.TrimPrefix(program, "/usr")
		if slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool { return line == short || line == "/usr"+short }) {
			return name + " " + version, nil
		}
	}
	return "", nil
}

// readStatus returns the versions of the named packages that are installed (man 5 deb-control).
// The third word of dpkg's field Status is the package's state.
func readStatus(r io.Reader, names []string) (map[string]string, error) {
	versions := map[string]string{}
	stanzas := textproto.NewReader(bufio.NewReader(r))
	for {
		stanza, err := stanzas.ReadMIMEHeader()
		if name := stanza.Get("Package"); slices.Contains(names, name) && strings.HasSuffix(stanza.Get("Status"), " installed") {
			versions[name] = stanza.Get("Version")
		}
		if errors.Is(err, io.EOF) {
			return versions, nil
		}
		if err != nil {
			return nil, err
		}
	}
}
