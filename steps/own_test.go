package steps

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"strings"
	"testing"

	"github.com/cucumber/godog"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// notedOnly are the methods of Given steps that only record a change. A later step makes it when
// it first uses the chain.
var notedOnly = []string{"s.givenSiblings", "s.wasChanged"}

// TestEveryStepSaysWhetherItChangesTheChain reads the source of this package. A step changes the
// chain if its method calls own or build, directly or not.
func TestEveryStepSaysWhetherItChangesTheChain(t *testing.T) {
	uses, entries := map[string]map[string]bool{}, 0
	var tables []*ast.CompositeLit
	for _, file := range parsed(t) {
		for _, decl := range file.Decls {
			if f, is := decl.(*ast.FuncDecl); is {
				uses[calledAs(f)] = used(f.Body)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			if list, is := n.(*ast.CompositeLit); is && isListOfSteps(list) {
				tables = append(tables, list)
			}
			return true
		})
	}
	for _, table := range tables {
		for _, element := range table.Elts {
			entry, is := element.(*ast.CompositeLit)
			if !is {
				continue // made by a function, which is read as the others are
			}
			require.Len(t, entry.Elts, 5)
			entries++
			methods := used(entry.Elts[3])
			declared := strings.HasPrefix(entry.Elts[4].(*ast.Ident).Name, "changes")
			for _, noted := range notedOnly {
				if methods[noted] {
					assert.True(t, declared, noted)
					declared = false
				}
			}
			assert.Equal(t, reaches(uses, methods, map[string]bool{}), declared, "changes the chain: the step with the methods %v", methods)
		}
	}
	require.Greater(t, entries, len(vocabulary)*9/10, "steps that were read in the source")
}

func parsed(t *testing.T) (files []*ast.File) {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	for _, e := range entries {
		if name := e.Name(); strings.HasSuffix(name, ".go") && !strings.HasSuffix(name, "_test.go") {
			file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			require.NoError(t, err)
			files = append(files, file)
		}
	}
	return files
}

func isListOfSteps(list *ast.CompositeLit) bool {
	array, is := list.Type.(*ast.ArrayType)
	if !is {
		return false
	}
	of, is := array.Elt.(*ast.Ident)
	return is && of.Name == "step"
}

// calledAs returns the name by which steps call a function or a method of scenario, whose receiver
// is always s.
func calledAs(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List[0].Names) == 0 {
		return f.Name.Name
	}
	return f.Recv.List[0].Names[0].Name + "." + f.Name.Name
}

// used returns the names of the functions and of the scenario's methods that a piece of source
// uses.
func used(n ast.Node) map[string]bool {
	names := map[string]bool{}
	ast.Inspect(n, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.SelectorExpr:
			if of, is := n.X.(*ast.Ident); is && of.Name == "s" {
				names["s."+n.Sel.Name] = true
			}
		case *ast.CallExpr:
			if f, is := n.Fun.(*ast.Ident); is {
				names[f.Name] = true
			}
		}
		return true
	})
	return names
}

func reaches(uses map[string]map[string]bool, from, seen map[string]bool) bool {
	for name := range from {
		switch {
		case name == "s.own" || name == "s.build":
			return true
		case name == "s.look" || seen[name]: // look takes what the scenario's other steps need
		default:
			seen[name] = true
			if reaches(uses, uses[name], seen) {
				return true
			}
		}
	}
	return false
}

func TestAScenarioNeedsWhatAnyOfItsStepsNeeds(t *testing.T) {
	const looks, change, fault = "all 2 levels are up", "the LXD of level 1 is restarted", "the program lxd is missing at level 2"
	for name, c := range map[string]struct {
		steps  []string
		wanted needs
	}{
		"looks":                        {[]string{looks, looks}, shares},
		"changes, then looks":          {[]string{change, looks}, changes},
		"looks, then changes":          {[]string{looks, change}, changes},
		"looks at files":               {[]string{fault, looks}, sharesWhole},
		"changes and looks at files":   {[]string{change, fault}, changesWhole},
		"another's step":               {[]string{looks, "it is painted"}, changes},
		"another's that looks":         {[]string{looks, "it is admired"}, shares},
		"another's that needs files":   {[]string{looks, "it is taken apart"}, changesWhole},
		"another's and one of its own": {[]string{fault, "it is painted"}, changesWhole},
	} {
		p := &pool{steps: []Step{
			{Pattern: "^it is painted$", Changes: true}, {Pattern: "^it is admired$"}, {Pattern: "^it is taken apart$", Changes: true, Whole: true},
		}}
		sc := &godog.Scenario{}
		for _, text := range c.steps {
			sc.Steps = append(sc.Steps, &godog.Step{Text: text})
		}
		assert.Equal(t, c.wanted, p.needsOf(sc.Steps), name)
	}
}
