package node

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"packhorse/store"
)

// RestoreDiff is what a backup holds beside what a state directory has.
type RestoreDiff struct {
	Info  BackupInfo
	Kinds map[store.Kind]*KindDiff
	Files []FileDiff

	secrets store.Secrets
	present *store.View // nil: there is no store
}

// KindDiff counts the values of a kind.
type KindDiff struct {
	Values   int   // in the backup
	Octets   int64 // of their keys and values
	Same     int
	Changed  int // present with another value
	Absent   int // in the backup only
	OnlyHere int // present only
}

// FileDiff is one file of a backup.
type FileDiff struct {
	Name  string
	State string // same, changed, absent; unreadable: what is present cannot be read
}

// NewRestoreDiff compares with the secrets and the store of a directory; present may be nil.
func NewRestoreDiff(secrets store.Secrets, present *store.View) *RestoreDiff {
	d := &RestoreDiff{secrets: secrets, present: present, Kinds: map[store.Kind]*KindDiff{}}
	if present != nil {
		for k, share := range present.Kinds() {
			d.kind(k).OnlyHere = share.Values
		}
	}
	return d
}

// Run reads a backup's stream to its end.
func (d *RestoreDiff) Run(stream io.Reader) (store.BackupCounts, error) {
	return store.ReadBackup(stream, store.BackupVisitor{Info: d.info, File: d.file, Value: d.value})
}

func (d *RestoreDiff) info(text []byte) (err error) {
	d.Info, err = ReadBackupInfo(text)
	return err
}

func (d *RestoreDiff) kind(k store.Kind) *KindDiff {
	if d.Kinds[k] == nil {
		d.Kinds[k] = &KindDiff{}
	}
	return d.Kinds[k]
}

func (d *RestoreDiff) value(k store.Kind, key string, value []byte) error {
	n := d.kind(k)
	n.Values++
	n.Octets += int64(len(key) + len(value))
	if d.present == nil {
		n.Absent++
		return nil
	}
	switch now, err := d.present.Value(k, key); {
	case errors.Is(err, store.ErrNotFound):
		n.Absent++
		return nil
	case err == nil && bytes.Equal(now, value):
		n.Same++
	default:
		n.Changed++
	}
	n.OnlyHere--
	return nil
}

func (d *RestoreDiff) file(name string, content []byte) error {
	var now []byte
	var err error
	if secret, ok := strings.CutPrefix(name, backupState); ok && slices.Contains(SecretFiles, secret) {
		now, err = d.secrets.Read(secret)
	} else if path, ok := strings.CutPrefix(name, backupConfig); ok {
		now, err = os.ReadFile(path)
	} else {
		err = store.ErrNotFound
	}
	state := "same"
	switch {
	case errors.Is(err, store.ErrNotFound) || errors.Is(err, os.ErrNotExist):
		state = "absent"
	case err != nil:
		state = "unreadable"
	case !bytes.Equal(now, content):
		state = "changed"
	}
	d.Files = append(d.Files, FileDiff{name, state})
	return nil
}
