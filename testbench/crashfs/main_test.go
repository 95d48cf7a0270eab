//go:build linux

package crashfs

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// childVar tells a copy of the test binary which part to play.
const childVar = "PACKHORSE_CRASHFS_CHILD"

// mountVar lets the tests run that mount file systems; the suite crash of make test sets it.
const mountVar = "PACKHORSE_MOUNT"

func TestMain(m *testing.M) {
	parts := map[string]func() error{"writer": writeAsTold, "holder": holdVolume}
	part := os.Getenv(childVar)
	if part == "" {
		os.Exit(runTests(m))
	}
	if err := parts[part](); err != nil {
		fmt.Fprintln(os.Stderr, part+":", err)
		os.Exit(1)
	}
}

// runTests leaves what mounts file systems to those who ask for it.
func runTests(m *testing.M) int {
	flag.Parse()
	if os.Getenv(mountVar) == "" {
		if err := flag.Set("test.skip", "OnExt4"); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return m.Run()
}

// need fails where a file system cannot be mounted or a system call not be traced.
func need(t *testing.T) {
	t.Helper()
	err := Able()
	if _, e := exec.LookPath("strace"); e != nil {
		err = errors.Join(err, errors.New("these tests need strace: apt install strace"))
	}
	if err != nil {
		t.Fatal(err)
	}
}
