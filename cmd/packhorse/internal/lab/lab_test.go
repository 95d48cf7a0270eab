//go:build linux

package lab

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseLinks(t *testing.T) {
	for text, want := range map[string]string{
		"all":      "map[{0 1}:true {0 2}:true {1 2}:true]",
		"line":     "map[{0 1}:true {1 2}:true]",
		"2-0, 1-0": "map[{0 1}:true {0 2}:true]",
	} {
		got, err := ParseLinks(text, 3)
		if err != nil || fmt.Sprint(got) != want {
			t.Errorf("%s: got %v (%v), want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", "ring", "0", "0-0", "0-3", "-1-2", "0-x"} {
		if got, err := ParseLinks(text, 3); err == nil {
			t.Errorf("%q: got %v, want an error", text, got)
		}
	}
}

func TestAirMakesPortsAndChangesWhileItRuns(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ports")
	a, err := NewAir(Options{Stations: 3, Links: "line", Loss: 0.1, Seed: 1, Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- a.Run(ctx) }()
	if got := strings.Join(a.Paths(), " "); got != fmt.Sprintf("%[1]s/rnode0 %[1]s/rnode1 %[1]s/rnode2", dir) {
		t.Errorf("paths: got %s", got)
	}
	if err := a.Cut(ctx, Link{0, 1}, true); err != nil {
		t.Error(err)
	}
	if err := a.Cut(ctx, Link{0, 3}, true); err == nil {
		t.Error("a link to nowhere was cut")
	}
	if err := a.SetLoss(ctx, 1.5); err == nil {
		t.Error("a loss of 1.5 was taken")
	}
	c, err := a.Counts(ctx)
	if err != nil || len(c) != 3 || c[0].FramesSent != 0 {
		t.Errorf("counts: got %+v (%v)", c, err)
	}
	stop()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, err := a.Counts(context.Background()); err == nil {
		t.Error("a stopped air still answers")
	}
}

func TestAirRefusesNonsense(t *testing.T) {
	for _, o := range []Options{{Stations: 0, Links: "all"}, {Stations: 33, Links: "all"}, {Stations: 2, Links: "ring"}, {Stations: 2, Links: "all", Loss: 2}} {
		o.Dir = t.TempDir()
		if _, err := NewAir(o); err == nil {
			t.Errorf("%+v: no error", o)
		}
	}
}

func TestOnlyAVillagesOwnDirectoryIsWiped(t *testing.T) {
	dir := t.TempDir()
	keep := filepath.Join(dir, "thesis.txt")
	if err := os.WriteFile(keep, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := sweep(dir); err == nil || !strings.Contains(err.Error(), "--dir") {
		t.Errorf("somebody's directory: got %v, want a refusal", err)
	}
	if _, err := os.Stat(keep); err != nil {
		t.Errorf("a file of somebody else is gone: %v", err)
	}
	mine := filepath.Join(dir, "new")
	for range 2 {
		if err := sweep(mine); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(mine, "old"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := sweep(mine); err != nil {
		t.Fatal(err)
	}
	if left, _ := os.ReadDir(mine); len(left) != 1 || left[0].Name() != mark {
		t.Errorf("left behind: %v", left)
	}
}

func TestAGatewayThatCannotStartLeavesNothingRunning(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "v")
	_, err := Open(context.Background(), Plan{Binary: "/bin/false", Dir: dir, Names: []string{"a"}, Links: "all"})
	if err == nil || !strings.Contains(err.Error(), "ended by itself") {
		t.Errorf("got %v, want a gateway that ended by itself", err)
	}
	if left, _ := os.ReadDir(filepath.Join(dir, "radios")); len(left) != 0 {
		t.Errorf("radios left behind: %v", left)
	}
}

func TestAnAirOfEachKindHasItsPorts(t *testing.T) {
	for _, kind := range Kinds {
		dir := t.TempDir()
		a, err := NewAir(Options{Stations: 2, Links: "all", Dir: dir, Kind: kind})
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(context.Background())
		stop()
		if got := a.Paths(); len(got) != 2 || !strings.HasPrefix(filepath.Base(got[0]), kind) || got[0] == got[1] {
			t.Errorf("%s: got %v", kind, got)
		}
		if err := a.Run(ctx); err != nil {
			t.Error(err)
		}
	}
	if _, err := NewAir(Options{Stations: 1, Links: "all", Dir: t.TempDir(), Kind: "sx1262"}); err == nil || !strings.Contains(err.Error(), "meshtastic") {
		t.Errorf("got %v, want the kinds that there are", err)
	}
}
