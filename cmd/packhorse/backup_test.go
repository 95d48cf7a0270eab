package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/store"
)

func (f *fake) Backup(_ context.Context, w io.Writer) error {
	if f.err != nil {
		return f.err
	}
	b := store.NewBackupWriter(w)
	b.Info([]byte(`{"name":"ridge-1","id":"` + strings.Repeat("5f", 32) + `","domain":"ridge","version":"v1","at":"2026-11-21T14:31:07Z"}`))
	b.File("state:owner.key", []byte("octets of a key"))
	if f.cut {
		io.WriteString(w, "and no end")
		return errors.New("the gateway went away")
	}
	return b.Close()
}

func TestBackupAndRestoreOfAStoppedGateway(t *testing.T) {
	b, key := stateBench(t)
	state, file := b.env["PACKHORSE_STATE"], filepath.Join(b.dir, "ridge.backup")
	b.want(2, []string{"needs a key, and none was given", "fix: "}, "backup", file)
	b.want(0, []string{"wrote " + file, "2 values and 1 file", "opened by a key file"}, "backup", file, "--key-file", key)
	if st, err := os.Stat(file); err != nil || st.Mode().Perm() != 0o600 {
		t.Errorf("got %v, %v, want mode 0600", st.Mode(), err)
	}
	b.want(0, []string{"wrote"}, "backup", file, "--key-file", key) // one backup replaces another
	b.want(2, []string{"is no backup"}, "backup", key, "--key-file", key)
	b.want(2, nil, "backup", filepath.Join(b.dir, "none", "x"), "--key-file", key)
	b.want(4, []string{"is not empty", "fix: stop the gateway and put the directory aside: mv "}, "restore", file, "--key-file", key)
	b.want(0, []string{"whole: ", "state:owner.key  same", "body  2       2.0 kB  2", "nothing was changed"}, "restore", file, "--dry-run", "--key-file", key)
	if err := os.Rename(state, state+".before"); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"state:owner.key  absent"}, "restore", file, "--dry-run", "--key-file", key)
	b.want(2, []string{"opened by a key file, and none was given"}, "restore", file)
	b.want(2, []string{"is a directory"}, "restore", b.dir)
	other := filepath.Join(b.dir, "other.key")
	b.want(0, nil, "store", "keygen", other)
	b.want(4, []string{"fix: check"}, "restore", file, "--key-file", other)
	b.want(0, []string{"restored ", "2 values and 1 file", "must never run again"}, "restore", file, "--key-file", key)
	b.want(0, []string{"2 values"}, "store", "check")
	if b.secret() != "octets of a key" {
		t.Errorf("got %q", b.secret())
	}
}

func TestBackupOfAnEncryptedDirectoryIsRestoredEncrypted(t *testing.T) {
	b, key := stateBench(t)
	b.env["PACKHORSE_PASSPHRASE"] = longPass
	b.want(0, nil, "store", "encrypt")
	file, state := filepath.Join(b.dir, "a.backup"), b.env["PACKHORSE_STATE"]
	b.want(0, []string{"opened by a passphrase"}, "backup", file)
	b.want(0, []string{"state:owner.key  same"}, "restore", file, "--dry-run")
	if err := os.Rename(state, state+".before"); err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{"restored"}, "restore", file)
	if strings.Contains(b.secret(), "octets") {
		t.Error("the secret is in the clear")
	}
	b.want(0, []string{"2 values"}, "store", "check")
	inClear := filepath.Join(b.dir, "clear.backup")
	b.want(0, []string{"in the clear: whoever reads it"}, "backup", inClear, "--clear")
	text, err := os.ReadFile(inClear)
	if err != nil || !bytes.Contains(text, []byte("octets of a key")) {
		t.Errorf("got %d octets, %v", len(text), err)
	}
	b.env["PACKHORSE_STATE"], b.env["PACKHORSE_PASSPHRASE"] = filepath.Join(b.dir, "third"), ""
	b.want(0, []string{"was encrypted and is in the clear now"}, "restore", inClear, "--key-file", key)
}

func TestBackupOfARunningGatewayIsWholeOrNothing(t *testing.T) {
	f := &fake{}
	b := newBench(t, f)
	b.env["PACKHORSE_PASSPHRASE"] = longPass
	file := filepath.Join(b.dir, "a.backup")
	b.want(0, []string{"0 values and 1 file of ridge-1", "opened by a passphrase"}, "backup", file)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	b.want(0, []string{`"running":true`, `"encrypted":true`, `"opened_by":["passphrase"]`, `"name":"ridge-1"`}, "backup", file+"2", "--json")
	f.cut = true
	b.want(1, nil, "backup", file)
	f.cut, f.err = false, &admin.Error{Code: admin.CodeRefused, Message: "a backup holds the gateway's keys", Fix: "run it as root"}
	b.want(4, []string{"fix: run it as root"}, "backup", file)
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, whole) {
		t.Errorf("the old backup: got %d octets, %v, want the %d there were", len(got), err, len(whole))
	}
	if left, _ := filepath.Glob(filepath.Join(b.dir, ".*.new*")); len(left) != 0 {
		t.Errorf("it left %v", left)
	}
	for _, n := range []int{0, 20, 100, len(whole) - 1} {
		if err := os.WriteFile(file, whole[:n], 0o600); err != nil {
			t.Fatal(err)
		}
		b.want(1, []string{"fix: use another copy; nothing was changed"}, "restore", file, "--state", filepath.Join(b.dir, "new"))
	}
	if there, _ := exist(filepath.Join(b.dir, "new")); there {
		t.Error("a cut backup was restored")
	}
}

func TestBackupNamesWhatIsDamaged(t *testing.T) {
	b, key := stateBench(t)
	large := append(bytes.Repeat([]byte("x"), 65536), bytes.Repeat([]byte("y"), 100)...)
	putIn(t, b.env["PACKHORSE_STATE"], store.Op{Kind: gateway.KindLetterBody, Key: "evil\x1b", Value: large}, store.Op{Kind: gateway.KindLetter, Key: "last"})
	flipFirst(t, filepath.Join(b.env["PACKHORSE_STATE"], "store"), 'y')
	file := filepath.Join(b.dir, "a.backup")
	b.want(6, []string{"3 values and 1 file", "fail  letter_body evil? is damaged and not in it"}, "backup", file, "--key-file", key)
	b.want(0, []string{"evil? is damaged"}, "restore", file, "--key-file", key, "--state", filepath.Join(b.dir, "new"))
}

// With one name for both, the first would put in place what the second has only begun.
func TestTwoBackupsAtOnceEachWriteTheirOwnFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a.backup")
	left := filepath.Join(dir, ".a.backup.new")
	if err := os.WriteFile(left, []byte("of a crash"), 0o600); err != nil {
		t.Fatal(err)
	}
	write := func(name string, between func()) error {
		_, _, err := (&app{}).writeBackup(path, nil, func(w io.Writer) error {
			b := store.NewBackupWriter(w)
			b.Info([]byte(`{"name":"` + name + `"}`))
			b.File("state/owner.key", make([]byte, 100_000))
			between()
			return b.Close()
		})
		return err
	}
	err := write("first", func() {
		if err := write("second", func() {}); err != nil {
			t.Errorf("the second: got %v", err)
		}
	})
	text, _ := os.ReadFile(path)
	if err != nil || !bytes.Contains(text, []byte(`"first"`)) {
		t.Errorf("the first: got %v, want its file in place", err)
	}
	there, _ := os.ReadDir(dir)
	if len(there) != 1 {
		t.Errorf("got %v, want the backup alone", there)
	}
}
