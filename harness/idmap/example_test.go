package idmap_test

import (
	"fmt"

	"nestbed/harness/idmap"
)

func ExampleLayout_Plan() {
	allocation := func(text string) idmap.Delegation {
		a, err := idmap.ParseAllocation(text)
		if err != nil {
			panic(err)
		}
		return idmap.Delegate(a)
	}
	plan := idmap.Layout{Daemons: []idmap.Daemon{
		{Delegation: allocation("root:500000:131072")},
		{Delegation: allocation("root:65536:65536")},
		{Delegation: allocation("root:65536:65536")},
	}}.Plan()
	for _, l := range plan.Levels {
		fmt.Println("level", l.Level, "has", l.Host.UID[0].Count, "ids from", l.Host.UID[0].Parent, "on")
	}
	fmt.Println(plan.Stop)
	// Output:
	// level 1 has 131072 ids from 500000 on
	// level 2 has 65536 ids from 565536 on
	// level 3, create: allocation outside the parent
}

func ExampleDaemon_Choose() {
	d := idmap.Daemon{Delegation: idmap.Delegation{
		UID: idmap.File{Text: "root:100000:1000\nROOT:500000:65536 \nroot:700000:65536\n"},
		GID: idmap.File{Text: "root:700000:65536\n"},
	}}
	choice := d.Choose(idmap.Identity())
	for _, l := range choice.UID.Lines {
		fmt.Printf("line %d: %s\n", l.Number, l.Verdict)
	}
	fmt.Println(choice.Map.UID)
	// Output:
	// line 1: too small
	// line 2: number not read
	// line 3: picked
	// [{0 700000 65536}]
}

func ExampleTranslateUp() {
	uids := [][]idmap.Mapping{
		{{Inside: 0, Parent: 500000, Count: 196608}},
		{{Inside: 0, Parent: 65536, Count: 131072}},
		{{Inside: 0, Parent: 65536, Count: 65536}},
	}
	fmt.Println(idmap.TranslateUp(uids, 1000))
	// Output: [632072 132072 66536 1000] true
}
