package main

import (
	"os"
	"runtime"
	"strings"
	"testing"
)

func TestTermsThatDebianHasAreNamed(t *testing.T) {
	apache := "Apache License\nVersion 2.0, January 2004\nTERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION\n1. ...\n  Copyright [yyyy] [name]\n   Copyright 2019 Somebody\n"
	if got, want := common(apache), "Copyright 2019 Somebody\nApache License, version 2.0: /usr/share/common-licenses/Apache-2.0"; got != want {
		t.Errorf("got %q", got)
	}
	if got := common("MIT"); got != "MIT" {
		t.Errorf("got %q", got)
	}
}

func TestTheSameTermsAreWrittenOnce(t *testing.T) {
	texts := map[string]string{"1": "Do as you like.\n", "2": "Ask first.\n", "3": "Do as you like.\n"}
	read := func(dir string) (string, error) { return texts[dir], nil }
	got, err := together("Ours.\n", []linked{{"a/a", "v1", "1"}, {"a/b", "v2", "2"}, {"a/c", "v3", "3"}}, read)
	if err != nil || strings.Count(got, "Do as you like.") != 1 || !strings.Contains(got, "a/a v1\na/c v3:\n\nDo as you like.\n") || !strings.Contains(got, "Packhorse:\n\nOurs.\n") {
		t.Errorf("%v\n%s", err, got)
	}
	if _, err := together("", []linked{{"a/d", "v4", "none"}}, read); err == nil || !strings.Contains(err.Error(), "a/d v4 has no file with its terms") {
		t.Errorf("a module without terms: %v", err)
	}
}

func TestBinariesNameWhatIsInThem(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	got, err := linkedInto([]string{self, self})
	if err != nil || len(got) != 1 || got[0].version != runtime.Version() || got[0].dir == "" {
		t.Errorf("got %+v, %v", got, err)
	}
	if text, err := terms(got[0].dir, false); err != nil || !strings.Contains(text, "The Go Authors") {
		t.Errorf("terms of Go's library: %v, %.200q", err, text)
	}
	if _, err := linkedInto([]string{os.DevNull}); err == nil {
		t.Error("what is no Go binary has no terms")
	}
}
