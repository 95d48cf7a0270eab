package store

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// bothKinds are secrets in the clear and sealed ones.
func bothKinds(t *testing.T) map[string]Secrets {
	t.Helper()
	dir := t.TempDir()
	v := newVault(t, filepath.Join(t.TempDir(), "vault"), pass("x"))
	return map[string]Secrets{"clear": {Dir: dir}, "sealed": {Dir: t.TempDir(), Cipher: v.Cipher(ForSecrets)}}
}

func TestSecretIsReplacedWholeAndPrivate(t *testing.T) {
	for kind, s := range bothKinds(t) {
		if _, err := s.Read("identity.key"); !errors.Is(err, ErrNotFound) {
			t.Errorf("%s: no file: got %v, want %v", kind, err, ErrNotFound)
		}
		for _, want := range []string{"first", "second, longer", ""} {
			if err := s.Write("identity.key", []byte(want)); err != nil {
				t.Fatal(err)
			}
			if got, err := s.Read("identity.key"); err != nil || string(got) != want {
				t.Errorf("%s: got %q, %v, want %q", kind, got, err, want)
			}
		}
		if st, _ := os.Stat(filepath.Join(s.Dir, "identity.key")); st.Mode().Perm() != 0o600 {
			t.Errorf("%s: mode: got %04o, want 0600", kind, st.Mode().Perm())
		}
		onlyIn(t, s.Dir, "identity.key")
	}
}

func TestSecretOpenToOthersIsRefusedWithTheFix(t *testing.T) {
	for kind, s := range bothKinds(t) {
		path := filepath.Join(s.Dir, "identity.key")
		if err := s.Write("identity.key", []byte("x")); err != nil {
			t.Fatal(err)
		}
		for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
			os.Chmod(path, mode)
			if b, err := s.Read("identity.key"); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
				t.Errorf("%s, mode %04o: got %q, %v, want an error with the fix", kind, mode, b, err)
			}
		}
	}
}

func TestClearAndSealedSecretsAreNotTakenForEachOther(t *testing.T) {
	both := bothKinds(t)
	clear, sealed := both["clear"], both["sealed"]
	clear.Dir = sealed.Dir
	for _, s := range []Secrets{clear, sealed} {
		if err := s.Write("identity.key", []byte("key octets")); err != nil {
			t.Fatal(err)
		}
		other, want := sealed, ErrNotSealed
		if s.Cipher != nil {
			other, want = clear, ErrNoVault
		}
		if b, err := other.Read("identity.key"); !errors.Is(err, want) {
			t.Errorf("got %q, %v, want %v", b, err, want)
		}
	}
	if b, _ := os.ReadFile(filepath.Join(sealed.Dir, "identity.key")); bytes.Contains(b, []byte("octets")) {
		t.Errorf("the sealed file shows its content: %q", b)
	}
}

func TestSwappedCutFlippedAndForeignSecretsAreRefused(t *testing.T) {
	s := bothKinds(t)["sealed"]
	path := filepath.Join(s.Dir, "owner.key")
	foreign := Secrets{Dir: t.TempDir(), Cipher: newVault(t, filepath.Join(t.TempDir(), "vault"), pass("x")).Cipher(ForSecrets)}
	for _, to := range []Secrets{s, foreign} {
		for _, name := range []string{"identity.key", "owner.key"} {
			if err := to.Write(name, []byte("octets of "+name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	read := func(dir, name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	whole := read(s.Dir, "owner.key")
	bad := map[string][]byte{"swapped": read(s.Dir, "identity.key"), "of another vault": read(foreign.Dir, "owner.key")}
	for n := len(secretMagic); n < len(whole); n++ {
		bad[fmt.Sprint("cut to ", n)] = whole[:n]
		b := bytes.Clone(whole)
		b[n] ^= 1
		bad[fmt.Sprint("flipped at ", n)] = b
	}
	for what, b := range bad {
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read("owner.key"); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: got %q, %v, want %v", what, got, err, ErrDamaged)
		}
	}
	for n := range secretMagic {
		b := bytes.Clone(whole)
		b[n] ^= 1
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read("owner.key"); !errors.Is(err, ErrNotSealed) {
			t.Errorf("magic flipped at %d: got %q, %v, want %v", n, got, err, ErrNotSealed)
		}
	}
}

func TestCrashWhileASecretIsWrittenLeavesTheOldOrTheNew(t *testing.T) {
	for kind, s := range bothKinds(t) {
		t.Run(kind, func(t *testing.T) {
			everyCrash(t, func(t *testing.T, d files, dir string) error {
				s.Dir, s.files = dir, nil
				if err := s.Write("identity.key", []byte("old")); err != nil {
					t.Fatal(err)
				}
				s.files = d
				return s.Write("identity.key", []byte("new"))
			}, func(t *testing.T, dir string, err error) {
				s.Dir, s.files = dir, nil
				got, read := s.Read("identity.key")
				if read != nil || string(got) != "new" && (err == nil || string(got) != "old") {
					t.Errorf("got %q, %v, want new, or old after a crash", got, read)
				}
				if err := s.Write("identity.key", []byte("newer")); err != nil {
					t.Error(err)
				}
				onlyIn(t, dir, "identity.key")
			})
		})
	}
}
