package lxdop

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	lxd "github.com/canonical/lxd/client"
)

// A Pulled file is what an LXD says of a file in a container.
type Pulled struct {
	Type     string // file, symlink or directory
	UID, GID int64
	Mode     string   // octal
	Content  string   // of a file; of a symlink where it leads
	Entries  []string // of a directory
}

// PullFile reads a file, a symlink or a directory of a container. Incus 7 answers with headers that
// LXD's client does not read (Incus: shared/api/headers.go).
func PullFile(ctx context.Context, server lxd.InstanceServer, container, path string) (p Pulled, err error) {
	where, err := filesURL(server, container, path)
	if err != nil {
		return p, err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, where, http.NoBody)
	if err != nil {
		return p, err
	}
	answer, err := server.DoHTTP(request)
	if err != nil {
		return p, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, mostAnswer))
	if err != nil {
		return p, err
	}
	if answer.StatusCode != http.StatusOK {
		return p, fmt.Errorf("pull %s: status %d: %.200s", path, answer.StatusCode, body)
	}
	header := func(name string) string {
		if value := answer.Header.Get("X-LXD-" + name); value != "" {
			return value
		}
		return answer.Header.Get("X-Incus-" + name)
	}
	p.Type, p.Mode = header("type"), header("mode")
	for name, into := range map[string]*int64{"uid": &p.UID, "gid": &p.GID} {
		if *into, err = strconv.ParseInt(header(name), 10, 64); err != nil {
			return p, fmt.Errorf("pull %s: %s: %w", path, name, err)
		}
	}
	if p.Type != "directory" {
		p.Content = string(body)
		return p, nil
	}
	var entries struct{ Metadata []string }
	err = json.Unmarshal(body, &entries)
	p.Entries = entries.Metadata
	return p, err
}

// filesURL returns the address of a file in a container.
func filesURL(server lxd.InstanceServer, container, path string) (string, error) {
	info, err := server.GetConnectionInfo()
	if err != nil {
		return "", err
	}
	query := url.Values{"path": {path}}
	for key, value := range map[string]string{"project": info.Project, "target": info.Target} {
		if value != "" {
			query.Set(key, value)
		}
	}
	return fmt.Sprintf("%s/1.0/instances/%s/files?%s", info.URL, url.PathEscape(container), query.Encode()), nil
}
