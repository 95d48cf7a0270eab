package main

import (
	"cmp"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// linked is a module whose code is in the binary.
type linked struct{ path, version, dir string }

// copyright writes the file that every package has (Debian Policy 12.5): whose code is in the binary of p, and under which terms.
func (j job) copyright(p port) error {
	modules, err := j.modules(p)
	if err != nil {
		return err
	}
	text, err := copyrightText(j.top, modules)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(j.work, "copyright."+p.debian), []byte(text), 0o644)
}

// modules are those that the binary of p is linked with, and Go's own library.
func (j job) modules(p port) ([]linked, error) {
	arch := strings.TrimPrefix(p.target, "linux-")
	if p.debian == "armhf" {
		arch = "arm"
	}
	env := []string{"CGO_ENABLED=0", "GOOS=linux", "GOARCH=" + arch}
	list, err := output(j.top, env, "go", "list", "-tags=grpcnotrace", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}", "./cmd/packhorse")
	if err != nil {
		return nil, err
	}
	root, err := output(j.top, nil, "go", "env", "GOROOT", "GOVERSION")
	if err != nil {
		return nil, err
	}
	dir, version, _ := strings.Cut(strings.TrimSpace(root), "\n")
	all := []linked{{"Go's standard library", version, dir}}
	for _, line := range strings.Split(list, "\n") {
		if f := strings.Fields(line); len(f) == 3 {
			all = append(all, linked{f[0], f[1], f[2]})
		}
	}
	slices.SortFunc(all, func(a, b linked) int { return cmp.Compare(a.path, b.path) })
	return slices.Compact(all), nil
}

// copyrightText names each module with its terms; the same terms are written once.
func copyrightText(top string, modules []linked) (string, error) {
	own, err := terms(top)
	if err != nil {
		return "", err
	}
	if own == "" {
		own = "The source of Packhorse comes without a licence of its own.\n"
	}
	var order []string
	users := map[string][]string{}
	for _, m := range modules {
		t, err := terms(m.dir)
		if err != nil {
			return "", err
		}
		if t == "" {
			return "", fmt.Errorf("%s %s has no file with its terms: a package that holds it may not be given away", m.path, m.version)
		}
		if users[t] == nil {
			order = append(order, t)
		}
		users[t] = append(users[t], m.path+" "+m.version)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "/usr/bin/packhorse is built from the source of Packhorse and is linked with the modules below.\n\nPackhorse:\n\n%s", own)
	for _, t := range order {
		fmt.Fprintf(&b, "\n%s\n\n%s:\n\n%s", strings.Repeat("-", 72), strings.Join(users[t], "\n"), t)
	}
	return b.String(), nil
}

// terms are the files of a module that tell them, one after the other; empty: there are none.
func terms(dir string) (string, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	for _, e := range entries {
		name := strings.ToUpper(e.Name())
		if e.IsDir() || !slices.ContainsFunc([]string{"LICENSE", "LICENCE", "COPYING", "NOTICE", "PATENTS"}, func(s string) bool { return strings.HasPrefix(name, s) }) {
			continue
		}
		text, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			return "", err
		}
		b.WriteString(common(strings.TrimSpace(strings.ReplaceAll(string(text), "\r", ""))) + "\n")
	}
	return b.String(), nil
}

var holder = regexp.MustCompile(`(?m)^ *Copyright [^\[{\n]*[0-9]{4}.*$`)

// common names the copy of a licence that every Debian system has, which is not to be repeated (Debian Policy 12.5). Who holds
// the rights stays.
func common(text string) string {
	if !strings.Contains(text, "Version 2.0, January 2004") || !strings.Contains(text, "TERMS AND CONDITIONS FOR USE, REPRODUCTION, AND DISTRIBUTION") {
		return text
	}
	lines := append(holder.FindAllString(text, -1), "Apache License, version 2.0: /usr/share/common-licenses/Apache-2.0")
	for i := range lines {
		lines[i] = strings.TrimSpace(lines[i])
	}
	return strings.Join(lines, "\n")
}
