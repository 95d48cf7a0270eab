// Command depcheck holds the import table of the project and checks the tree against it,
// with what else only the whole tree shows: no cgo, no template engine in the binary, no
// library that ends the process, no clock in a state machine. Run it from the top of the
// tree: go run ./tools/depcheck
package main

import (
	"debug/elf"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

func main() {
	found, err := checkTree()
	if err != nil {
		fmt.Fprintln(os.Stderr, "depcheck:", err)
		os.Exit(2)
	}
	for _, f := range found {
		fmt.Println(f)
	}
	if len(found) > 0 {
		fmt.Printf("depcheck: %d findings\n", len(found))
		os.Exit(1)
	}
	fmt.Println("depcheck: ok")
}

// checkTree runs every check on the tree around the working directory.
func checkTree() ([]string, error) {
	ours, err := list("CGO_ENABLED=0", module+"/...")
	if err != nil {
		return nil, err
	}
	found := checkImports(ours)
	for _, p := range ours {
		more, err := checkFiles(p)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	deps, err := list("CGO_ENABLED=1", "-deps", module+"/cmd/packhorse")
	if err != nil {
		return nil, err
	}
	found = append(found, checkClosure(deps)...)
	names, err := symbols()
	return append(found, checkSymbols(names)...), err
}

func checkFiles(p pkg) ([]string, error) {
	var found []string
	for _, name := range p.GoFiles {
		path := filepath.Join(p.Dir, name)
		src, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		more, err := checkSource(p.ImportPath, path, src)
		if err != nil {
			return nil, err
		}
		found = append(found, more...)
	}
	return found, nil
}

// symbols links the binary and
// lists the names of its symbols.
func symbols() ([]string, error) {
	dir, err := os.MkdirTemp("", "depcheck")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "packhorse")
	c := exec.Command("go", "build", "-o", out, module+"/cmd/packhorse")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	c.Stderr = os.Stderr
	if err := c.Run(); err != nil {
		return nil, fmt.Errorf("go build: %w", err)
	}
	f, err := elf.Open(out)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	syms, err := f.Symbols()
	if err != nil {
		return nil, err
	}
	names := make([]string, len(syms))
	for i, s := range syms {
		names[i] = s.Name
	}
	return names, nil
}

func checkSymbols(names []string) []string {
	var found []string
	for _, n := range names {
		for _, bad := range forbiddenSymbols {
			if strings.HasPrefix(n, bad) {
				found = append(found, "packhorse links "+n+": methods looked up by name switch off dead-code elimination")
			}
		}
	}
	return found
}
