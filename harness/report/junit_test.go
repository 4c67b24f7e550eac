package report

import (
	"encoding/xml"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"nestbed/harness/host"
)

func TestARunInJUnitsFormat(t *testing.T) {
	r := run(passed("article: Three levels", nil, 1.5, 2), Scenario{Name: "images: Skipped", Status: Skipped, Error: "no fuse"},
		Scenario{Name: "supply: Two: blocks", Status: Failed, Seconds: []float64{1}, Error: `level 2 "create"`, Diagnosis: []string{"one", "two ]]> \x1b[31mred"}})
	r.Facts = host.Facts{LXD: "5.0.2", Kernel: "6.1", Cgroup: "v2", AppArmor: "off", Bundle: "b"}
	text, err := r.junit()
	require.NoError(t, err)
	assert.Equal(t, `<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="LXD 5.0.2, kernel 6.1, cgroup v2, AppArmor off, bundle b" tests="3" failures="1" skipped="1" time="4.500">
 <testcase classname="article" name="Three levels" time="3.500"></testcase>
 <testcase classname="images" name="Skipped" time="0.000">
  <skipped message="no fuse"></skipped>
 </testcase>
 <testcase classname="supply" name="Two: blocks" time="1.000">
  <failure message="level 2 &#34;create&#34;"><![CDATA[one
two ]]]]><![CDATA[> \u001b[31mred]]></failure>
 </testcase>
</testsuite>
`, string(text))
}

func TestEveryErrorTextBecomesValidXML(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Scenario{Name: "f: " + rapid.String().Draw(t, "name"), Status: Failed, Error: rapid.String().Draw(t, "error")}
		s.Diagnosis = []string{string(rapid.SliceOf(rapid.Byte()).Draw(t, "diagnosis"))}
		text, err := run(s).junit()
		require.NoError(t, err)
		var read junitSuite
		require.NoError(t, xml.Unmarshal(text, &read))
		require.Len(t, read.Cases, 1)
		assert.NotNil(t, read.Cases[0].Failure)
	})
}
