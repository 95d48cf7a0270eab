//go:build linux

package crashfs

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// childVar tells a copy of the test binary which part to play.
const childVar = "PACKHORSE_CRASHFS_CHILD"

func TestMain(m *testing.M) {
	parts := map[string]func() error{"writer": writeAsTold, "holder": holdVolume}
	part := os.Getenv(childVar)
	if part == "" {
		os.Exit(m.Run())
	}
	if err := parts[part](); err != nil {
		fmt.Fprintln(os.Stderr, part+":", err)
		os.Exit(1)
	}
}

// need skips without root and devices. Where those are, what else is missing fails in CI.
func need(t *testing.T) {
	t.Helper()
	err := Able()
	if _, e := exec.LookPath("strace"); e != nil {
		err = errors.Join(err, errors.New("these tests need strace: apt install strace"))
	}
	if err == nil {
		return
	}
	_, fuse := os.Stat("/dev/fuse")
	if os.Getenv("CI") == "true" && os.Geteuid() == 0 && fuse == nil {
		t.Fatal(err)
	}
	t.Skip(err)
}
