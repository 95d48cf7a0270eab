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

// run leaves what needs strace or mounts a file system to those who ask for it: make test has a suite for either.
func run(m *testing.M) int {
	flag.Parse()
	var without []string
	if !soak && os.Getenv("PACKHORSE_STRACE") == "" {
		without = append(without, "SystemCall")
	}
	if os.Getenv("PACKHORSE_MOUNT") == "" {
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
