package bundle

import (
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestParseSourceReadsEveryKind(t *testing.T) {
	for text, want := range map[string]Source{
		"installed":                       {Kind: Installed},
		"installed,no-newuidmap":          {Kind: Installed, NoShadow: true},
		"debian:trixie":                   {Kind: Debian, Arg: "trixie"},
		"debian:bookworm,no-newuidmap":    {Kind: Debian, Arg: "bookworm", NoShadow: true},
		"debian:trixie-backports":         {Kind: Debian, Arg: "trixie-backports"},
		"debian:sid2":                     {Kind: Debian, Arg: "sid2"},
		"debian:trixie/incus":             {Kind: Debian, Arg: "trixie", Incus: true},
		"debian:sid/incus,no-newuidmap":   {Kind: Debian, Arg: "sid", Incus: true, NoShadow: true},
		"debian:trixie,with-systemd":      {Kind: Debian, Arg: "trixie", Systemd: true},
		"debian:trixie,with-engines":      {Kind: Debian, Arg: "trixie", Engines: true},
		"debian:sid/incus,with-engines":   {Kind: Debian, Arg: "sid", Incus: true, Engines: true},
		"debian:sid/incus,with-migration": {Kind: Debian, Arg: "sid", Incus: true, Migration: true},
		"debian:a/incus,with-tools,with-client,with-migration,no-newuidmap": {
			Kind: Debian, Arg: "a", Incus: true, Tools: true, Client: true, Migration: true, NoShadow: true,
		},
		"dir:/srv/root":                  {Kind: Dir, Arg: "/srv/root"},
		"dir:/srv/root,no-newuidmap":     {Kind: Dir, Arg: "/srv/root", NoShadow: true},
		"dir:/srv/../srv//root/":         {Kind: Dir, Arg: "/srv/root"},
		"dir:/":                          {Kind: Dir, Arg: "/"},
		"dir:/a:b, c":                    {Kind: Dir, Arg: "/a:b, c"},
		"dir:/srv/incus":                 {Kind: Dir, Arg: "/srv/incus"}, // its daemon is known once it is read
		"module:lxd":                     {Kind: Module, Arg: "lxd"},
		"snap:/srv/lxd_33110.snap":       {Kind: Snap, Arg: "/srv/lxd_33110.snap"},
		"tar:/srv/root.tar.zst":          {Kind: Tar, Arg: "/srv/root.tar.zst"},
		"tar:/srv/../a,no-newuidmap":     {Kind: Tar, Arg: "/a", NoShadow: true},
		"built:/srv/bin":                 {Kind: Built, Arg: "/srv/bin"},
		"built:/go/bin,with-client":      {Kind: Built, Arg: "/go/bin", Client: true},
		"dir:/srv/newuidmap,no-newuidma": {Kind: Dir, Arg: "/srv/newuidmap,no-newuidma"},
	} {
		t.Run(text, func(t *testing.T) {
			got, err := ParseSource(text)
			require.NoError(t, err)
			assert.Equal(t, want, got)
		})
	}
}

func TestParseSourceResolvesRelativeDirectories(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	for text, want := range map[string]string{
		"dir:root": filepath.Join(dir, "root"), "dir:./root": filepath.Join(dir, "root"),
		"dir:.": dir, "dir:..": filepath.Dir(dir),
	} {
		got, err := ParseSource(text)
		require.NoError(t, err)
		assert.Equal(t, Source{Kind: Dir, Arg: want}, got, text)
	}
}

func TestParseSourceListsTheForms(t *testing.T) {
	for _, text := range []string{
		"", ":", "snap", "Installed", "installed ", " installed", "installed:trixie", "installed:,no-newuidmap,x",
		"debian", "debian:", "debian:Trixie", "debian:-trixie", "debian:12", "debian:trixie ", "debian:tri/xie",
		"debian:--variant=x", "debian:/incus", "debian:trixie/lxd", "debian:trixie/incus/incus", "debian:trixie/", "installed/incus",
		"installed,with-client,with-tools", "debian:a/incus,no-newuidmap,with-migration",
		"debian:trixie,no-newuidmap/incus", "debian:trixie\n", "debian:trixie,no-newgidmap", "dir", "dir:", "dir:,no-newuidmap", "tar", "tar:", "built", "built:", "module", "module:", "module:incus", "module:lxd/incus",
		",no-newuidmap", "ubuntu:noble",
	} {
		t.Run(text, func(t *testing.T) {
			got, err := ParseSource(text)
			require.EqualError(t, err, fmt.Sprintf(
				"bundle %q: unknown; write installed, built:DIR, snap:FILE, module:lxd, debian:SUITE, debian:SUITE/incus, dir:PATH or tar:FILE (a SUITE is, for example, trixie)", text))
			assert.Zero(t, got, "an error comes with the zero Source")
		})
	}
}

func TestASourceIsReadBackFromItsOwnText(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Source{
			Kind:     rapid.SampledFrom(append([]Kind{Installed, Debian, Module}, paths...)).Draw(t, "kind"),
			NoShadow: rapid.Bool().Draw(t, "no newuidmap"),
			Tools:    rapid.Bool().Draw(t, "tools"),
			Client:   rapid.Bool().Draw(t, "client"),
		}
		switch s.Kind {
		case Module:
			s.Arg = lxdDaemon
		case Debian:
			s.Arg = rapid.StringMatching(`[a-z][a-z0-9-]*`).Draw(t, "suite")
			s.Incus = rapid.Bool().Draw(t, "incus")
		case Dir, Tar, Snap, Built:
			s.Arg = filepath.Join("/", rapid.StringMatching(`(/[^/,]+){1,4}`).Draw(t, "path"))
		}
		got, err := ParseSource(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, got)
	})
}

