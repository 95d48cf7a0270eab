package main

import (
	"strings"
	"testing"
)

func TestTheTreeKeepsTheRules(t *testing.T) {
	found, err := checkTree()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range found {
		t.Error(f)
	}
}

func TestEveryRoomIsHeldToItsImports(t *testing.T) {
	for _, tc := range []struct {
		from, imports string
		ok            bool
	}{
		{"radio/phy", "radio", false}, {"radio/phy", "time", true},
		{"radio/rnode", "radio", true}, {"radio/rnode", "board", false}, {"radio/sim", "link", false},
		{"board", "radio/phy", true}, {"board/sim", "radio/sim", false},
		{"link", "radio/phy", true}, {"link", "link/wire", true}, {"link", "link/port", false}, {"link", "store", false}, {"link/wire", "radio", false},
		{"link/port", "radio", true}, {"link/port", "store", false},
		{"store", "link", false}, {"store", "radio/phy", false},
		{"gateway", "store", true}, {"gateway/admin", "link/port", false}, {"gateway", "radio", false}, {"gateway/poweb", "cmd/packhorse", false},
		{"gateway/node", "link/port", true}, {"gateway/node", "board", false}, {"gateway/node", "radio/rnode", false},
		{"testbench/world", "gateway/node", true}, {"testbench/world", "cmd/packhorse", false},
		{"cmd/packhorse", "testbench/world", true}, {"cmd/packhorse", "tools/depcheck", false},
		{"tools/depcheck", "store", false},
		{"link", "os", false}, {"gateway", "net", false}, {"gateway/pki", "log/slog", false}, {"gateway/route", "math/rand", false}, {"gateway/node", "os", true},
	} {
		path := tc.imports
		if r, _ := roomOf(module + "/" + path); r.name != "" {
			path = module + "/" + path
		}
		got := checkImports([]pkg{{ImportPath: module + "/" + tc.from, Imports: []string{path}}})
		if (len(got) == 0) != tc.ok {
			t.Errorf("%s imports %s: got %q, want allowed %v", tc.from, path, got, tc.ok)
		}
	}
}

func TestOtherImportRules(t *testing.T) {
	good := []string{"# packhorse/cmd/packhorse", "_ -> main.main"}
	for _, tc := range []struct {
		name string
		got  []string
		want string
	}{
		{"no room", checkImports([]pkg{{ImportPath: "packhorse/attic"}}), "in no room"},
		{"tests import cmd", checkImports([]pkg{{ImportPath: "packhorse/testbench/world", TestImports: []string{"packhorse/cmd/packhorse"}}}), "nothing imports cmd"},
		{"tests import tools", checkImports([]pkg{{ImportPath: "packhorse/store", XTestImports: []string{"packhorse/tools/depcheck"}}}), "nothing imports tools"},
		{"our cgo", checkImports([]pkg{{ImportPath: "packhorse/store", CgoFiles: []string{"a.go"}}}), "uses cgo"},
		{"others' cgo", checkClosure([]pkg{{ImportPath: "example.org/x", CgoFiles: []string{"a.go"}}}), "uses cgo"},
		{"a template", checkClosure([]pkg{{ImportPath: "example.org/x", Imports: []string{"html/template"}}}), "dead-code"},
		{"our template", checkClosure([]pkg{{ImportPath: "packhorse/cmd/packhorse", Imports: []string{"text/template"}}}), "dead-code"},
		{"a linked template", checkLinked([]string{"main.main", "text/template.(*Template).Execute"}, good), "a template engine"},
		{"methods by name", checkLinked(nil, append(good, "main.f <ReflectMethod> -> reflect.Value.MethodByName")), "packhorse links main.f:"},
		{"another linker", checkLinked(nil, []string{"# packhorse/cmd/packhorse"}), "in another way"},
	} {
		if len(tc.got) != 1 || !strings.Contains(tc.got[0], tc.want) {
			t.Errorf("%s: got %q, want one finding with %q", tc.name, tc.got, tc.want)
		}
	}
	if got := checkClosure([]pkg{{ImportPath: "github.com/spf13/cobra", Imports: []string{"text/template"}}, {ImportPath: "net", Standard: true, CgoFiles: []string{"c.go"}}}); len(got) != 0 {
		t.Errorf("got %q, want cobra and the standard library let through", got)
	}
}

func TestSourceRules(t *testing.T) {
	for _, tc := range []struct {
		name, pkg, src, want string
	}{
		{"exit", "packhorse/store", `import "os"; func f() { os.Exit(1) }`, "os.Exit ends the process"},
		{"fatal", "packhorse/gateway/node", `import "log"; func f() { log.Fatalf("x") }`, "log.Fatalf ends"},
		{"renamed", "packhorse/store", `import sys "os"; func f() { sys.Exit(1) }`, "sys.Exit ends"},
		{"init", "packhorse/cmd/packhorse", `func init() {}`, "init function"},
		{"clock", "packhorse/link", `import "time"; func f() { time.Now() }`, "time.Now in a state machine"},
		{"timer", "packhorse/gateway/route", `import "time"; func f() { time.NewTimer(0) }`, "time.NewTimer"},
		{"goroutine", "packhorse/gateway", `func f() { go f() }`, "goroutine"},
		{"cmd exits", "packhorse/cmd/packhorse", `import "os"; func f() { os.Exit(1) }`, ""},
		{"shell has a clock", "packhorse/link/port", `import "time"; func f() { go f(); time.Now() }`, ""},
		{"a method called init", "packhorse/link", `type t int; func (t) init() {}`, ""},
		{"durations are no clock", "packhorse/link", `import "time"; var x = time.Second; func f(t time.Time) { t.After(t) }`, ""},
	} {
		got, err := checkSource(tc.pkg, "a.go", []byte("package a;"+tc.src))
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		if tc.want == "" && len(got) != 0 || tc.want != "" && (len(got) != 1 || !strings.Contains(got[0], tc.want)) {
			t.Errorf("%s: got %q, want %q", tc.name, got, tc.want)
		}
	}
}
