package config

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"

	"packhorse/board"
	"packhorse/gateway/discovery"
	"packhorse/gateway/domain"
)

// DefaultPath is read when nothing else is named; it may be missing.
const DefaultPath = "/etc/packhorse/packhorse.toml"

// maxFile bounds one file.
const maxFile = 1 << 20

// Options say where to look. The zero value reads DefaultPath.
type Options struct {
	Path   string              // empty: PACKHORSE_CONFIG, or DefaultPath
	State  string              // of --state; empty: PACKHORSE_STATE, the file, the default
	Socket string              // of --socket; empty: PACKHORSE_SOCKET, the file, the default
	Key    string              // of --key-file; empty: PACKHORSE_KEY_FILE, the file, none
	Getenv func(string) string // required
	Root   bool                // running as root: system paths instead of the user's
	Host   string              // host name, the default of name
	// Instead holds what to read instead of files, by their paths: what would become of a configuration if they were so.
	// Nil: as if the file were not there. The files of conf.d are those there and those here.
	Instead map[string][]byte
}

// Loaded is a configuration and where each value came from.
type Loaded struct {
	Config
	Path    string            // the main file, which may not exist
	Files   []string          // those that were read
	Origins map[string]string // key to "file:line", "environment NAME", "flag --NAME"; absent: default
	// Boards are the radio boards that are known, built in or in boards.d beside the main file; read only where a
	// radio names one.
	Boards []*board.Profile
	// Fixed is Uplink.Fixed with the authorities' files read.
	Fixed []discovery.Fixed

	instead map[string][]byte
	adjust  []adjustment
}

// Origin says where a key's value came from.
func (l *Loaded) Origin(key string) string {
	if o, ok := l.Origins[key]; ok {
		return o
	}
	return "default"
}

// Load reads the files, fills in defaults and checks all values. Errors are *Error
// where a person's mistake is behind them.
func Load(o Options) (*Loaded, error) {
	l := &Loaded{Path: MainPath(o), Origins: map[string]string{}, instead: o.Instead}
	named := o.Path != "" || o.Getenv("PACKHORSE_CONFIG") != ""
	l.defaults(o)
	if err := l.file(l.Path); err != nil && (named || !errors.Is(err, os.ErrNotExist)) {
		return nil, err
	}
	more, err := l.parts()
	if err != nil {
		return nil, err
	}
	for _, path := range more {
		if err := l.file(path); err != nil {
			return nil, err
		}
	}
	if err := l.applyAdjust(); err != nil {
		return nil, err
	}
	l.outside(o)
	if err := l.boards(); err != nil {
		return nil, err
	}
	return l, l.check()
}

// MainPath is the main file, which may not exist.
func MainPath(o Options) string { return first(o.Path, o.Getenv("PACKHORSE_CONFIG"), DefaultPath) }

// PartsDir is beside the main file: each of its files is read after it, in the order of their names.
const PartsDir = "conf.d"

// parts are the files of conf.d, in the order in which they are read.
func (l *Loaded) parts() ([]string, error) {
	dir := filepath.Join(filepath.Dir(l.Path), PartsDir)
	list, err := filepath.Glob(filepath.Join(dir, "*.toml"))
	if err != nil {
		return nil, fmt.Errorf("look for conf.d: %w", err)
	}
	for path, text := range l.instead {
		if filepath.Dir(path) == dir && text != nil && !slices.Contains(list, path) {
			list = append(list, path)
		}
	}
	list = slices.DeleteFunc(list, func(path string) bool { text, ours := l.instead[path]; return ours && text == nil })
	sort.Strings(list)
	return list, nil
}

func first(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}

// defaults are what holds without any file. A service manager that made directories for us (systemd.exec(5)) names them.
func (l *Loaded) defaults(o Options) {
	l.Name = Hostname(o.Host)
	l.PoWeb.Listen = "127.0.0.1:13276"
	l.Courier.Internet = true
	l.Gateway.MaxParcels, l.Gateway.MaxCargoBytes = 20_000, 8_397_056
	l.Courier.KeepDays, l.Courier.MeshMB = 30, 16
	l.Store.MaxBytes, l.Store.MaxParcels = 1<<30, 10_000
	l.boxDefaults()
	l.StateDir = "/var/lib/packhorse"
	if !o.Root {
		state := o.Getenv("XDG_STATE_HOME")
		if state == "" {
			state = filepath.Join(o.Getenv("HOME"), ".local", "state")
		}
		l.StateDir = filepath.Join(state, "packhorse")
	}
	if made := o.Getenv("STATE_DIRECTORY"); made != "" {
		l.StateDir = made
	}
}

// outside applies environment and flags, which win over files, and the defaults that
// follow from other values.
func (l *Loaded) outside(o Options) {
	set := func(key string, v *string, flag, value, env string) {
		if e := o.Getenv(env); e != "" {
			*v, l.Origins[key] = e, "environment "+env
		}
		if value != "" {
			*v, l.Origins[key] = value, "flag --"+flag
		}
	}
	set("state_dir", &l.StateDir, "state", o.State, "PACKHORSE_STATE")
	set("socket", &l.Socket, "socket", o.Socket, "PACKHORSE_SOCKET")
	if l.Store.MaxParcelBytes == 0 {
		l.Store.MaxParcelBytes = l.Store.MaxBytes / 4
	}
	if l.Gateway.MaxParcelBytes == 0 {
		l.Gateway.MaxParcelBytes = l.Store.MaxBytes / 4
	}
	set("store.key_file", &l.Store.KeyFile, "key-file", o.Key, "PACKHORSE_KEY_FILE")
	if l.Socket != "" {
		return
	}
	l.Socket = filepath.Join(l.StateDir, "packhorse.sock")
	if l.Origin("state_dir") != "default" {
		return
	}
	if made := o.Getenv("RUNTIME_DIRECTORY"); made != "" {
		l.Socket = filepath.Join(made, "packhorse.sock")
	} else if o.Root {
		l.Socket = "/run/packhorse/packhorse.sock"
	}
}

// Hostname makes a gateway's name of a host name: its first label, what a name may not
// hold left out.
func Hostname(host string) string {
	label, _, _ := strings.Cut(host, ".")
	name := strings.Map(func(r rune) rune {
		if ValidName(string(r)) || r == '-' {
			return r
		}
		return -1
	}, label)
	name = strings.Trim(name[:min(len(name), domain.MaxName)], "-")
	if !ValidName(name) {
		return "packhorse"
	}
	return name
}
