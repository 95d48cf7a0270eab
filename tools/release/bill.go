package main

import (
	"debug/buildinfo"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// document is a CycloneDX 1.6 bill of materials, as far as it is needed (ECMA-424).
type document struct {
	Format       string       `json:"bomFormat"`
	Spec         string       `json:"specVersion"`
	Version      int          `json:"version"`
	Metadata     metadata     `json:"metadata"`
	Components   []component  `json:"components"`
	Dependencies []dependency `json:"dependencies"`
}

type metadata struct {
	Timestamp string    `json:"timestamp"`
	Component component `json:"component"`
}

type component struct {
	Type       string     `json:"type"`
	Ref        string     `json:"bom-ref"`
	Name       string     `json:"name"`
	Version    string     `json:"version,omitempty"`
	PURL       string     `json:"purl,omitempty"`
	Hashes     []digest   `json:"hashes,omitempty"`
	Properties []property `json:"properties,omitempty"`
}

type digest struct {
	Algorithm string `json:"alg"`
	Content   string `json:"content"`
}

type property struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type dependency struct {
	Ref string   `json:"ref"`
	On  []string `json:"dependsOn"`
}

// bill lists what is in the binaries, by what the linker wrote into them: so nothing is named that only a test needs.
func bill(version string, at time.Time, files []file) ([]byte, error) {
	d := document{Format: "CycloneDX", Spec: "1.6", Version: 1,
		Metadata: metadata{at.Format(time.RFC3339), component{Type: "application", Ref: "packhorse", Name: "packhorse", Version: version}}}
	whole := dependency{Ref: "packhorse", On: []string{}}
	for _, f := range files {
		on, err := d.add(f)
		if err != nil {
			return nil, err
		}
		whole.On = append(whole.On, f.name)
		d.Dependencies = append(d.Dependencies, dependency{f.name, on})
	}
	slices.SortStableFunc(d.Components, func(a, b component) int { return strings.Compare(a.Type+a.Ref, b.Type+b.Ref) })
	d.Dependencies = append([]dependency{whole}, d.Dependencies...)
	b, err := json.MarshalIndent(d, "", " ")
	return append(b, '\n'), err
}

// add takes a binary and its modules, and answers what it depends on.
func (d *document) add(f file) ([]string, error) {
	info, err := buildinfo.ReadFile(f.path)
	if err != nil {
		return nil, fmt.Errorf("read what %s is made of: %w", f.name, err)
	}
	d.Components = append(d.Components, component{Type: "file", Ref: f.name, Name: f.name, Hashes: []digest{{"SHA-256", hex.EncodeToString(f.sum[:])}}})
	on := []string{d.module("std", strings.TrimPrefix(info.GoVersion, "go"), "")}
	for _, m := range info.Deps {
		if m.Replace != nil {
			m = m.Replace
		}
		on = append(on, d.module(m.Path, m.Version, m.Sum))
	}
	return on, nil
}

// module takes a Go module once and answers its reference. Its sum is of the module's tree (go.sum), so no plain hash.
func (d *document) module(path, version, sum string) string {
	ref := "pkg:golang/" + path + "@" + version
	if slices.ContainsFunc(d.Components, func(c component) bool { return c.Ref == ref }) {
		return ref
	}
	c := component{Type: "library", Ref: ref, Name: path, Version: version, PURL: ref}
	if sum != "" {
		c.Properties = []property{{"packhorse:go.sum", sum}}
	}
	d.Components = append(d.Components, c)
	return ref
}
