//go:build linux

package sim

import (
	"bytes"
	"context"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// bound is how long these tests wait for octets that a pseudo-terminal owes them.
const bound = 20 * time.Second

// start runs two modems and returns their paths; they are stopped with the test.
func start(t *testing.T) (*Rig, string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "ports")
	r, err := NewRNodes(newQuietAir(), 2, dir)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = r.Run(ctx); close(ended) }()
	t.Cleanup(func() {
		stop()
		<-ended
		if left, _ := os.ReadDir(dir); len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return r, dir
}

// openHost opens a port as a host does.
func openHost(t *testing.T, path string) *os.File {
	t.Helper()
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NONBLOCK|syscall.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	if err := f.SetDeadline(time.Now().Add(bound)); err != nil {
		t.Fatal(err)
	}
	return f
}

func tell(t *testing.T, f *os.File, text string) {
	t.Helper()
	b, err := hex.DecodeString(strings.ReplaceAll(text, " ", ""))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.Write(b); err != nil {
		t.Fatal(err)
	}
}

// expect reads until the octets have come, whatever else comes before.
func expect(t *testing.T, f *os.File, text string) {
	t.Helper()
	want, _ := hex.DecodeString(text)
	var got []byte
	for !bytes.Contains(got, want) {
		b := make([]byte, 512)
		n, err := f.Read(b)
		if err != nil {
			t.Fatalf("waiting for %s, got %x: %v", text, got, err)
		}
		got = append(got, b[:n]...)
	}
}

func TestTwoHostsExchangeFramesThroughSerialPorts(t *testing.T) {
	r, dir := start(t)
	if got := strings.Join(r.Paths(), " "); got != dir+"/rnode0 "+dir+"/rnode1" {
		t.Fatalf("paths %s", got)
	}
	x, y := openHost(t, r.Paths()[0]), openHost(t, r.Paths()[1])
	for _, f := range []*os.File{x, y} {
		tell(t, f, "c00873c05000c04800c04900c0")
		expect(t, f, "c04981c0")
		tell(t, f, setup)
		expect(t, f, "c00601c0")
	}
	tell(t, x, "c000 48 0a 0d 11 13 dbdc 03 c0") // what a terminal not in raw mode would eat
	expect(t, y, "c02341c0c0241dc0c000480a0d1113dbdc03c0")
	tell(t, y, "c0000102c0")
	expect(t, x, "c0000102c0")
}

func TestHostMayCloseItsSideAndComeBack(t *testing.T) {
	r, _ := start(t)
	for range 3 {
		f := openHost(t, r.Paths()[0])
		tell(t, f, "c00873c0")
		expect(t, f, "c00846c0")
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestDoRunsBesideTheModems(t *testing.T) {
	r, _ := start(t)
	ran := false
	if !r.Do(context.Background(), func(time.Time) { ran = true }) || !ran {
		t.Error("Do did not run its function")
	}
}

func TestNothingIsOverwritten(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rnode0")
	if err := os.WriteFile(path, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := NewRNodes(newQuietAir(), 1, dir); err == nil || !strings.Contains(err.Error(), "in the way") {
		t.Errorf("got %v, want an error that names what is in the way", err)
	}
	if b, _ := os.ReadFile(path); string(b) != "mine" {
		t.Errorf("the file is now %q", b)
	}
	_ = os.Remove(path)
	if err := os.Symlink("/dev/pts/none", path); err != nil {
		t.Fatal(err)
	}
	r, err := NewRNodes(newQuietAir(), 1, dir)
	if err != nil {
		t.Fatalf("a link of an earlier run: %v", err)
	}
	r.close()
}
