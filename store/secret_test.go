package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestSecretIsReplacedWholeAndPrivate(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	if _, err := ReadSecret(path); !errors.Is(err, ErrNotFound) {
		t.Errorf("no file: got %v, want %v", err, ErrNotFound)
	}
	for _, want := range []string{"first", "second, longer"} {
		if err := WriteSecret(path, []byte(want)); err != nil {
			t.Fatal(err)
		}
		got, err := ReadSecret(path)
		if err != nil || string(got) != want {
			t.Errorf("got %q, %v, want %q", got, err, want)
		}
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %04o, want 0600", st.Mode().Perm())
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("files left: got %v, want one", left)
	}
}

func TestSecretOpenToOthersIsRefusedWithTheFix(t *testing.T) {
	path := filepath.Join(t.TempDir(), "identity.key")
	for _, mode := range []os.FileMode{0o640, 0o604, 0o660} {
		if err := os.WriteFile(path, []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
		os.Chmod(path, mode)
		if b, err := ReadSecret(path); err == nil || !strings.Contains(err.Error(), "chmod 600 "+path) {
			t.Errorf("mode %04o: got %q, %v, want an error with the fix", mode, b, err)
		}
	}
}
