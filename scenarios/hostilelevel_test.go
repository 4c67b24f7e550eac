package scenarios_test

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"nestbed/harness"
	"nestbed/harness/act/file"
	"nestbed/harness/act/image"
	"nestbed/harness/act/upgrade"
	"nestbed/harness/act/wall"
	"nestbed/harness/bundle"
	"nestbed/harness/harnesstest"
	"nestbed/harness/postmortem"
	"nestbed/harness/probe"
)

// touched lists the paths outside of /proc that nestbed reads, stats, dials or changes in a level.
var touched = []string{
	"/etc/subuid", "/etc/subgid", "/var/log/lxd.log", "/run/nestbed-clock", bundle.StderrFile, bundle.StartedFile, bundle.SentinelPath, bundle.KeyFile,
	"/var/log/lxd/c2/lxc.log", "/var/lib/lxd/logs/c2/lxc.log", "/var/lib/lxd/database/local.db", "/var/lib/lxd/unix.socket",
	image.CarriedMetadata, image.CarriedRootFS, file.Dir + "/file", "/var/tmp/nestbed-left", "/dev/lxd/sock",
}

// hostile lists what root of a level puts at each of these paths. The scripts get the path in $p,
// the canary in $c, and a relative path to / in $up.
var hostile = []struct {
	name, script string
	refused      string // part of the error of a read; empty: the file does not exist
}{
	{"an absolute link to a file", `ln -s "$c/file" "$p"`, ""},
	{"a relative link to a file", `ln -s "$up$c/file" "$p"`, ""},
	{"an absolute link to a socket", `ln -s "$c/socket" "$p"`, ""},
	{"a relative link to a socket", `ln -s "$up$c/socket" "$p"`, ""},
	{"a link through a magic link", `ln -s "/proc/1/root$c/file" "$p"`, "too many levels of symbolic links"},
	{"a FIFO", `mkfifo "$p"`, "found a FIFO"},
	{"an endless device", `ln -s /dev/zero "$p"`, "found a character device"},
	{"the kernel's log", `ln -s /proc/kmsg "$p"`, "a kernel file"},
	{"a socket", `ln -s /var/lib/lxd.true/unix.socket "$p"`, "found a socket"},
	{"a huge file", `dd if=/dev/null of="$p" bs=1M seek=1048576 2>/dev/null`, "expected"},
	{"a directory", `mkdir "$p"`, "found a directory"},
	// A directory of the path is hostile.
	{"a directory that is a link", `d=$(dirname "$p"); umount -l "$d" 2>/dev/null; rm -rf "$d"; ln -s "$c/all" "$d"`, ""},
	{"a directory that is a relative link", `d=$(dirname "$p"); rm -f "$d"; ln -s "$up$c/all" "$d"`, ""},
}

func TestAHostileLevelCannotLeadNestbedOutOfIt(t *testing.T) {
	parallel(t, 1)
	c := newCanary(t)
	h := harnesstest.Host(t, article)
	spec := harness.Cascade(1)
	spec.Whole = true // files of /usr are replaced
	chain := harnesstest.Build(t, h, spec)
	level := chain.Levels[0]
	tunneled := tunneledLevels(t, chain)[0]
	_, err := tunneled.ReadFile(harnesstest.Context(t), "/etc/subuid")
	require.NoError(t, err, "start the relay before the level is hostile")
	run := func(t *testing.T, script string) {
		t.Helper()
		_, err := level.Exec(harnesstest.Context(t), "sh", "-c", fmt.Sprintf("c=%s up=%s\n%s", c.dir, up, script))
		require.NoError(t, err)
	}
	// Stop LXD for good: it would replace some of the hostile files.
	run(t, `umount -l /dev/lxd; cp -a /var/lib/lxd /var/lib/lxd.true
		printf '#!/bin/sh\nexec sleep 2147483647\n' >/usr/lib/nestbed/lxd; while kill $(pidof lxd) 2>/dev/null; do usleep 1000; done`)
	for _, kind := range hostile {
		t.Run(kind.name, func(t *testing.T) {
			run(t, fmt.Sprintf("for p in %s; do\nmkdir -p $(dirname $p); rm -rf $p\n%s\ndone", strings.Join(touched, " "), kind.script))
			inTime(t, func() {
				for _, l := range []*harness.Level{level, tunneled} {
					for _, path := range touched {
						text, err := l.Root().ReadFile(harnesstest.Context(t), path)
						assert.NotContains(t, string(text), strings.TrimSpace(secret))
						if kind.refused == "" {
							require.ErrorIs(t, err, fs.ErrNotExist, path)
						} else {
							require.ErrorContains(t, err, kind.refused, path)
						}
						_, _ = l.Root().Names(harnesstest.Context(t), path)
						_, looked := l.Root().Look(harnesstest.Context(t), path)
						_, asked := l.Root().Xattr(harnesstest.Context(t), path, bundle.XattrCaps)
						if strings.HasPrefix(kind.name, "a directory that is a") {
							require.ErrorIs(t, looked, fs.ErrNotExist, path)
							require.ErrorIs(t, asked, fs.ErrNotExist, path)
						}
					}
					_, err := l.Root().Ask(harnesstest.Context(t))
					require.Error(t, err)
					_, err = image.Pushed(harnesstest.Context(t), l, false)
					require.Error(t, err)
					_, _ = l.Root().SinceLXDStarted(harnesstest.Context(t))
					_ = l.Root().WatchRestarts(harnesstest.Context(t))()
				}
				changes(t, level, kind.refused)
				for _, f := range postmortem.Diagnose(harnesstest.Context(t), chain).Files() {
					assert.NotContains(t, string(f.Body), strings.TrimSpace(secret), f.Name)
				}
				checks, err := probe.Verify(harnesstest.Context(t), chain)
				assert.True(t, err != nil || len(harness.Failed(checks)) > 0, "the sentinel is gone")
			})
			c.untouched(t)
		})
	}
	c.notices(t)
}

