//go:build linux

package real

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// binary is the packhorse under test.
var binary string

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	soak := os.Getenv("PACKHORSE_SOAK") != ""
	if !soak && os.Getenv("PACKHORSE_REAL") == "" {
		fmt.Println("no test was run: set PACKHORSE_REAL=1, or PACKHORSE_SOAK=1 for the long ones too")
		return 0
	}
	// Most of the time every test waits for its radios.
	settings := map[string]string{"test.parallel": "8"}
	if !soak {
		settings["test.skip"] = "^TestSoak"
	}
	for name, value := range settings {
		if err := flag.Set(name, value); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	dir, err := os.MkdirTemp("", "packhorse")
	if err != nil {
		fmt.Println(err)
		return 1
	}
	defer os.RemoveAll(dir)
	binary = filepath.Join(dir, "packhorse")
	build := exec.Command("go", "build", "-o", binary, "packhorse/cmd/packhorse")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Printf("go build: %v\n%s", err, out)
		return 1
	}
	return m.Run()
}
