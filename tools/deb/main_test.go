package main

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// debianVar lets the tests run that make Debian systems and install packages in them; the suite deb of make test sets it.
// soakVar adds the other architectures, under qemu-user.
const (
	debianVar = "PACKHORSE_DEBIAN"
	soakVar   = "PACKHORSE_SOAK"
)

func TestMain(m *testing.M) {
	flag.Parse()
	skip := ""
	switch {
	case os.Getenv(debianVar) == "":
		skip = "InDebian|OnOther"
	case os.Getenv(soakVar) == "":
		skip = "OnOther"
	}
	if skip != "" {
		if err := flag.Set("test.skip", skip); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// top is that of the tree.
func top(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
