// Command release builds the static binaries for every board, checks that they are
// static, and writes them with their SHA-256 sums to dist. Run it from the top of the
// tree: go run ./tools/release VERSION [DIRECTORY]
package main

import (
	"crypto/sha256"
	"debug/elf"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// target is one kind of board.
type target struct{ name, arch, arm string }

var targets = []target{
	{"linux-arm6", "arm", "6"}, // Pi Zero, Zero W, 1
	{"linux-arm7", "arm", "7"},
	{"linux-arm64", "arm64", ""},
	{"linux-riscv64", "riscv64", ""},
	{"linux-amd64", "amd64", ""},
}

func main() {
	version, dir := "dev", "dist"
	if len(os.Args) > 1 {
		version = os.Args[1]
	}
	if len(os.Args) > 2 {
		dir = os.Args[2]
	}
	if err := release(dir, version); err != nil {
		fmt.Fprintln(os.Stderr, "release:", err)
		os.Exit(1)
	}
}

func release(dir, version string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var sums strings.Builder
	for _, t := range targets {
		name := "packhorse-" + version + "-" + t.name
		path := filepath.Join(dir, name)
		if err := build(path, version, t); err != nil {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(b), name)
		fmt.Printf("%s  %.1f MB\n", path, float64(len(b))/1e6)
	}
	return os.WriteFile(filepath.Join(dir, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

func build(path, version string, t target) error {
	c := exec.Command("go", "build", "-trimpath", "-tags=grpcnotrace", "-ldflags", "-s -w -X main.version="+version, "-o", path, "./cmd/packhorse")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+t.arch, "GOARM="+t.arm)
	if b, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w\n%s", t.name, err, b)
	}
	return static(path)
}

// static makes sure that a binary asks for no interpreter and no shared library.
func static(path string) error {
	f, err := elf.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			return fmt.Errorf("%s is not static: it asks for an interpreter", path)
		}
	}
	libs, err := f.ImportedLibraries()
	if err == nil && len(libs) > 0 {
		err = errors.New(path + " is not static: it asks for " + strings.Join(libs, ", "))
	}
	return err
}
