//go:build linux

package appliance

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"

	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/testbench/hil"
)

// What is put into cmd/packhorse to make a system that is broken in one point.
const (
	// neverReady is a gateway that starts and says nothing.
	neverReady = `package main

import ("os"; "slices"; "time")

func init() {
	if slices.Contains(os.Args, "run") {
		time.Sleep(24 * time.Hour)
	}
}
`
	// freezes is an init that stops some seconds after its start, and whatever it does with it.
	freezes = `package main

import ("os"; "syscall"; "time")

func init() {
	if os.Getpid() != 1 {
		return
	}
	go func() {
		time.Sleep(6 * time.Second)
		os.MkdirAll("/run/frozen", 0o755)
		syscall.Mount("none", "/run/frozen", "cgroup2", 0, "")
		os.Mkdir("/run/frozen/x", 0o755)
		os.WriteFile("/run/frozen/x/cgroup.procs", []byte("1"), 0)
		os.WriteFile("/run/frozen/x/cgroup.freeze", []byte("1"), 0)
	}()
}
`
)

// system builds a slot of another version. What is not empty is one more file of cmd/packhorse.
func system(t *testing.T, version, broken string) (slot string) {
	t.Helper()
	dir := t.TempDir()
	args := []string{}
	if broken != "" {
		args = append(args, "-binary", program(t, dir, version, broken))
	}
	if err := buildImage(dir, version, args...); err != nil {
		t.Fatal(err)
	}
	return filepath.Join(dir, "slot.img")
}

// program builds packhorse for arm64 with one more file, without touching the tree.
func program(t *testing.T, dir, version, file string) string {
	t.Helper()
	extra, overlay, out := filepath.Join(dir, "broken.go"), filepath.Join(dir, "overlay.json"), filepath.Join(dir, "packhorse")
	tree, err := filepath.Abs("../../../cmd/packhorse")
	if err != nil {
		t.Fatal(err)
	}
	list, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(tree, "broken.go"): extra}})
	for _, err := range []error{err, os.WriteFile(extra, []byte(file), 0o600), os.WriteFile(overlay, list, 0o600)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	c := exec.CommandContext(t.Context(), "go", "build", "-tags=grpcnotrace", "-trimpath", "-ldflags=-s -w -X main.version="+version, "-overlay="+overlay, "-o", out, tree)
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=arm64")
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	return out
}

// panicking is a system with an initramfs that holds nothing.
func panicking(t *testing.T) (slot string) {
	t.Helper()
	return altered(t, "hil-panics", card.InitramfsFile, func([]byte) []byte { return []byte("nothing") })
}

// blind is a system whose kernel knows no ext4, so that it cannot mount its data partition.
func blind(t *testing.T) (slot string) {
	t.Helper()
	return altered(t, "hil-blind", card.CmdlineFile, func(line []byte) []byte {
		return append(bytes.TrimSpace(line), " initcall_blacklist=ext4_init_fs\n"...)
	})
}

// altered is the slot of the card's own system with another file in it, under another name.
func altered(t *testing.T, version, file string, change func([]byte) []byte) (slot string) {
	t.Helper()
	slot = filepath.Join(t.TempDir(), "slot.img")
	b, err := os.ReadFile(firstSlot())
	if err == nil {
		err = os.WriteFile(slot, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	r := release(t, slot)
	r.Version, r.Build = version, strings.Repeat("0", len(r.Build))
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	old := mtools(t, nil, "mtype", "-i", slot, "::"+file)
	mtools(t, text, "mcopy", "-o", "-i", slot, "-", "::"+card.ReleaseFile)
	mtools(t, change(old), "mcopy", "-o", "-i", slot, "-", "::"+file)
	return slot
}

// firstSlot is the system of the card.
func firstSlot() string { return filepath.Join(images, "slot.img") }

func release(t *testing.T, slot string) (r card.Release) {
	t.Helper()
	if err := json.Unmarshal(mtools(t, nil, "mtype", "-i", slot, "::"+card.ReleaseFile), &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func mtools(t *testing.T, in []byte, name string, args ...string) []byte {
	t.Helper()
	c := exec.CommandContext(t.Context(), name, args...)
	c.Stdin, c.Env = bytes.NewReader(in), append(os.Environ(), "MTOOLS_SKIP_CHECK=1")
	out, err := c.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return out
}

// keys are one that the boxes trust, and a stranger's.
func keys(t *testing.T) (ours, strange minisign.PrivateKey, public string) {
	t.Helper()
	pub, ours, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	_, strange, err = minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return ours, strange, pub.String()
}

// pack makes an update file of a slot.
func pack(t *testing.T, slot string, key minisign.PrivateKey) hil.Artifact {
	t.Helper()
	in, err := os.Open(slot)
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(t.TempDir(), "system.phup"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := update.Write(out, release(t, slot), in, update.SignWith(key)); err != nil {
		t.Fatal(err)
	}
	if err := out.Close(); err != nil {
		t.Fatal(err)
	}
	return hil.Artifact{Kind: hil.Update, Path: out.Name()}
}

// install puts an update onto the card of a box that is off, and switches it on.
func (b *box) install(a hil.Artifact) {
	b.t.Helper()
	b.must(b.Deploy(b.ctx, a))
	b.must(b.Power().On(b.ctx))
}
