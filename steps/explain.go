package steps

import (
	"context"
	"os"
	"slices"
	"strings"

	"github.com/cucumber/godog"
	messages "github.com/cucumber/messages/go/v21"

	"nestbed/harness/artifact"
)

// Slow is the tag of scenarios that take more than 20 seconds.
const Slow = "@slow"

// explain tells why a scenario failed to somebody who was not there: a summary on the terminal, the whole as files and in
// the report. late is what time is left for it.
func (s *scenario) explain(ctx, late context.Context, sc *godog.Scenario, failure error) (context.Context, error) {
	told := summary{name: sc.Name, failure: failure, contradiction: s.contradiction, diagnosis: s.chain.Diagnose(late)}
	var err error
	if s.chain != nil {
		var dir string
		if dir, err = artifact.Save(sc.Name, told.diagnosis.Files()); err == nil {
			told.next = append(told.next, "all of it:  "+dir)
		}
	}
	again := repeat(godog.T(ctx).Name(), hasTag(sc, Slow), settings()...)
	told.next = append(told.next, "run again:  "+again)
	godog.Logf(ctx, "%s", strings.Join(told.lines(), "\n"))
	return godog.Attach(ctx, godog.Attachment{
		Body: []byte(told.diagnosis.String()), FileName: "diagnosis.txt", MediaType: "text/plain",
	}), err
}

func hasTag(sc *godog.Scenario, name string) bool {
	return slices.ContainsFunc(sc.Tags, func(t *messages.PickleTag) bool { return t.Name == name })
}

// settings are those of the environment that decide what a scenario is run with.
func settings() []string {
	var set []string
	for _, name := range []string{"NESTBED_BUNDLE", "NESTBED_PATIENCE"} {
		if value := os.Getenv(name); value != "" {
			set = append(set, name+"="+quote(value))
		}
	}
	return set
}
