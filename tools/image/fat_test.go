package main

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// sample has names and sizes that a FAT treats differently.
func sample() tree {
	t := tree{
		"UPPER.TXT": []byte("fits"), "lower.txt": []byte("needs a long name"), "empty": nil, "no-dot-in-this-name": []byte("x"),
		"exactly-13.to": []byte("thirteen characters have no end mark"), "exactly-twenty-six-ch.arac": []byte("nor have twenty-six"),
		"über grün.toml": []byte("letters that no short name has"), ".hidden": []byte("h"),
		"one-cluster": bytes.Repeat([]byte{1}, cluster), "two-clusters": bytes.Repeat([]byte{2}, cluster+1),
		"dir/inner/deep.txt": []byte("two down"), "dir/a.txt": []byte("one down"),
	}
	for i := range 300 {
		t[fmt.Sprintf("many/with-the-same-beginning-%03d.dtbo", i)] = []byte{byte(i)}
	}
	return t
}

func sampleFAT() *fat {
	return &fat{size: 96 * mib, label: "SAMPLE", serial: 0x12345678, at: time.Date(2026, 11, 22, 13, 14, 16, 0, time.UTC)}
}

func TestFATComesBack(t *testing.T) {
	want := sample()
	b, err := sampleFAT().image(want)
	if err != nil {
		t.Fatal(err)
	}
	img, dir := filepath.Join(t.TempDir(), "fat.img"), t.TempDir()
	if err := os.WriteFile(img, b, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(img, 96*mib); err != nil {
		t.Fatal(err)
	}
	if out := run(t, "fsck.vfat", "-n", "-v", img); strings.Contains(out, "differ") || strings.Contains(out, "wrong") {
		t.Errorf("%s", out)
	}
	run(t, "mcopy", "-s", "-n", "-m", "-i", img, "::*", dir)
	got := treeOf(t, dir)
	if !maps.EqualFunc(got, want, bytes.Equal) {
		t.Errorf("%d files came back of %d: %v", len(got), len(want), got.paths())
	}
	listing := run(t, "mdir", "-i", img, "::")
	for _, word := range []string{"SAMPLE", "1234-5678", "2026-11-22  13:14"} {
		if !strings.Contains(listing, word) {
			t.Errorf("no %s in\n%s", word, listing)
		}
	}
}

func TestFATIsTheSameAgain(t *testing.T) {
	one, err := sampleFAT().image(sample())
	if err != nil {
		t.Fatal(err)
	}
	two, err := sampleFAT().image(sample())
	if err != nil || !bytes.Equal(one, two) {
		t.Errorf("two images differ, %v", err)
	}
}

func TestFATHasLimits(t *testing.T) {
	f := sampleFAT()
	if _, err := f.image(tree{"large": make([]byte, 96*mib)}); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("files larger than the partition: %v", err)
	}
	f.size = 32 * mib
	if _, err := f.image(nil); err == nil || !strings.Contains(err.Error(), "too few") {
		t.Errorf("a partition with too few clusters: %v", err)
	}
}

func TestArchiveComesBack(t *testing.T) {
	var b bytes.Buffer
	want := []member{{name: "dev", mode: kindDir | 0o755}, {name: "dev/ttyS0", mode: kindChar | 0o600, major: 4, minor: 64}, {name: "odd", mode: kindFile | 0o644, data: []byte("12345")}, {name: "last", mode: kindFile | 0o600}}
	if err := writeCPIO(&b, want); err != nil {
		t.Fatal(err)
	}
	got, err := unpack(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range want {
		if g := got[m.name]; g.mode != m.mode || g.major != m.major || g.minor != m.minor || !bytes.Equal(g.data, m.data) {
			t.Errorf("%s: got %+v", m.name, g)
		}
	}
	if err := writeCPIO(&b, []member{{name: "a/b", mode: kindFile}}); err != nil {
		t.Fatal(err)
	}
	if _, err := unpack(b.Bytes()[b.Len()-360:]); err == nil {
		t.Error("the test takes a file before its directory")
	}
}
