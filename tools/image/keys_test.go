package main

import (
	"crypto/rand"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"aead.dev/minisign"
)

// newKey writes a pair as `minisign -G -W` does.
func newKey(t *testing.T) (secret, public string, key minisign.PublicKey) {
	t.Helper()
	pub, priv, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	secret, public = filepath.Join(dir, "minisign.key"), filepath.Join(dir, "minisign.pub")
	for path, m := range map[string]interface{ MarshalText() ([]byte, error) }{secret: priv, public: pub} {
		text, err := m.MarshalText()
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return secret, public, pub
}

func keyed(t *testing.T, o options) (*builder, string, error) {
	t.Helper()
	var said strings.Builder
	if o.out == "" {
		o.out = t.TempDir()
	}
	b := &builder{options: o, steps: newSteps(&said)}
	err := b.loadKeys()
	return b, said.String(), err
}

func TestKeysThatAreGiven(t *testing.T) {
	secret, public, key := newKey(t)
	_, _, second := newKey(t)
	b, said, err := keyed(t, options{key: secret, updateKeys: []string{public, second.String()}})
	if err != nil || said != "" {
		t.Fatalf("%v, said %q", err, said)
	}
	if want := key.String() + "\n" + second.String() + "\n"; string(b.keys.text()) != want || b.keys.sign == nil {
		t.Errorf("trusted:\n%s, want\n%s", b.keys.text(), want)
	}
	if b, said, err = keyed(t, options{updateKeys: []string{public}}); err != nil || b.keys.sign != nil || !strings.Contains(said, "NOT signed") {
		t.Errorf("nobody signs: %v, %q", err, said)
	}
}

func TestDevelopmentKeyIsKept(t *testing.T) {
	dir := t.TempDir()
	first, said, err := keyed(t, options{out: dir})
	if err != nil || !strings.Contains(said, "DEVELOPMENT KEY") || first.keys.sign == nil {
		t.Fatalf("%v, said %q", err, said)
	}
	second, _, err := keyed(t, options{out: dir})
	if err != nil || string(first.keys.text()) != string(second.keys.text()) {
		t.Errorf("%v, the second build has another key", err)
	}
	if s, err := os.Stat(filepath.Join(dir, developmentKey)); err != nil || s.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", s, err)
	}
}

func TestKeysThatAreNone(t *testing.T) {
	_, public, _ := newKey(t)
	for _, o := range []options{{key: public}, {key: "/nowhere"}, {updateKeys: []string{"RWnonsense"}}} {
		if _, _, err := keyed(t, o); err == nil {
			t.Errorf("%+v was taken", o)
		} else if o.key != "/nowhere" && !strings.Contains(err.Error(), "minisign -G") {
			t.Errorf("%v does not say what to do", err)
		}
	}
}

func TestStepsTellWhatFailed(t *testing.T) {
	s := newSteps(io.Discard)
	err := beside(
		func() error { return s.do("one", func() error { return nil }) },
		func() error { return s.do("two", func() error { return os.ErrInvalid }) },
	)
	if err == nil || !strings.Contains(err.Error(), "two: ") {
		t.Errorf("%v", err)
	}
	if _, ok := s.took["one"]; !ok || len(s.took) != 1 {
		t.Errorf("%v", s.took)
	}
}
