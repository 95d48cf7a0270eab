//go:build linux

package trial

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// bin is where packhorse and packhorse-bench lie.
var bin string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if os.Getenv("PACKHORSE_REAL") == "" {
		fmt.Println("no test was run: set PACKHORSE_REAL=1")
		return 0
	}
	// Most of the time every test waits for its radios.
	if err := flag.Set("test.parallel", "4"); err != nil {
		fmt.Println(err)
		return 1
	}
	dir, err := os.MkdirTemp("", "packhorse")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	bin = dir
	for _, name := range []string{"packhorse", "packhorse-bench"} {
		build := exec.Command("go", "build", "-o", filepath.Join(dir, name), "packhorse/cmd/"+name)
		build.Env = append(os.Environ(), "CGO_ENABLED=0")
		if out, err := build.CombinedOutput(); err != nil {
			fmt.Printf("go build: %v\n%s", err, out)
			return 1
		}
	}
	return m.Run()
}
