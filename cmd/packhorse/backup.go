package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/store"
)

func (a *app) backupCommand() *cobra.Command {
	inClear := false
	c := &cobra.Command{
		Use:   "backup FILE",
		Short: "write keys, configuration and all records of one moment to a file, also beside a running gateway",
		Long: `Writes one file, encrypted: by what opens the state directory if that is encrypted, else by the key file that
--key-file or store.key_file names, by the passphrase in PACKHORSE_PASSPHRASE or PACKHORSE_PASSPHRASE_FILE, or by one that is
typed. A backup that is there already is replaced when the new one is whole. It ends with exit code 6 when something in the store is damaged
and so not in it. docs/BACKUP.md says what a backup can and cannot bring back.`,
		Args: between(1, 1, "one file"),
		RunE: func(c *cobra.Command, args []string) error {
			return a.with(func(b admin.Client) error { return a.backup(c.Context(), b, args[0], inClear) })
		},
	}
	c.Flags().BoolVar(&inClear, "clear", false, "do not encrypt: whoever reads the file has the gateway's keys and mail")
	a.keyFlag(c)
	return c
}

func (a *app) backup(ctx context.Context, b admin.Client, path string, inClear bool) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	if err := mayReplace(path); err != nil {
		return err
	}
	v, own, err := a.backupVault(ctx, l, inClear)
	if err != nil {
		return err
	}
	out := backedUp{Path: path, OpenedBy: []string{}}
	info, n, err := a.writeBackup(path, v, func(w io.Writer) error {
		err := b.Backup(ctx, w)
		out.Running = !offline(err)
		a.gateway = nil // it says nothing of its clock here
		if !out.Running {
			err = a.backupFiles(ctx, l, own, w)
		}
		return err
	})
	if err != nil {
		return err
	}
	out.Head = a.head("packhorse.backup/1")
	return a.showBackup(out, v, info, n)
}

// backupVault is what the backup is sealed with, and the vault of the state directory if there is one.
func (a *app) backupVault(ctx context.Context, l *config.Loaded, inClear bool) (v, own *store.Vault, err error) {
	there, err := exist(vaultOf(l))
	if err != nil {
		return nil, nil, err
	}
	if there {
		if own, err = a.openVault(ctx, l); err == nil {
			err = own.Ready()
		}
		v = own
	} else if !inClear {
		var keys []store.Key
		if keys, err = a.newKeys(ctx, l); err == nil {
			v, err = store.NewVault(keys...)
		}
	}
	if inClear {
		v = nil
	}
	return v, own, err
}

// mayReplace lets a backup take the place of a backup, and of nothing else.
func mayReplace(path string) error {
	f, err := os.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return usage("name a file in a directory that is there", "%v", err)
	}
	defer f.Close()
	head := make([]byte, 8)
	if n, _ := io.ReadFull(f, head); !store.IsBackup(head[:n]) {
		return usage("name a file that is not there yet", "%s is there and is no backup", path)
	}
	return nil
}

// writeBackup writes the file beside its place and verifies it on the way; only what is whole and durable is put there.
func (a *app) writeBackup(path string, v *store.Vault, stream func(io.Writer) error) (info node.BackupInfo, n store.BackupCounts, err error) {
	f, temp, release, err := beside(path)
	if err != nil {
		return info, n, usage("name a file in a directory that is there and that you may write to", "%v", err)
	}
	defer release()
	info, n, err = sealBackup(f, v, stream)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		return info, n, errors.Join(err, os.Remove(temp))
	}
	return info, n, syncDir(filepath.Dir(path))
}

