//go:build linux

package crashfs

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// appendSynced writes to the end of a file and syncs, so many times.
func appendSynced(name string, times int) error {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	for range times {
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return err
		}
		if err := f.Sync(); err != nil {
			return err
		}
	}
	return nil
}

func TestOnExt4SyncOfAGrowingFileReachesTheDiskAsFlushes(t *testing.T) {
	need(t)
	v, err := New(Options{Size: 32 << 20, Keep: -1})
	if err != nil {
		t.Fatal(err)
	}
	before := v.Counters()
	if err := appendSynced(filepath.Join(v.Dir, "f"), 100); err != nil {
		t.Error(err)
	}
	got := v.Counters().Sub(before)
	t.Logf("100 synced writes of 4 KiB: %d writes of %d octets and %d flushes", got.Writes, got.Octets, got.Flushes)
	if got.Flushes < 100 || got.Octets < 100*4096 {
		t.Errorf("got %d flushes and %d octets, want at least 100 and %d", got.Flushes, got.Octets, 100*4096)
	}
	if err := v.Close(); err != nil {
		t.Error(err)
	}
}

func TestOnExt4ImageMountsAsAFileSystem(t *testing.T) {
	need(t)
	v, err := New(Options{Size: 32 << 20, BlockSize: 1024, Data: "journal"})
	if err != nil {
		t.Fatal(err)
	}
	if err := appendSynced(filepath.Join(v.Dir, "f"), 1); err != nil {
		t.Error(err)
	}
	at := v.Position()
	if err := os.Remove(filepath.Join(v.Dir, "f")); err != nil {
		t.Error(err)
	}
	if err := v.Close(); err != nil {
		t.Fatal(err)
	}
	image, err := v.Image(at, 3)
	if err != nil {
		t.Fatal(err)
	}
	crashed, err := Mount(image, "")
	if err != nil {
		t.Fatal(err)
	}
	if st, err := os.Stat(filepath.Join(crashed.Dir, "f")); err != nil || st.Size() != 4096 {
		t.Errorf("the synced file: got %v, %v, want 4096 octets", st, err)
	}
	if err := crashed.Close(); err != nil {
		t.Error(err)
	}
}

// TestOnExt4KilledProcessLeavesNoMountBehind kills a process while it syncs on a volume of its own: the sync
// waits for a server that is dead.
func TestOnExt4KilledProcessLeavesNoMountBehind(t *testing.T) {
	need(t)
	for range 3 {
		c := exec.Command(os.Args[0])
		c.Env = append(os.Environ(), childVar+"=holder")
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		dir, err := bufio.NewReader(out).ReadString('\n')
		if err != nil {
			t.Error(err)
		}
		c.Process.Kill()
		c.Wait() // hangs when the process does
		if _, err := os.Stat(strings.TrimSpace(dir)); err == nil {
			t.Errorf("%s is still there", dir)
		}
	}
}

// holdVolume syncs on a volume until it is killed.
func holdVolume() error {
	v, err := New(Options{})
	if err != nil {
		return err
	}
	ended := make(chan error)
	for i := range 4 {
		go func() { ended <- appendSynced(filepath.Join(v.Dir, fmt.Sprint(i)), 10_000) }()
	}
	fmt.Println(v.Dir)
	return <-ended
}
