package main

import (
	"path/filepath"

	"nestbed/harness/report"
)

// A pace says how long scenarios will take, by earlier runs. The zero pace takes all to be equal.
type pace struct {
	names   []string // those that were selected
	earlier map[string]float64
	usual   float64         // of scenarios that did not run earlier
	skipped map[string]bool // those that turned out to be skipped
}

// newPace returns the pace of the named scenarios, by the runs in a directory of reports, which may
// be empty or missing. Runs that cannot be read say nothing: it is only an estimate.
func newPace(names []string, reports string) *pace {
	p := &pace{names: names, earlier: map[string]float64{}, usual: 1, skipped: map[string]bool{}}
	if reports == "" {
		return p
	}
	runs, _ := filepath.Glob(filepath.Join(reports, "*", report.RunFile)) // an invalid pattern finds nothing
	sum := 0.0
	for _, path := range runs {
		run, err := report.LoadRun(path)
		if err != nil {
			continue
		}
		for _, s := range run.Scenarios {
			if took := s.Took(); s.Status == report.Passed && took > 0 && p.earlier[s.Name] == 0 {
				p.earlier[s.Name] = took
				sum += took
			}
		}
	}
	if len(p.earlier) > 0 {
		p.usual = sum / float64(len(p.earlier))
	}
	return p
}

// of returns how long a scenario will take, in milliseconds if earlier runs say so.
func (p *pace) of(name string) int64 {
	seconds, known := p.earlier[name]
	if !known {
		seconds = p.usual
	}
	return max(1, int64(seconds*1000))
}

// total returns the sum for the scenarios that are not skipped.
func (p *pace) total() (sum int64) {
	for _, name := range p.names {
		if !p.skipped[name] {
			sum += p.of(name)
		}
	}
	return max(1, sum)
}
