package vm

import (
	"bytes"
	"encoding/gob"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// deliver puts all sent files into the inbox.
func deliver(t *testing.T, sent *bytes.Buffer, to inbox) (files int) {
	t.Helper()
	for dec := gob.NewDecoder(sent); sent.Len() > 0; files++ {
		var got message
		require.NoError(t, dec.Decode(&got))
		require.NoError(t, to.save(got.File))
	}
	return files
}

func TestResultsAreCopiedAgainWhenTheyChange(t *testing.T) {
	from, to := t.TempDir(), filepath.Join(t.TempDir(), "not yet there")
	require.NoError(t, os.MkdirAll(filepath.Join(from, "a", "b"), 0o755))
	require.NoError(t, os.WriteFile(filepath.Join(from, "a", "b", "large"), bytes.Repeat([]byte("x"), 5<<20), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(from, "empty"), nil, 0o644))
	require.NoError(t, os.Symlink("/etc/passwd", filepath.Join(from, "link")))

	var sent bytes.Buffer
	out := outbox{to: newSender(&sent), dirs: map[string]string{"NESTBED_REPORTS": from}, sent: map[string]stamp{}}
	in := inbox{dirs: map[string]string{"NESTBED_REPORTS": to}}
	require.NoError(t, out.flush())
	assert.Equal(t, 2, deliver(t, &sent, in), "only regular files are sent")
	info, err := os.Stat(filepath.Join(to, "a", "b", "large"))
	require.NoError(t, err)
	assert.Equal(t, int64(5<<20), info.Size())
	assert.Equal(t, os.FileMode(0o600), info.Mode())

	require.NoError(t, os.WriteFile(filepath.Join(from, "empty"), []byte("no more"), 0o644))
	sent.Reset()
	out.to = newSender(&sent)
	require.NoError(t, out.flush())
	assert.Equal(t, 1, deliver(t, &sent, in))
	text, err := os.ReadFile(filepath.Join(to, "empty"))
	require.NoError(t, err)
	assert.Equal(t, "no more", string(text))
}

func TestAGuestCannotWriteOutsideItsResults(t *testing.T) {
	top := t.TempDir()
	dir := filepath.Join(top, "results")
	require.NoError(t, os.Mkdir(dir, 0o755))
	require.NoError(t, os.Symlink("..", filepath.Join(dir, "up")))
	in := inbox{dirs: map[string]string{"NESTBED_REPORTS": dir}}
	for _, f := range []file{
		{Result: "NESTBED_REPORTS", Path: "../outside"},
		{Result: "NESTBED_REPORTS", Path: "/outside"},
		{Result: "NESTBED_REPORTS", Path: ""},
		{Result: "NESTBED_REPORTS", Path: "up/outside"},
		{Result: "NESTBED_STATE", Path: "outside"},
	} {
		require.Error(t, in.save(&f), "%+v", f)
	}
	assert.NoFileExists(t, filepath.Join(top, "outside"))
}
