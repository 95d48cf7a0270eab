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
	ours, err := list("CGO_ENABLED=0", tags, module+"/...")
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
	closure, err := list("CGO_ENABLED=1", tags, "-deps", module+"/cmd/packhorse")
	if err != nil {
		return nil, err
	}
	found = append(found, checkClosure(closure)...)
	names, deps, err := link()
	return append(found, checkLinked(names, deps)...), err
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

// link links the binary. It lists the names of its symbols, and what the linker kept what for.
func link() (names, deps []string, err error) {
	dir, err := os.MkdirTemp("", "depcheck")
	if err != nil {
		return nil, nil, err
	}
	defer os.RemoveAll(dir)
	out := filepath.Join(dir, "packhorse")
	c := exec.Command("go", "build", tags, "-ldflags=-dumpdep", "-o", out, module+"/cmd/packhorse")
	c.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux")
	said, err := c.CombinedOutput()
	if err != nil {
		return nil, nil, fmt.Errorf("go build: %w\n%s", err, said[:min(len(said), 4<<10)])
	}
	names, err = symbols(out)
	return names, strings.Split(string(said), "\n"), err
}

func symbols(path string) ([]string, error) {
	f, err := elf.Open(path)
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

// checkLinked judges the binary. Without dead-code elimination it holds every method of every type.
func checkLinked(names, deps []string) []string {
	var found []string
	for _, n := range names {
		for _, bad := range forbiddenSymbols {
			if strings.HasPrefix(n, bad) {
				found = append(found, "packhorse links "+n+": a template engine, which looks methods up by name")
			}
		}
	}
	return append(found, checkKept(deps)...)
}

// checkKept finds the first function that makes the linker keep all methods; others may follow from it.
func checkKept(deps []string) []string {
	told := false
	for _, line := range deps {
		if at := strings.Index(line, keepsAllMethods); at >= 0 {
			return []string{"packhorse links " + strings.TrimSpace(line[:at]) + ": it looks methods up by name, which switches off dead-code elimination"}
		}
		told = told || strings.Contains(line, anyDependency)
	}
	if !told {
		return []string{"the linker does not tell any more what it keeps (-dumpdep): depcheck has to ask in another way"}
	}
	return nil
}