// beside makes a file of mode 0600 that nobody else writes to, and removes what cut-off backups left there.
func beside(path string) (f *os.File, temp string, release func(), err error) {
	dir, prefix := filepath.Dir(path), "."+filepath.Base(path)+".new"
	there, err := os.ReadDir(dir)
	if err != nil {
		return nil, "", nil, err
	}
	for _, e := range there {
		if left := filepath.Join(dir, e.Name()); strings.HasPrefix(e.Name(), prefix) && e.Type().IsRegular() {
			if release, err := store.Claim(left); err == nil {
				_ = os.Remove(left) // the new one has another name
				release()
			}
		}
	}
	if f, err = os.CreateTemp(dir, prefix+"-"); err != nil {
		return nil, "", nil, err
	}
	if release, err = store.Claim(f.Name()); err != nil {
		err = errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return f, f.Name(), release, err
}

func sealBackup(f io.Writer, v *store.Vault, stream func(io.Writer) error) (info node.BackupInfo, n store.BackupCounts, err error) {
	w := bufio.NewWriterSize(f, 256<<10)
	sealed, err := store.WriteBackup(w, v)
	if err != nil {
		return info, n, err
	}
	in, out := io.Pipe()
	failed := make(chan error, 1)
	go func() {
		err := stream(out)
		out.CloseWithError(err) // nil: the end
		failed <- err
	}()
	n, err = store.ReadBackup(io.TeeReader(in, sealed), store.BackupVisitor{Info: func(text []byte) (err error) {
		info, err = node.ReadBackupInfo(text)
		return err
	}})
	in.CloseWithError(errors.New("the backup cannot be written"))
	if why := <-failed; why != nil && errors.Is(err, store.ErrBackup) {
		err = why
	}
	if err == nil {
		err = sealed.Close()
	}
	if err == nil {
		err = w.Flush()
	}
	return info, n, err
}

func syncDir(path string) error {
	dir, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

// backupFiles is a backup of a gateway that does not run.
func (a *app) backupFiles(ctx context.Context, l *config.Loaded, v *store.Vault, w io.Writer) error {
	s := node.BackupSource{Secrets: store.Secrets{Dir: l.StateDir}, Config: l.Files,
		Info: node.BackupInfo{Version: versionText(), At: time.Now().UTC(), Clock: boardClock()}}
	var o store.LookOptions
	if v != nil {
		s.Secrets.Cipher, o.Cipher = v.Cipher(store.ForSecrets), v.Cipher(store.ForRecords)
	}
	show, done := a.reading()
	o.Progress = show
	view, err := store.Look(storeOf(l), o)
	done()
	if err != nil {
		return storeError(err, l)
	}
	defer view.Close()
	s.Records = view.Backup
	return s.Backup(interruptible{ctx, w})
}

// interruptible is a writer that ends with a context.
type interruptible struct {
	ctx context.Context
	io.Writer
}

func (i interruptible) Write(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	return i.Writer.Write(p)
}

// backedUp tells of a backup in JSON.
type backedUp struct {
	admin.Head
	Path       string      `json:"path"`
	Running    bool        `json:"running"` // of a running gateway
	Encrypted  bool        `json:"encrypted"`
	OpenedBy   []string    `json:"opened_by"` // passphrase, key_file
	Name       string      `json:"name"`
	ID         string      `json:"id,omitempty"`
	Domain     string      `json:"domain,omitempty"`
	Values     int         `json:"values"`
	ValueBytes int64       `json:"value_bytes"`
	Files      int         `json:"files"`
	SizeBytes  int64       `json:"size_bytes"`
	Missing    []storeName `json:"missing"` // damaged
}

func (a *app) showBackup(v backedUp, vault *store.Vault, info node.BackupInfo, n store.BackupCounts) error {
	st, err := os.Stat(v.Path)
	if err != nil {
		return err
	}
	v.Encrypted, v.Name, v.ID, v.Domain = vault != nil, info.Name, info.ID, info.Domain
	v.Values, v.ValueBytes, v.Files, v.SizeBytes, v.Missing = n.Values, n.Octets, n.Files, st.Size(), namesOf(n.Missing)
	how := "in the clear: whoever reads it has the gateway's keys and mail"
	if vault != nil {
		how = "opened by a " + orList(vault.Kinds())
		for _, k := range vault.Kinds() {
			v.OpenedBy = append(v.OpenedBy, strings.ReplaceAll(k.String(), " ", "_"))
		}
	}
	if err := a.answer(v, func() {
		a.say("wrote %s, %s: %s and %s of %s; %s", v.Path, size(v.SizeBytes), count(v.Values, "value"), count(v.Files, "file"), cell(v.Name), how)
		a.sayMissing(v.Missing)
	}); err != nil {
		return err
	}
	if len(v.Missing) > 0 {
		return problem{len(v.Missing)}
	}
	return nil
}

func (a *app) sayMissing(all []storeName) {
	for _, m := range all {
		what := m.Kind + " " + cell(m.Key)
		if m == namesOf([]store.Name{{}})[0] {
			what = "something without a name"
		}
		a.say("fail  %s is damaged and not in it: packhorse store check", what)
	}
}
