package store

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

var secretNames = []string{"identity.key", "membership", "owner.key"} // nobody made the last one

// stateIn describes the state directory in dir.
func stateIn(dir string, d files) Directory {
	return Directory{Vault: filepath.Join(dir, "vault"), Store: filepath.Join(dir, "store"), Dir: dir, Secrets: secretNames, Options: small, files: d}
}

// clearState makes a directory in the clear and tells what its store holds.
func clearState(t *testing.T, dir string) model {
	t.Helper()
	m, r := model{}, rand.New(rand.NewPCG(5, 5))
	s := open(t, filepath.Join(dir, "store"), small)
	for range 40 {
		ops := randomBatch(r)
		apply(t, s, ops...)
		m.apply(ops)
	}
	last := Op{Kind: 3, Key: "a name", Value: []byte("the mules leave at dawn")}
	apply(t, s, last)
	m.apply([]Op{last})
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range secretNames[:2] {
		if err := (Secrets{Dir: dir}).Write(name, []byte("octets of "+name)); err != nil {
			t.Fatal(err)
		}
	}
	return m
}

// holds checks that a directory is as it was, sealed by v or in the clear, and that nothing else is in it.
func holds(t *testing.T, dir string, m model, v *Vault) {
	t.Helper()
	o, s, files := small, Secrets{Dir: dir}, []string{"identity.key", "membership", "store"}
	if v != nil {
		o.Cipher, s.Cipher, files = v.Cipher(ForRecords), v.Cipher(ForSecrets), append(files, "vault")
	}
	for _, name := range secretNames[:2] {
		if b, err := s.Read(name); err != nil || string(b) != "octets of "+name {
			t.Errorf("%s: got %q, %v", name, b, err)
		}
	}
	st := open(t, filepath.Join(dir, "store"), o)
	m.check(t, st)
	st.Close()
	onlyIn(t, dir, files...)
	if got := clearIn(t, dir); v != nil && got != "" {
		t.Errorf("in the clear: %s", got)
	}
}

