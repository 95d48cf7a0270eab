package main

import (
	"bufio"
	"context"
	"errors"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/store"
)

func (a *app) restoreCommand() *cobra.Command {
	dry := false
	c := &cobra.Command{
		Use:   "restore FILE",
		Short: "make a state directory of a backup, where there is none",
		Long: `Reads a backup to its end, verifies it, and only then puts the state directory in its place; one that is there and not
empty is left alone. Files of the configuration go to restored-config in it: put back by hand what you want of them.
The gateway that the backup is of must never run again: two with one identity confuse every neighbour.
What it took, delivered and counted since the backup was made is forgotten, so its radios
count the hour before their first transmission as used: docs/BACKUP.md has the whole story.`,
		Args: between(1, 1, "one file"),
		RunE: func(c *cobra.Command, args []string) error { return a.restore(c.Context(), args[0], dry) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "show what the backup holds and how it differs from what is there; change nothing")
	a.keyFlag(c)
	return c
}

func (a *app) restore(ctx context.Context, path string, dry bool) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return usage("name the file of a backup", "%v", err)
	}
	defer f.Close()
	if st, err := f.Stat(); err != nil || st.IsDir() {
		return errors.Join(err, usage("name the file of a backup", "%s is a directory", path))
	}
	r := node.Restore{Dir: l.StateDir, Now: time.Now(), Trusted: l.TrustClock || boardClock() == "ntp"}
	if err := r.Check(); err != nil && !dry {
		return &admin.Error{Code: admin.CodeRefused, Message: err.Error(),
			Fix: "stop the gateway and put the directory aside: mv " + l.StateDir + " " + l.StateDir + ".before"}
	}
	b, err := store.OpenBackup(bufio.NewReaderSize(f, 256<<10), func(kinds []store.KeyKind) ([]store.Key, error) { return a.backupKeys(ctx, l, path, kinds) })
	if err != nil {
		return backupError(err, path)
	}
	if dry {
		return a.dryRestore(ctx, l, path, b)
	}
	for _, radio := range l.Radio {
		r.Radios = append(r.Radios, radio.Name)
	}
	r.Vault = b.Vault
	info, n, err := r.Run(b)
	if err != nil {
		return backupError(err, path)
	}
	return a.showRestore(path, l.StateDir, b.Vault, info, n)
}

// backupKeys are what a person gave to open a backup.
func (a *app) backupKeys(ctx context.Context, l *config.Loaded, path string, kinds []store.KeyKind) ([]store.Key, error) {
	keys, err := a.given(l, kinds)
	switch {
	case len(keys) > 0:
		return keys, nil
	case a.ask != nil && slices.Contains(kinds, store.KindPassphrase):
		p, err := a.ask(ctx, "passphrase of "+path+": ")
		return []store.Key{store.PassphraseKey(p)}, err
	case err != nil:
		return nil, err
	}
	return nil, usage(keyWays, "%s is opened by a %s, and none was given", path, orList(kinds))
}

// backupError says what to do about a backup that cannot be used.
func backupError(err error, path string) error {
	var e *admin.Error
	switch {
	case errors.Is(err, store.ErrBackup):
		return &admin.Error{Code: admin.CodeFailed, Message: path + ": " + err.Error(), Fix: "use another copy; nothing was changed"}
	case errors.Is(err, store.ErrWrongKey):
		return keyError(err)
	case errors.As(err, &e):
		return err
	case errors.Is(err, store.ErrFull):
		return &admin.Error{Code: admin.CodeFailed, Message: err.Error(), Fix: "nothing was changed; free some space and try again"}
	}
	return err
}

// restored tells of a restore in JSON.
type restored struct {
	admin.Head
	Path    string         `json:"path"`
	State   string         `json:"state_dir"`
	DryRun  bool           `json:"dry_run"`
	Name    string         `json:"name"`
	ID      string         `json:"id,omitempty"`
	Domain  string         `json:"domain,omitempty"`
	Version string         `json:"version"`
	Made    time.Time      `json:"made"`
	Sealed  bool           `json:"encrypted"` // the state directory
	Values  int            `json:"values"`
	Files   []restoredFile `json:"files"`
	Kinds   []restoredKind `json:"kinds"`
	Missing []storeName    `json:"missing"`
}

type restoredFile struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

