package storetrial

import (
	"flag"
	"fmt"
	"os"
	"testing"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	os.Exit(run(m))
}

// run leaves the failing system calls to those who ask for them, for they need strace.
func run(m *testing.M) int {
	flag.Parse()
	if !soak && os.Getenv("PACKHORSE_STRACE") == "" {
		if err := flag.Set("test.skip", "SystemCall"); err != nil {
			fmt.Println(err)
			return 1
		}
	}
	return m.Run()
}