func FuzzParseSource(f *testing.F) {
	for _, text := range []string{
		"installed", "installed,no-newuidmap", "debian:trixie", "debian:trixie,no-newuidmap", "dir:/srv/root",
		"debian:trixie/incus", "debian:trixie/incus,no-newuidmap", "debian:/incus", "installed:/incus",
		"dir:root", "tar:root.tar", "tar:", "dir:../root,no-newuidmap", "dir:", "debian:", "debian:-x", "installed:x", ":", ",no-newuidmap", "",
		"dir:/a,no-newuidmap,no-newuidmap", "installed,with-tools,no-newuidmap", "installed,with-client", "dir:/a,with-tools/", "installed,no-newuidmap,with-tools", "dir:\x00", "dir:\xff", "debian:\n", "snap:lxd",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseSource(text)
		if err != nil {
			assert.Zero(t, s)
			assert.ErrorContains(t, err, fmt.Sprintf("%q", text))
			return
		}
		assert.Contains(t, append([]Kind{Installed, Debian, Module}, paths...), s.Kind)
		if slices.Contains(paths, s.Kind) {
			assert.True(t, filepath.IsAbs(s.Arg), "later uses must not depend on the working directory")
		}
		again, err := ParseSource(s.String())
		require.NoError(t, err)
		assert.Equal(t, s, again)
	})
}

func TestADirectoryNamedLikeTheSuffixIsRefused(t *testing.T) {
	_, err := ParseSource("dir:/srv/root,no-newuidmap/") // the slash makes it part of the path
	require.ErrorContains(t, err, "rename it")
}

func TestParseSourceSaysWhatAMigrationRequires(t *testing.T) {
	for _, text := range []string{"debian:trixie,with-migration", "installed,with-migration", "dir:/a,with-migration"} {
		_, err := ParseSource(text)
		assert.EqualError(t, err, fmt.Sprintf("bundle %q: ,with-migration requires Debian's Incus; write debian:SUITE/incus,with-migration", text))
	}
}

func TestParseSourceSaysWhatEnginesRequire(t *testing.T) {
	for _, text := range []string{"installed,with-engines", "module:lxd,with-engines", "dir:/a,with-engines"} {
		_, err := ParseSource(text)
		assert.EqualError(t, err, fmt.Sprintf("bundle %q: ,with-engines requires a suite of Debian; write debian:SUITE,with-engines", text))
	}
}

func TestParseSourceSaysWhatSystemdRequires(t *testing.T) {
	for _, text := range []string{"debian:trixie/incus,with-systemd", "installed,with-systemd", "dir:/a,with-systemd"} {
		_, err := ParseSource(text)
		assert.EqualError(t, err, fmt.Sprintf("bundle %q: ,with-systemd requires Debian's LXD; write debian:SUITE,with-systemd", text))
	}
}