type restoredKind struct {
	Kind     string `json:"kind"`
	Values   int    `json:"values"`
	Bytes    int64  `json:"size_bytes"`
	Same     int    `json:"same"`
	Changed  int    `json:"changed"`
	Absent   int    `json:"absent"`
	OnlyHere int    `json:"only_here"`
}

func (a *app) newRestored(path, dir string, v *store.Vault, i node.BackupInfo, n store.BackupCounts) restored {
	return restored{Head: a.head("packhorse.restore/1"), Path: path, State: dir, Name: i.Name, ID: i.ID, Domain: i.Domain, Version: i.Version, Made: i.At,
		Sealed: i.Encrypted && v != nil, Values: n.Values, Files: []restoredFile{}, Kinds: []restoredKind{}, Missing: namesOf(n.Missing)}
}

func (a *app) showRestore(path, dir string, vault *store.Vault, i node.BackupInfo, n store.BackupCounts) error {
	v := a.newRestored(path, dir, vault, i, n)
	return a.answer(v, func() {
		a.say("restored %s as of %s to %s: %s and %s", cell(v.Name), v.Made.Format("2006-01-02 15:04"), dir, count(n.Values, "value"), count(n.Files, "file"))
		a.sayMissing(v.Missing)
		a.hint("note: the gateway that this is a backup of must never run again; its radios stay silent for up to an hour where a duty cycle is the law")
		if i.Encrypted && vault == nil {
			a.hint("note: the directory was encrypted and is in the clear now: packhorse store encrypt")
		}
		if there, _ := exist(filepath.Join(dir, node.RestoredConfig)); there {
			a.hint("note: the configuration of then is in %s", filepath.Join(dir, node.RestoredConfig))
		}
	})
}

// dryRestore compares a backup with what is there, which may be in use.
func (a *app) dryRestore(ctx context.Context, l *config.Loaded, path string, b *store.BackupFile) error {
	secrets := store.Secrets{Dir: l.StateDir}
	view, err := a.present(ctx, l, &secrets)
	if err != nil {
		return err
	}
	if view != nil {
		defer view.Close()
	}
	d := node.NewRestoreDiff(secrets, view)
	n, err := d.Run(b)
	if err != nil {
		return backupError(err, path)
	}
	v := a.newRestored(path, l.StateDir, b.Vault, d.Info, n)
	v.DryRun = true
	for _, f := range d.Files {
		v.Files = append(v.Files, restoredFile(f))
	}
	for _, k := range slices.Sorted(maps.Keys(d.Kinds)) {
		c := d.Kinds[k]
		v.Kinds = append(v.Kinds, restoredKind{gateway.KindName(k), c.Values, c.Octets, c.Same, c.Changed, c.Absent, c.OnlyHere})
	}
	return a.answer(v, func() { a.sayDryRestore(v) })
}

// present is the store that is there, if any.
func (a *app) present(ctx context.Context, l *config.Loaded, secrets *store.Secrets) (*store.View, error) {
	if there, err := exist(storeOf(l)); err != nil || !there {
		return nil, err
	}
	var o store.LookOptions
	v, err := a.openVault(ctx, l)
	if err != nil {
		return nil, err
	}
	if v != nil {
		secrets.Cipher, o.Cipher = v.Cipher(store.ForSecrets), v.Cipher(store.ForRecords)
	}
	view, err := store.Look(storeOf(l), o)
	return view, storeError(err, l)
}

func (a *app) sayDryRestore(v restored) {
	a.say("whole: %s as of %s, made by %s: %s", cell(v.Name), v.Made.Format("2006-01-02 15:04"), cell(v.Version), count(v.Values, "value"))
	a.sayMissing(v.Missing)
	rows := [][]string{{"FILE", "HERE"}}
	for _, f := range v.Files {
		rows = append(rows, []string{cell(f.Name), f.State})
	}
	table(a.out, rows)
	rows = [][]string{{"KIND", "VALUES", "SIZE", "SAME", "CHANGED", "ABSENT", "ONLY HERE"}}
	for _, k := range v.Kinds {
		rows = append(rows, []string{k.Kind, number(k.Values), size(k.Bytes), number(k.Same), number(k.Changed), number(k.Absent), number(k.OnlyHere)})
	}
	table(a.out, rows)
	a.hint("note: nothing was changed")
}
