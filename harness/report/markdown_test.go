package report

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestMarkdownHasTheVerdictTheFailuresAndWhyScenariosWereSkipped(t *testing.T) {
	var text strings.Builder
	require.NoError(t, aRun().WriteMarkdown(&text))
	assert.Contains(t, text.String(), "## nestbed: 1 of 2 scenarios failed\n\nLXD")
	assert.Contains(t, text.String(), "\n1 passed, 1 failed, 1 skipped\n\n### a: fails &lt;b&gt;\n\n```\n<img src=x>\n```\n")
	assert.Contains(t, text.String(), "\n- 1: @since-lxd-6.2: LXD 6.2 checks it.\n\n</details>\n")
}

func TestAFenceIsLongerThanThoseInTheText(t *testing.T) {
	assert.Equal(t, "`````\na ````\nb\n`````", fenced("a ````\nb"))
}

func TestTheMostFrequentTextComesFirst(t *testing.T) {
	assert.Equal(t, []string{"b", "a", "c"}, ByCount(map[string]int{"a": 1, "b": 2, "c": 1}))
}
