package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
)

// pkg is what the go command tells of a package.
type pkg struct {
	ImportPath   string
	Dir          string
	Standard     bool
	Imports      []string
	TestImports  []string
	XTestImports []string
	GoFiles      []string
	CgoFiles     []string
}

// list asks the go command.
func list(env string, args ...string) ([]pkg, error) {
	c := exec.Command("go", append([]string{"list", "-json=ImportPath,Dir,Standard,Imports,TestImports,XTestImports,GoFiles,CgoFiles"}, args...)...)
	c.Env = append(os.Environ(), "GOOS=linux", env)
	c.Stderr = os.Stderr
	out, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("go list: %w", err)
	}
	var all []pkg
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all, nil
		} else if err != nil {
			return nil, fmt.Errorf("go list: %w", err)
		}
		all = append(all, p)
	}
}

// checkImports judges our packages by the table.
func checkImports(pkgs []pkg) []string {
	var found []string
	for _, p := range pkgs {
		from, _ := roomOf(p.ImportPath)
		if from.name == "" {
			found = append(found, fmt.Sprintf("%s: in no room of the import table (tools/depcheck/rules.go)", p.ImportPath))
			continue
		}
		for _, i := range p.Imports {
			found = append(found, judge(p.ImportPath, from, i)...)
		}
		for _, i := range slices.Concat(p.TestImports, p.XTestImports) {
			to, ours := roomOf(i)
			if ours && to.name != from.name && (to.name == "cmd" || to.name == "tools") {
				found = append(found, fmt.Sprintf("%s: its tests import %s: nothing imports %s", p.ImportPath, i, to.name))
			}
		}
		if len(p.CgoFiles) > 0 {
			found = append(found, fmt.Sprintf("%s: uses cgo: the binary is static and cross-built (%s)", p.ImportPath, p.CgoFiles[0]))
		}
	}
	return found
}

func judge(path string, from room, imported string) []string {
	if what, ok := impure[imported]; ok && isPure(path) {
		return []string{fmt.Sprintf("%s imports %s: a state machine or codec has no %s of its own", path, imported, what)}
	}
	to, ours := roomOf(imported)
	if !ours || to.name == from.name || slices.Contains(from.may, to.name) {
		return nil
	}
	return []string{fmt.Sprintf("%s imports %s: room %s may import %s only (%s)", path, imported, from.name, orNothing(from.may), from.why)}
}

func orNothing(may []string) string {
	if len(may) == 0 {
		return "nothing of ours"
	}
	return strings.Join(may, ", ")
}

// checkClosure judges all that the binary links: no template engine, no cgo.
func checkClosure(deps []pkg) []string {
	var found []string
	for _, p := range deps {
		if p.Standard {
			continue
		}
		if len(p.CgoFiles) > 0 {
			found = append(found, fmt.Sprintf("%s: uses cgo when it may: the binary must not depend on that", p.ImportPath))
		}
		for _, i := range p.Imports {
			if templates[i] && templateFriends[p.ImportPath] == "" {
				found = append(found, fmt.Sprintf("%s imports %s: it switches off dead-code elimination", p.ImportPath, i))
			}
		}
	}
	return found
}
