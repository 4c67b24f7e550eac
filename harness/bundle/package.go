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

// Where dpkg keeps what it knows (man 1 dpkg-query, --admindir): a stanza a package, and of each the names of its files.
const (
	dpkgStatus = "var/lib/dpkg/status"
	dpkgInfo   = "var/lib/dpkg/info"
)

// daemonPackages are Debian's packages that a daemon may be of.
var daemonPackages = []string{"lxd", "incus-base", "incus"}

// packageOf is the package that a program in a root filesystem is of, with its version: "lxd 5.0.2-5+b1". It tells
// versions apart that call themselves the same, as Debian 12's LXD and Debian 13's do. Empty
// where no package of the daemons' has put the program there.
func packageOf(r *inroot.Root, program string) (string, error) {
	status, err := r.ReadFile(dpkgStatus, inroot.TextLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // no Debian
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
		// With a merged /usr, one file has both names.
		short := strings.TrimPrefix(program, "/usr")
		if slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool { return line == short || line == "/usr"+short }) {
			return name + " " + version, nil
		}
	}
	return "", nil
}

// readStatus reads the versions of those of the named packages that are installed (man 5 deb-control; dpkg's status
// adds the field Status, whose third word is the package's state).
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
