package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"

	"nestbed/harness/printable"
)

// JUnitFile is the name of the file for CI systems in a run's directory.
const JUnitFile = "junit.xml"

// The elements of JUnit's format that CI systems agree on (the Jenkins xUnit schema).
type (
	junitSuite struct {
		XMLName  xml.Name    `xml:"testsuite"`
		Name     string      `xml:"name,attr"`
		Tests    int         `xml:"tests,attr"`
		Failures int         `xml:"failures,attr"`
		Skipped  int         `xml:"skipped,attr"`
		Time     string      `xml:"time,attr"`
		Cases    []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Class   string     `xml:"classname,attr"` // the feature
		Name    string     `xml:"name,attr"`
		Time    string     `xml:"time,attr"`
		Failure *junitText `xml:"failure"`
		Skipped *junitText `xml:"skipped"`
	}
	junitText struct {
		Message string `xml:"message,attr"`
		Text    string `xml:",cdata"`
	}
)

// WriteJUnit writes the run in JUnit's format.
func (r Run) WriteJUnit(w io.Writer) error {
	text, err := r.junit()
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}

// junit returns the run in JUnit's format: a test case for each scenario, whose class is the
// feature.
func (r Run) junit() ([]byte, error) {
	suite := junitSuite{Name: r.Facts.String(), Tests: len(r.Scenarios), Failures: r.Count(Failed), Skipped: r.Count(Skipped)}
	total := 0.0
	for _, s := range r.Scenarios {
		class, name, _ := strings.Cut(s.Name, ": ")
		total += s.Took()
		c := junitCase{Class: class, Name: name, Time: fmt.Sprintf("%.3f", s.Took())}
		switch s.Status {
		case Failed:
			c.Failure = &junitText{printable.Text(s.Error), printable.Text(strings.Join(s.Diagnosis, "\n"))}
		case Skipped:
			c.Skipped = &junitText{Message: printable.Text(s.Error)}
		}
		suite.Cases = append(suite.Cases, c)
	}
	suite.Time = fmt.Sprintf("%.3f", total)
	text, err := xml.MarshalIndent(suite, "", " ")
	return []byte(xml.Header + printable.Text(string(text)) + "\n"), err
}