// changes requires that nestbed's faults cannot change the files at the paths.
func changes(t *testing.T, level *harness.Level, refused string) {
	t.Helper()
	root, err := level.Root().Local()
	require.NoError(t, err)
	for _, path := range touched {
		if refused != "expected" { // a huge file may be truncated
			require.Error(t, root.Cut(path), path)
		}
		_, err = root.Create(path, 0o600)
		require.Error(t, err, path)
	}
	err = level.Root().DialInside(harnesstest.Context(t), 0, "/dev/lxd/sock", func(io.Writer, io.Reader) error { return nil })
	require.Error(t, err)
}

// inTime fails if do blocks.
func inTime(t *testing.T, do func()) {
	t.Helper()
	done := make(chan struct{})
	go func() {
		defer close(done)
		do()
	}()
	select {
	case <-done:
	case <-time.After(time.Minute):
		t.Fatal("still blocked by a file in the level after a minute")
	}
}

func TestAFakeProcOfALevelIsNoticed(t *testing.T) {
	parallel(t, 1)
	c := newCanary(t)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(1))
	level := chain.Levels[0]
	pid, err := level.Pid()
	require.NoError(t, err)
	for name, k := range map[string]struct{ script, says string }{
		"made of links": {
			`mount -t tmpfs tmpfs /proc && mkdir -p /proc/1/ns && ln -s "$c" /proc/1/root && ln -s "$c/file" /proc/1/exe &&
			for n in net pid user; do ln -s "$c/proc/1/ns/net" /proc/1/ns/$n; done`, "/proc is not a proc filesystem",
		},
		"of another pid namespace": {
			`setsid unshare -p -f sh -c 'mount -t proc proc /proc; exec sleep 600' </dev/null >/dev/null 2>&1 &
			until [ "$(cat /proc/1/comm)" = sleep ]; do usleep 1000; done`, "/proc shows process 1 started at ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := level.Exec(harnesstest.Context(t), "sh", "-c", "c="+c.dir+"; "+k.script)
			require.NoError(t, err)
			_, err = level.Pid()
			require.ErrorContains(t, err, k.says)
			_, _, err = wall.Reaches(harnesstest.Context(t), wall.ASocket, level, level)
			require.ErrorContains(t, err, k.says)
			_, err = upgrade.CheckProgram(harnesstest.Context(t), chain, 1, h.Traits().Bundle)
			require.ErrorContains(t, err, k.says)
			_, err = level.Root().Child(harnesstest.Context(t), "c2", 1)
			require.ErrorContains(t, err, k.says)
			_, err = level.Root().UserNamespace(harnesstest.Context(t))
			require.ErrorContains(t, err, k.says)
			_, err = level.ReadFile(harnesstest.Context(t), "/proc/1/root/file")
			require.ErrorContains(t, err, k.says)
			c.untouched(t)
			_, err = level.Exec(harnesstest.Context(t), "umount", "-l", "/proc")
			require.NoError(t, err)
			again, err := level.Pid()
			require.NoError(t, err)
			assert.Equal(t, pid, again)
		})
	}
}

// spy is a script that root of a level runs until /tmp/enough exists. It prints whether it saw the
// dialer, and through which processes it could reach the machine's directory $0. It starts no
// programs, because the moments between fork and exec are short.
const spy = `until [ -e /tmp/enough ]; do
	for p in /proc/[0-9]*; do
		name=none
		read -r name <$p/comm
		[ "$name" = 3 ] && echo dialer
		[ -e "$p/root$0/file" ] && echo root of "$name"
		[ -e "$p/cwd/$1$0/file" ] && echo directory of "$name"
	done
done 2>/dev/null | sort -u`

func TestALevelSeesNothingOfTheMachineThroughTheDialer(t *testing.T) {
	c := newCanary(t)
	h := harnesstest.Host(t, article)
	chain := harnesstest.Build(t, h, harness.Cascade(1))
	level := chain.Levels[0]
	type outcome struct {
		saw string
		err error
	}
	spied := make(chan outcome, 1)
	go func() {
		saw, err := level.Exec(harnesstest.Context(t), "sh", "-c", spy, c.dir, up)
		spied <- outcome{saw, err}
	}()
	for range 10 {
		err := level.Root().DialInside(harnesstest.Context(t), 0, "/dev/lxd/sock", func(to io.Writer, from io.Reader) error {
			request, err := http.NewRequestWithContext(harnesstest.Context(t), http.MethodGet, "http://lxd/1.0", nil)
			if err != nil {
				return err
			}
			if err := request.Write(to); err != nil {
				return err
			}
			answer, err := http.ReadResponse(bufio.NewReader(from), request)
			if err != nil {
				return err
			}
			return answer.Body.Close()
		})
		require.NoError(t, err)
	}
	_, err := level.Exec(harnesstest.Context(t), "touch", "/tmp/enough")
	require.NoError(t, err)
	got := <-spied
	require.NoError(t, got.err)
	assert.Equal(t, "dialer\n", got.saw, "the level has seen the dialer, and nothing of the machine")
	_, err = os.Stat(fmt.Sprintf("/proc/%d/root%s/file", os.Getpid(), c.dir))
	require.NoError(t, err, "a process of the machine sees the file")
}
