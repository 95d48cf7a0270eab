package storetrial

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(run(m))
}

// run leaves what needs strace or root to those who have it: make test has suites that see to either.
func run(m *testing.M) int {
	flag.Parse()
	var without []string
	if !soak && os.Getenv("PACKHORSE_STRACE") == "" {
		without = append(without, "SystemCall")
	}
	if os.Geteuid() != 0 {
		without = append(without, "SmallDisk")
	}
	if len(without) > 0 {
		if err := flag.Set("test.skip", strings.Join(without, "|")); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return m.Run()
}

// lacking skips what cannot be had; in CI that is a failure.
func lacking(t *testing.T, what string) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		t.Fatal(what)
	}
	t.Skip(what)
}
