package main

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"packhorse/cmd/packhorse/internal/config"
)

func TestEveryCommandAndKeyHasItsPage(t *testing.T) {
	b := newBench(t, nil)
	b.env["SOURCE_DATE_EPOCH"] = "1790000000"
	dir := t.TempDir()
	b.want(0, nil, "man", dir)
	pages := map[string]string{}
	for _, name := range slices.Sorted(maps.Keys(manual((&app{}).command(), "", "dev"))) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		pages[name] = string(text)
		if !strings.Contains(string(text), `"2026-09-21"`) || !strings.Contains(string(text), `.SH "NAME"`) {
			t.Errorf("%s begins so: %.200s", name, text)
		}
	}
	for _, name := range []string{"packhorse.1", "packhorse-run.1", "packhorse-courier.1", "packhorse-completion.1"} {
		if pages[name] == "" {
			t.Errorf("no page %s", name)
		}
	}
	if pages["packhorse-man.1"] != "" || pages["packhorse-help.1"] != "" {
		t.Error("a page about what nobody is to call")
	}
	if !strings.Contains(pages["packhorse-courier.1"], "courier import") || !strings.Contains(pages["packhorse-courier.1"], `\-\-keep`) {
		t.Error("packhorse-courier.1 does not tell of what is below it")
	}
	for _, k := range config.Keys {
		if !strings.Contains(pages["packhorse.toml.5"], ".TP\n\\fB"+k.Name) {
			t.Errorf("packhorse.toml.5 does not tell of %s", k.Name)
		}
	}
}

func TestAPageNeedsADirectoryAndADate(t *testing.T) {
	b := newBench(t, nil)
	b.want(2, []string{"one directory"}, "man")
	b.env["SOURCE_DATE_EPOCH"] = "soon"
	b.want(2, []string{"SOURCE_DATE_EPOCH", "seconds"}, "man", t.TempDir())
}
