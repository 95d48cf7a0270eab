package main

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/goreleaser/nfpm/v2"
	"github.com/goreleaser/nfpm/v2/deb"
	"github.com/goreleaser/nfpm/v2/files"
)

const description = `delay-tolerant gateway for Awala parcels over radio
Packhorse carries parcels where roads end: it keeps them safe on disk, moves
them from gateway to gateway over LoRa and serial radios and whatever Internet
is left, and hands them over hours or days later, once. Apps of Awala use it
unchanged.`

// pack writes the package of p.
func (j job) pack(p port, path string) error {
	contents, err := j.contents(p)
	if err != nil {
		return err
	}
	script := func(name string) string { return filepath.Join(j.files, "scripts", name) }
	info := nfpm.WithDefaults(&nfpm.Info{
		Name: "packhorse", Arch: p.debian, Platform: "linux", Version: j.version, VersionSchema: "none",
		Section: "net", Priority: "optional", Maintainer: maintainer(), Description: description,
		DisableGlobbing: true, MTime: j.commit.at,
		Overridables: nfpm.Overridables{
			Depends:    []string{"adduser", "init-system-helpers (>= 1.54~)"},
			Recommends: []string{"ca-certificates", "time-daemon"},
			Suggests:   []string{"network-manager", "dnsmasq-base", "iw", "wireless-regdb"},
			Contents:   contents,
			Scripts:    nfpm.Scripts{PostInstall: script("postinst"), PreRemove: script("prerm"), PostRemove: script("postrm")},
			Deb:        nfpm.Deb{Compression: j.squeeze, Fields: map[string]string{"Multi-Arch": "foreign"}},
		},
	})
	var b bytes.Buffer
	if err := deb.Default.Package(info, &b); err != nil {
		return err
	}
	return os.WriteFile(path, b.Bytes(), 0o644)
}

// contents are the files of the package of p.
func (j job) contents(p port) (files.Contents, error) {
	own := j.files
	l := list{mtime: j.commit}
	l.file(j.binary(p.target), "/usr/bin/packhorse", 0o755)
	for _, unit := range []string{"packhorse.service", "packhorse-setup.service", "packhorse-poweroff.path", "packhorse-poweroff.service", "packhorse-page.socket"} {
		l.file(filepath.Join(own, unit), "/usr/lib/systemd/system/"+unit, 0o644)
	}
	l.file(filepath.Join(own, "packhorse.sysusers"), "/usr/lib/sysusers.d/packhorse.conf", 0o644)
	l.file(filepath.Join(own, "60-packhorse.rules"), "/usr/lib/udev/rules.d/60-packhorse.rules", 0o644)
	l.file(filepath.Join(own, "lintian-overrides"), "/usr/share/lintian/overrides/packhorse", 0o644)
	l.file(filepath.Join(j.work, "changelog.gz"), "/usr/share/doc/packhorse/changelog.gz", 0o644)
	l.file(filepath.Join(j.work, "copyright."+p.debian), "/usr/share/doc/packhorse/copyright", 0o644)
	l.file(filepath.Join(j.work, "completion.bash"), "/usr/share/bash-completion/completions/packhorse", 0o644)
	l.file(filepath.Join(j.work, "completion.zsh"), "/usr/share/zsh/vendor-completions/_packhorse", 0o644)
	l.file(filepath.Join(j.work, "completion.fish"), "/usr/share/fish/vendor_completions.d/packhorse.fish", 0o644)
	l.config(filepath.Join(own, "packhorse.toml"), "/etc/packhorse/packhorse.toml")
	l.dir("/etc/packhorse/conf.d")
	l.dir("/etc/packhorse/boards.d")
	err := l.all(filepath.Join(j.top, "board", "hats"), "/usr/share/packhorse/hats", ".toml")
	if err == nil {
		err = l.pages(filepath.Join(j.work, "man"))
	}
	return l.contents, err
}

// list is a package's contents as they come together.
type list struct {
	contents files.Contents
	mtime    commit
}

func (l *list) add(c *files.Content, mode fs.FileMode) {
	c.FileInfo = &files.ContentFileInfo{Owner: "root", Group: "root", Mode: mode, MTime: l.mtime.at}
	l.contents = append(l.contents, c)
}

func (l *list) file(from, to string, mode fs.FileMode) {
	l.add(&files.Content{Source: from, Destination: to}, mode)
}

// config is a file whose changes by the user stay (deb-conffiles(5)).
func (l *list) config(from, to string) {
	l.add(&files.Content{Source: from, Destination: to, Type: files.TypeConfig}, 0o644)
}

func (l *list) dir(path string) {
	l.add(&files.Content{Destination: path, Type: files.TypeDir}, 0o755)
}

// all takes the files of a directory with such an ending.
func (l *list) all(from, to, ending string) error {
	entries, err := os.ReadDir(from)
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ending) {
			l.file(filepath.Join(from, e.Name()), to+"/"+e.Name(), 0o644)
		}
	}
	return err
}

// pages puts manual pages into the directories of their sections.
func (l *list) pages(from string) error {
	entries, err := os.ReadDir(from)
	for _, e := range entries {
		section := strings.TrimPrefix(filepath.Ext(strings.TrimSuffix(e.Name(), ".gz")), ".")
		l.file(filepath.Join(from, e.Name()), "/usr/share/man/man"+section+"/"+e.Name(), 0o644)
	}
	return err
}
