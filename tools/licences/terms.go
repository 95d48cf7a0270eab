package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// together names each module with its terms, which read gives by its directory; the same terms are written once.
func together(own string, modules []linked, read func(dir string) (string, error)) (string, error) {
	if own == "" {
		own = "The source of Packhorse comes without a licence of its own.\n"
	}
	var order []string
	users := map[string][]string{}
	for _, m := range modules {
		t, err := read(m.dir)
		if err != nil {
			return "", err
		}
		if t == "" {
			return "", fmt.Errorf("%s %s has no file with its terms: a binary that holds it may not be given away", m.path, m.version)
		}
		if users[t] == nil {
			order = append(order, t)
		}
		users[t] = append(users[t], m.path+" "+m.version)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "packhorse is built from the source of Packhorse and is linked with the modules below.\n\nPackhorse:\n\n%s", own)
	for _, t := range order {
		fmt.Fprintf(&b, "\n%s\n\n%s:\n\n%s", strings.Repeat("-", 72), strings.Join(users[t], "\n"), t)
	}
	return b.String(), nil
}

// terms are the files of a module that tell them, one after the other; empty: there are none.
func terms(dir string, debian bool) (string, error) {
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
		own := strings.TrimSpace(strings.ReplaceAll(string(text), "\r", ""))
		if debian {
			own = common(own)
		}
		b.WriteString(own + "\n")
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