// clearIn names a file that shows something of clearState.
func clearIn(t *testing.T, dir string) (name string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for _, needle := range []string{"octets of", "mules", "a name", "key1"} {
			if bytes.Contains(b, []byte(needle)) {
				name = path
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDirectoryIsEncryptedAndDecryptedAgain(t *testing.T) {
	dir := t.TempDir()
	m, d := clearState(t, dir), stateIn(dir, nil)
	if clearIn(t, dir) == "" {
		t.Fatal("nothing shows in the clear: the needles are wrong")
	}
	for _, name := range []string{".identity.key-1234567", ".membership.new"} { // of crashes
		if err := os.WriteFile(filepath.Join(dir, name), []byte("octets of identity.key"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	moved, err := d.Encrypt(pass("x"), keyFile(t, 1))
	if want := (Moved{Records: len(m), Secrets: 2}); err != nil || moved != want {
		t.Fatalf("encrypt: got %+v, %v, want %+v", moved, err, want)
	}
	for _, k := range []Key{pass("x"), keyFile(t, 1)} {
		v, err := OpenVault(d.Vault, k)
		if err != nil || v.Ready() != nil {
			t.Fatalf("%s: got %v, %v, want it open and ready", k.Kind(), err, v.Ready())
		}
		holds(t, dir, m, v)
	}
	if moved, err := d.Encrypt(pass("x")); err != nil || moved != (Moved{}) {
		t.Errorf("encrypt again: got %+v, %v, want nothing done", moved, err)
	}
	if moved, err := d.Decrypt(keyFile(t, 1)); err != nil || moved != (Moved{Records: len(m), Secrets: 2}) {
		t.Fatalf("decrypt: got %+v, %v", moved, err)
	}
	holds(t, dir, m, nil)
}

func TestSecretRestoredInTheClearIsSealed(t *testing.T) {
	dir := t.TempDir()
	m, d := clearState(t, dir), stateIn(dir, nil)
	if _, err := d.Encrypt(pass("x")); err != nil {
		t.Fatal(err)
	}
	if err := (Secrets{Dir: dir}).Write("membership", []byte("octets of membership")); err != nil {
		t.Fatal(err)
	}
	if moved, err := d.Encrypt(pass("x")); err != nil || moved != (Moved{Secrets: 1}) {
		t.Errorf("got %+v, %v, want one secret sealed", moved, err)
	}
	v, _ := OpenVault(d.Vault, pass("x"))
	holds(t, dir, m, v)
}

func TestEncryptionRefusesWhatItCannotFinish(t *testing.T) {
	dir := t.TempDir()
	m, d := clearState(t, dir), stateIn(dir, nil)
	refused := func(what string, err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("%s: got %v, want %v", what, err, want)
		}
	}
	_, err := d.Encrypt()
	refused("no key", err, ErrSealed)
	_, err = d.Decrypt(pass("x"))
	refused("decrypt what is clear", err, ErrNoVault)
	s := open(t, d.Store, small)
	_, err = d.Encrypt(pass("x"))
	refused("encrypt under a running gateway", err, ErrLocked)
	s.Close()
	holds(t, dir, m, nil)

	if _, err := d.Encrypt(pass("x")); err != nil {
		t.Fatal(err)
	}
	v, _ := OpenVault(d.Vault, pass("x"))
	_, err = d.Encrypt(pass("y"))
	refused("encrypt with another key", err, ErrWrongKey)
	_, err = d.Decrypt(pass("y"))
	refused("decrypt with another key", err, ErrWrongKey)
	o := small
	o.Cipher = v.Cipher(ForRecords)
	s = open(t, d.Store, o)
	_, err = d.Encrypt(pass("x"))
	refused("encrypt again under a running gateway", err, ErrLocked)
	_, err = d.Decrypt(pass("x"))
	refused("decrypt under a running gateway", err, ErrLocked)
	refused("rekey under a running gateway", d.Rekey(func(*Vault) error { t.Error("changed"); return nil }, pass("x")), ErrLocked)
	s.Close()
	holds(t, dir, m, v)

	if err := os.Rename(d.Vault, filepath.Join(t.TempDir(), "vault")); err != nil {
		t.Fatal(err)
	}
	_, err = d.Encrypt(pass("x"))
	refused("encrypt when the vault is lost", err, ErrSealed)
	onlyIn(t, dir, "identity.key", "membership", "store")
}

func TestDamagedStoreIsNotEncrypted(t *testing.T) {
	dir := t.TempDir()
	clearState(t, dir)
	d := stateIn(dir, nil)
	files, _ := filepath.Glob(filepath.Join(d.Store, "0*"))
	b, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	b[len(b)/2] ^= 1
	if err := os.WriteFile(files[0], b, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Encrypt(pass("x")); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "packhorse store check") {
		t.Errorf("got %v, want %v and what to do", err, ErrDamaged)
	}
	if after, _ := os.ReadFile(files[0]); !bytes.Equal(after, b) {
		t.Error("the store was changed")
	}
	onlyIn(t, dir, "identity.key", "membership", "store")
	if r, err := Repair(d.Store, RepairOptions{Options: small}); err != nil || len(r.Quarantine) == 0 {
		t.Fatalf("repair: got %+v, %v, want something put aside", r, err)
	}
	if _, err := d.Encrypt(pass("x")); !errors.Is(err, ErrDamaged) || !strings.Contains(err.Error(), "move it elsewhere") {
		t.Errorf("with a quarantine: got %v, want %v and what to do", err, ErrDamaged)
	}
}

// TestCrashWhileEncryptingIsFinishedByTheNextCall dies at each operation of one way, and then goes on.
func TestCrashWhileEncryptingIsFinishedByTheNextCall(t *testing.T) {
	var m model
	everyCrash(t, func(t *testing.T, d files, dir string) error {
		m = clearState(t, dir)
		_, err := stateIn(dir, d).Encrypt(pass("x"))
		return err
	}, func(t *testing.T, dir string, died error) {
		d := stateIn(dir, nil)
		if v, err := OpenVault(d.Vault, pass("x")); err == nil && v.Phase() != Sealed {
			if _, err := d.Decrypt(pass("x")); !errors.Is(err, ErrUnfinished) || !strings.Contains(err.Error(), "store encrypt") {
				t.Errorf("decrypt in between: got %v, want %v", err, ErrUnfinished)
			}
		} else if errors.Is(err, ErrNoVault) {
			if died == nil {
				t.Fatal(err)
			}
			open(t, d.Store, small).Close() // as if nothing was
		}
		if _, err := d.Encrypt(pass("x")); err != nil {
			t.Fatalf("the next call: %v", err)
		}
		v, err := OpenVault(d.Vault, pass("x"))
		if err != nil || v.Ready() != nil {
			t.Fatalf("got %v, want it open and ready", err)
		}
		holds(t, dir, m, v)
	})
}

func TestCrashWhileDecryptingIsFinishedByTheNextCall(t *testing.T) {
	var m model
	everyCrash(t, func(t *testing.T, d files, dir string) error {
		m = clearState(t, dir)
		if _, err := stateIn(dir, nil).Encrypt(pass("x")); err != nil {
			t.Fatal(err)
		}
		_, err := stateIn(dir, d).Decrypt(pass("x"))
		return err
	}, func(t *testing.T, dir string, died error) {
		d := stateIn(dir, nil)
		if v, err := OpenVault(d.Vault, pass("x")); err == nil && v.Phase() != Sealed {
			if _, err := d.Encrypt(pass("x")); !errors.Is(err, ErrUnfinished) || !strings.Contains(err.Error(), "store decrypt") {
				t.Errorf("encrypt in between: got %v, want %v", err, ErrUnfinished)
			}
		}
		if _, err := d.Decrypt(pass("x")); err != nil && !(errors.Is(err, ErrNoVault)) {
			t.Fatalf("the next call: %v", err)
		}
		holds(t, dir, m, nil)
	})
}

// TestDiskThatFailsWhileRecordsAreCopiedLeavesTheOldStore makes every call of the store's own fail, in both directions.
func TestDiskThatFailsWhileRecordsAreCopiedLeavesTheOldStore(t *testing.T) {
	encrypt := func(d Directory) error { _, err := d.Encrypt(pass("x")); return err }
	decrypt := func(d Directory) error { _, err := d.Decrypt(pass("x")); return err }
	for _, tc := range []struct {
		name   string
		do     func(Directory) error
		sealed bool // before
	}{{"encrypt", encrypt, false}, {"decrypt", decrypt, true}} {
		t.Run(tc.name, func(t *testing.T) {
			prepare := func(d *faultDisk) (model, Directory) {
				dir := t.TempDir()
				m, state := clearState(t, dir), stateIn(dir, nil)
				if tc.sealed {
					if err := encrypt(state); err != nil {
						t.Fatal(err)
					}
				}
				state.Options.disk = d
				return m, state
			}
			count := &faultDisk{disk: osDisk{}, freeBytes: 1 << 40}
			if _, d := prepare(count); tc.do(d) != nil {
				t.Fatal("it fails without a fault")
			}
			for n, name := range count.calls {
				if testing.Short() && n%31 != 0 {
					continue
				}
				m, d := prepare(&faultDisk{disk: osDisk{}, freeBytes: 1 << 40, failAt: n + 1, sticky: true, err: syscall.ENOSPC})
				err := tc.do(d)
				if err != nil && !errors.Is(err, syscall.ENOSPC) {
					t.Fatalf("%d %s: got %v, want %v", n+1, name, err, syscall.ENOSPC)
				}
				v, open := OpenVault(d.Vault, pass("x"))
				if sealed := open == nil; sealed != (tc.sealed == (err != nil)) || sealed && v.Ready() != nil {
					t.Fatalf("%d %s: after %v the vault says %v, %v", n+1, name, err, open, v)
				}
				holds(t, d.Dir, m, v)
			}
		})
	}
}

func TestADirectoryIsEncryptedByOneAtATime(t *testing.T) {
	dir := t.TempDir()
	m, d := clearState(t, dir), stateIn(dir, nil)
	if _, err := d.Encrypt(pass("x")); err != nil {
		t.Fatal(err)
	}
	release, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	_, encrypting := d.Encrypt(pass("x"))
	_, decrypting := d.Decrypt(pass("x"))
	rekeying := d.Rekey(func(v *Vault) error { return v.Rekey(keyFile(t, 1)) }, pass("x"))
	for _, err := range []error{encrypting, decrypting, rekeying} {
		if !errors.Is(err, ErrLocked) || !strings.Contains(err.Error(), "another command works on "+dir) {
			t.Errorf("got %v, want %v", err, ErrLocked)
		}
	}
	release()
	if _, err := d.Decrypt(pass("x")); err != nil {
		t.Error(err)
	}
	holds(t, dir, m, nil)
}

// Or a new vault would be made that opens none of what is there.
func TestSecretsOfALostVaultAreNotGivenANewOne(t *testing.T) {
	dir := t.TempDir()
	d := stateIn(dir, nil)
	clearState(t, dir)
	if _, err := d.Encrypt(keyFile(t, 1)); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{d.Vault, d.Store} {
		if err := os.RemoveAll(name); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.Encrypt(keyFile(t, 1)); !errors.Is(err, ErrNoVault) || !strings.Contains(err.Error(), "restore the vault from a copy") {
		t.Errorf("got %v, want %v", err, ErrNoVault)
	}
	if there, _ := exists(d.Vault); there {
		t.Error("a vault was made")
	}
}
