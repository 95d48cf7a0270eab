package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
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

func TestBillNamesWhatIsInTheBinaries(t *testing.T) {
	self, err := os.Executable() // it is made of modules, if only of this one
	if err != nil {
		t.Fatal(err)
	}
	files := []file{{name: "one", path: program(t)}, {name: "two", path: self}}
	at := time.Unix(1_700_000_000, 0).UTC()
	b, err := bill("1.2", at, files)
	if err != nil {
		t.Fatal(err)
	}
	var d document
	if err := json.Unmarshal(b, &d); err != nil {
		t.Fatal(err)
	}
	std := "pkg:golang/std@" + strings.TrimPrefix(runtime.Version(), "go")
	if d.Metadata.Timestamp != "2023-11-14T22:13:20Z" || d.Metadata.Component.Version != "1.2" {
		t.Errorf("got %+v", d.Metadata)
	}
	found := 0
	for _, c := range d.Components {
		if c.Ref == std || c.Ref == "one" && c.Hashes[0].Algorithm == "SHA-256" {
			found++
		}
	}
	if found != 2 || len(d.Dependencies) != 3 || d.Dependencies[1].On[0] != std {
		t.Errorf("got\n%s", b)
	}
	if again, err := bill("1.2", at, files); err != nil || !bytes.Equal(b, again) {
		t.Errorf("not the same again: %v\n%s", err, again)
	}
	if _, err := bill("1.2", at, []file{{name: "none", path: os.DevNull}}); err == nil {
		t.Error("what is no Go binary has no bill")
	}
}

func TestTargetsAreChosenByName(t *testing.T) {
	var o options
	if err := o.choose("linux-arm64,linux-arm6"); err != nil || len(o.targets) != 2 || o.targets[1].level != "GOARM=6" {
		t.Errorf("got %+v, %v", o.targets, err)
	}
	if err := o.choose("linux-mips"); err == nil || !strings.Contains(err.Error(), "linux-riscv64") {
		t.Errorf("got %v, want what there is", err)
	}
	if err := o.choose(""); err != nil || len(o.targets) != len(targets) {
		t.Errorf("got %+v, %v", o.targets, err)
	}
}

func TestTimeIsThatOfTheSource(t *testing.T) {
	t.Setenv("SOURCE_DATE_EPOCH", "86400")
	if got, err := madeAt(); err != nil || got != time.Unix(86400, 0).UTC() {
		t.Errorf("got %v, %v", got, err)
	}
	t.Setenv("SOURCE_DATE_EPOCH", "yesterday")
	if got, err := madeAt(); err == nil {
		t.Errorf("got %v, want what is wrong", got)
	}
}
