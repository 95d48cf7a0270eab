package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"time"
)

// generate makes what is alike in all packages: manual pages and completions, which the binary writes of itself, and the changes.
func (j job) generate() error {
	own := filepath.Join(j.work, "own")
	err := j.command(j.top, []string{"CGO_ENABLED=0", "GOOS=" + runtime.GOOS, "GOARCH=" + runtime.GOARCH}, "go", "build", "-trimpath", "-buildvcs=false",
		"-tags=grpcnotrace", "-ldflags", "-s -w -X main.version="+j.upstream, "-o", own, "./cmd/packhorse")
	if err != nil {
		return err
	}
	if err := j.manuals(own); err != nil {
		return err
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		text, err := output(j.work, nil, own, "completion", shell)
		if err == nil {
			err = os.WriteFile(filepath.Join(j.work, "completion."+shell), []byte(text), 0o644)
		}
		if err != nil {
			return err
		}
	}
	return compress(filepath.Join(j.work, "changelog.gz"), []byte(changelog(j.version, maintainer(), j.commit)))
}

// manuals writes the pages, compressed, into work/man.
func (j job) manuals(own string) error {
	raw := filepath.Join(j.work, "raw")
	for _, dir := range []string{raw, filepath.Join(j.work, "man")} {
		if err := os.Mkdir(dir, 0o755); err != nil {
			return err
		}
	}
	if err := j.command(j.work, nil, own, "man", raw); err != nil {
		return err
	}
	pages, err := os.ReadDir(raw)
	for _, page := range pages {
		b, e := os.ReadFile(filepath.Join(raw, page.Name()))
		if e == nil {
			e = compress(filepath.Join(j.work, "man", page.Name()+".gz"), b)
		}
		if e != nil {
			return e
		}
	}
	return err
}

// compress writes what gzip -9n would: without name and time.
func compress(path string, b []byte) error {
	var out bytes.Buffer
	w, err := gzip.NewWriterLevel(&out, gzip.BestCompression)
	if err != nil {
		return err
	}
	if _, err := w.Write(b); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	return os.WriteFile(path, out.Bytes(), 0o644)
}

// changelog is the form of deb-changelog(5), with the newest commits.
func changelog(version, by string, c commit) string {
	var b strings.Builder
	fmt.Fprintf(&b, "packhorse (%s) unstable; urgency=medium\n\n", version)
	for _, s := range c.subjects {
		fmt.Fprintf(&b, "  * %s\n", wrap(s, 75, "\n    "))
	}
	fmt.Fprintf(&b, "\n -- %s  %s\n", by, c.at.UTC().Format(time.RFC1123Z))
	return b.String()
}

// maintainer is who builds the package, as Debian's tools are told.
func maintainer() string {
	name, mail := os.Getenv("DEBFULLNAME"), os.Getenv("DEBEMAIL")
	if name == "" {
		name = "Packhorse"
	}
	if mail == "" {
		mail = "packhorse@localhost"
	}
	return name + " <" + mail + ">"
}

// wrap breaks text where a line would be longer than so many characters.
func wrap(text string, width int, between string) string {
	var b strings.Builder
	at := 0
	for i, w := range strings.Fields(text) {
		switch {
		case i == 0:
		case at+1+len(w) > width:
			b.WriteString(between)
			at = 0
		default:
			b.WriteString(" ")
			at++
		}
		b.WriteString(w)
		at += len(w)
	}
	return b.String()
}
