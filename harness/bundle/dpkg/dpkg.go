// Package dpkg reads the database of dpkg in a root filesystem.
package dpkg

import (
	"bufio"
	"bytes"
	"crypto/md5" //nolint:gosec // dpkg has no other sums
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/textproto"
	"slices"
	"strings"

	"golang.org/x/sys/unix"

	"nestbed/harness/internal/inroot"
)

// The files of the database (man 1 dpkg-query, --admindir): a stanza for each package, and for
// each package a list of its files and their MD5 sums (man 5 deb-md5sums).
const (
	statusFile = "var/lib/dpkg/status"
	infoDir    = "var/lib/dpkg/info"
)

// fileLimit is the largest size, in bytes, of a file that is compared with its package's.
const fileLimit = 1 << 30

// PackageOf returns the first of the named packages that a file of root comes from, with its
// version, such as "lxd 5.0.2-5+b1". The packages are those of the root filesystem database, which
// may be another one. It returns "" if the file comes from none of them, which is also so if
// somebody has replaced the package's file, or if there is no such database.
func PackageOf(database, root *inroot.Root, file string, names ...string) (string, error) {
	status, err := database.ReadFile(statusFile, inroot.TextLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // not Debian
	}
	if err != nil {
		return "", err
	}
	installed, err := readStatus(bytes.NewReader(status), names)
	if err != nil {
		return "", fmt.Errorf("%s: %w", statusFile, err)
	}
	for _, name := range names {
		version, is := installed[name]
		if !is {
			continue
		}
		text, err := database.ReadFile(infoDir+"/"+name+".list", inroot.TextLimit)
		if err != nil {
			return "", err
		}
		// With a merged /usr, both names are the same file.
		short := strings.TrimPrefix(file, "/usr")
		if !slices.ContainsFunc(strings.Split(string(text), "\n"), func(line string) bool { return line == short || line == "/usr"+short }) {
			continue
		}
		is, err = isUnchanged(database, root, name, file)
		if err != nil || !is {
			return "", err
		}
		return name + " " + version, nil
	}
	return "", nil
}

// isUnchanged reports whether a file of root has the MD5 sum that its package gives. A package
// without sums counts as unchanged.
func isUnchanged(database, root *inroot.Root, name, file string) (bool, error) {
	sums, err := database.ReadFile(infoDir+"/"+name+".md5sums", inroot.TextLimit)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	} else if err != nil {
		return false, err
	}
	short := strings.TrimPrefix(file, "/usr")
	for line := range strings.Lines(string(sums)) {
		sum, path, _ := strings.Cut(strings.TrimSpace(line), "  ")
		if "/"+path != short && "/"+path != "/usr"+short {
			continue
		}
		f, err := root.OpenFile(file, unix.O_RDONLY)
		if err != nil {
			return false, err
		}
		defer f.Close()
		h := md5.New() //nolint:gosec // dpkg has no other sums
		_, err = io.Copy(h, io.LimitReader(f, fileLimit))
		return fmt.Sprintf("%x", h.Sum(nil)) == sum, err
	}
	return true, nil
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
