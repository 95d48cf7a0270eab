package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// program compiles a one-line program with the given flags.
func program(t *testing.T, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	src, out := filepath.Join(dir, "main.go"), filepath.Join(dir, "p")
	if err := os.WriteFile(src, []byte("package main\nfunc main() {}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	c := exec.Command("go", append(append([]string{"build"}, flags...), "-o", out, src)...)
	c.Env = append(os.Environ(), "CGO_ENABLED=0")
	if b, err := c.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, b)
	}
	return out
}

func TestStaticTellsStaticFromDynamic(t *testing.T) {
	if err := static(program(t, "-buildmode=exe")); err != nil {
		t.Errorf("a plain binary: got %v, want nil", err)
	}
	// A position-independent executable asks for the system's loader.
	if err := static(program(t, "-buildmode=pie", "-ldflags=-linkmode=internal")); err == nil || !strings.Contains(err.Error(), "not static") {
		t.Errorf("a binary with an interpreter: got %v, want one that is not static", err)
	}
}
