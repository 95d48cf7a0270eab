//go:build linux

package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSimRunPlaysWhatComesWithTheProgram(t *testing.T) {
	b := newBench(t, nil)
	b.want(0, []string{"three-hop.txt\n"}, "sim", "run", "--list")
	b.want(0, []string{"b: p1 from a: \"the bridge is out\"", "ok: two-gateways, seed 1, "}, "sim", "run", "two-gateways")
	b.want(0, []string{"ok: two-gateways.txt, seed 12, "}, "sim", "run", "two-gateways.txt", "--seed", "12")
}

func TestSimRunShowsADifferenceAndHowToReplayIt(t *testing.T) {
	b := newBench(t, nil)
	file := filepath.Join(b.dir, "my play.txt")
	text := "world seed=4\nnode a\nup a domain=ridge\n  a: in domain valley\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	replay := "seed 4; replay: packhorse sim run '" + file + "' --seed 4\n"
	b.want(1, []string{"  a: in domain ridge\n! " + file + ":3 expects:\n! a: in domain valley\n", "the output of 1 command is not", replay}, "sim", "run", file)
	b.want(1, []string{replay}, "sim", "run", file, "--seed", "4")
	b.want(0, []string{"ok: "}, "sim", "run", file, "--seed", "5")
	b.want(1, []string{replay}, "sim", "run", file, "--json")
	var last simSummary
	all := strings.Split(strings.TrimSpace(b.out), "\n")
	if err := json.Unmarshal([]byte(all[3]), &last); err != nil || last.OK || last.Seed != 4 || last.Differences != 1 {
		t.Errorf("got %s (%v)", b.out, err)
	}
	b.want(0, []string{"ok: "}, "sim", "run", file, "--rewrite")
	b.want(0, []string{"ok: "}, "sim", "run", file)
	if err := os.WriteFile(file, []byte("node a\nup a domain=ridge\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"  a: in domain ridge\n", "ok: "}, "sim", "run", file)
}

func TestSimRunNamesTheLineOfAMistake(t *testing.T) {
	b := newBench(t, nil)
	file := filepath.Join(b.dir, "x.txt")
	if err := os.WriteFile(file, []byte("node a\nsedn a b\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(2, []string{file + `:2: "sedn" is no command`}, "sim", "run", file)
	if err := os.WriteFile(file, []byte("node a b\nrun until a hears b within=1m\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(1, []string{file + ":2: not so within 1m0s: a hears b", "replay: "}, "sim", "run", file)
	b.want(1, []string{" a starts\n"}, "sim", "run", file, "--trace")
	b.want(2, []string{"--list"}, "sim", "run", "no-such-play")
	b.want(2, []string{"--list"}, "sim", "run")
}
