package main

import (
	"bytes"
	"cmp"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"os/exec"
	"slices"
	"strings"
)

// linked is a module whose code is in a binary, and where its source is.
type linked struct{ path, version, dir string }

// linkedInto are the modules of binaries and Go's own library, by their paths, each once.
func linkedInto(binaries []string) ([]linked, error) {
	var all []linked
	for _, b := range binaries {
		info, err := buildinfo.ReadFile(b)
		if err != nil {
			return nil, fmt.Errorf("read what %s is made of: %w", b, err)
		}
		all = append(all, linked{path: "Go's standard library", version: info.GoVersion})
		for _, m := range info.Deps {
			if m.Replace != nil {
				m = m.Replace
			}
			all = append(all, linked{path: m.Path, version: m.Version})
		}
	}
	slices.SortFunc(all, func(a, b linked) int { return cmp.Or(cmp.Compare(a.path, b.path), cmp.Compare(a.version, b.version)) })
	all = slices.Compact(all)
	return all, findSources(all)
}

// findSources asks go where modules are, and lets it download what is not there.
func findSources(all []linked) error {
	args := []string{"mod", "download", "-json"}
	at := map[string]*linked{}
	for i := range all {
		if m := &all[i]; strings.Contains(m.path, "/") {
			at[m.path+"@"+m.version] = m
			args = append(args, m.path+"@"+m.version)
			continue
		}
		root, err := output("go", "env", "GOROOT")
		if err != nil {
			return err
		}
		all[i].dir = strings.TrimSpace(string(root))
	}
	if len(at) == 0 {
		return nil
	}
	b, err := output("go", args...)
	if err != nil {
		return err
	}
	for d := json.NewDecoder(bytes.NewReader(b)); d.More(); {
		var found struct{ Path, Version, Dir string }
		if err := d.Decode(&found); err != nil {
			return err
		}
		if m := at[found.Path+"@"+found.Version]; m != nil {
			m.dir = found.Dir
		}
	}
	return nil
}

func output(name string, args ...string) ([]byte, error) {
	c := exec.Command(name, args...)
	var complaint bytes.Buffer
	c.Stderr = &complaint
	b, err := c.Output()
	if err != nil {
		return nil, fmt.Errorf("%s: %w\n%s%s", c, err, complaint.Bytes(), b)
	}
	return b, nil
}
