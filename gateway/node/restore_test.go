package node

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/link/port"
	"packhorse/store"
)

// allOf reads every record of a stopped gateway's store.
func allOf(t *testing.T, dir string, v *store.Vault) map[string][]byte {
	t.Helper()
	var o store.LookOptions
	if v != nil {
		o.Cipher = v.Cipher(store.ForRecords)
	}
	view := must[*store.View](t)(store.Look(filepath.Join(dir, "store"), o))
	defer view.Close()
	out := map[string][]byte{}
	err := view.Records(func(r store.RecordInfo) error {
		if r.State == store.StateLive && (r.Type == "put" || r.Type == "large") {
			b, err := view.Value(r.Kind, r.Key)
			out[gateway.KindName(r.Kind)+" "+r.Key] = b
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// secretsOf reads the keys of a state directory.
func secretsOf(t *testing.T, dir string, v *store.Vault) map[string][]byte {
	t.Helper()
	s := store.Secrets{Dir: dir}
	if v != nil {
		s.Cipher = v.Cipher(store.ForSecrets)
	}
	out := map[string][]byte{}
	for _, name := range SecretFiles {
		if b, err := s.Read(name); err == nil {
			out[name] = b
		} else if !errors.Is(err, store.ErrNotFound) {
			t.Fatal(err)
		}
	}
	return out
}

// TestRestoredGatewayHoldsAllThatWasBackedUp compares every record and every secret, and runs the copy.
func TestRestoredGatewayHoldsAllThatWasBackedUp(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		dir, to := t.TempDir(), filepath.Join(t.TempDir(), "state")
		toml := filepath.Join(t.TempDir(), "packhorse.toml")
		if err := os.WriteFile(toml, []byte("name = \"ada\"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			cfg := config(t, dir, "ada", sealed)
			cfg.Files = func() []string { return []string{toml} }
			a := start(t, cfg, nil)
			id := must[admin.Status](t)(a.Up(ctx, admin.Up{Region: "EU868", Domain: "ridge"})).ID
			apply(t, a.n.store, store.Op{Kind: gateway.KindTransport, Key: "lora0", Value: []byte("ledger")},
				store.Op{Kind: gateway.KindBody, Key: strings.Repeat("ab", 32), Value: bytes.Repeat([]byte("body"), 50_000)},
				store.Op{Kind: gateway.KindCounter, Key: "dispatch", Value: binary.BigEndian.AppendUint64(nil, 5)})
			synctest.Wait() // what Up has set going is on disk
			var stream bytes.Buffer
			if err := a.Backup(ctx, &stream); err != nil {
				t.Fatal(err)
			}
			a.stop()
			want, secrets := allOf(t, dir, cfg.Vault), secretsOf(t, dir, cfg.Vault)
			for n := 0; n < stream.Len(); n += 1 + stream.Len()/40 { // cut: nothing appears
				r := Restore{Dir: to, Vault: cfg.Vault}
				if _, _, err := r.Run(bytes.NewReader(stream.Bytes()[:n])); !errors.Is(err, store.ErrBackup) {
					t.Errorf("cut to %d octets: got %v, want %v", n, err, store.ErrBackup)
				}
				if there := must[[]os.DirEntry](t)(os.ReadDir(filepath.Dir(to))); len(there) != 0 {
					t.Fatalf("cut to %d octets: it left %v", n, there)
				}
			}
			r := Restore{Dir: to, Vault: cfg.Vault, Radios: []string{"lora1"}, Now: time.Now(), Trusted: true}
			info, n, err := r.Run(&stream)
			if err != nil || info.Name != "ada" || info.ID != id || info.Domain != "ridge" || info.Encrypted != sealed || n.Values != len(want) || n.Files != len(secrets)+1 {
				t.Fatalf("got %+v, %+v, %v", info, n, err)
			}
			got := allOf(t, to, cfg.Vault)
			want["transport lora0"], want["transport lora1"] = port.LostState(), port.LostState()
			for name, value := range want {
				changed := strings.HasPrefix(name, "counter ")
				if changed && (len(got[name]) != 8 || binary.BigEndian.Uint64(got[name]) < binary.BigEndian.Uint64(value)) || !changed && !bytes.Equal(got[name], value) {
					t.Errorf("%s: got %x, want %x", name, got[name][:min(20, len(got[name]))], value[:min(20, len(value))])
				}
				delete(got, name)
			}
			for name := range got {
				t.Errorf("%s was not backed up", name)
			}
			if again := secretsOf(t, to, cfg.Vault); len(again) != len(secrets) || len(secrets) != 4 {
				t.Errorf("secrets: got %d of %d", len(again), len(secrets))
			} else {
				for name, b := range secrets {
					if !bytes.Equal(again[name], b) {
						t.Errorf("%s is another", name)
					}
				}
			}
			b, err := os.ReadFile(filepath.Join(to, RestoredConfig, flatName(toml)))
			if st, _ := os.Stat(to); err != nil || string(b) != "name = \"ada\"\n" || st.Mode().Perm() != 0o700 {
				t.Errorf("configuration: got %q, %v; mode %v", b, err, st.Mode())
			}
			copied := start(t, Config{StateDir: to, Vault: cfg.Vault}, nil)
			defer copied.stop()
			if s := must[admin.Status](t)(copied.Status(ctx)); s.ID != id || s.Domain != "ridge" || s.Region != "EU868" {
				t.Errorf("the copy runs as %s in %s, %s", s.ID, s.Domain, s.Region)
			}
		})
	}
}

func apply(t *testing.T, s *store.Store, ops ...store.Op) {
	t.Helper()
	if err := s.Apply(ops...); err != nil {
		t.Fatal(err)
	}
}

func TestRestoreTouchesNothingThatIsThere(t *testing.T) {
	dir := t.TempDir()
	if _, _, err := (&Restore{Dir: dir}).Run(strings.NewReader("")); !errors.Is(err, store.ErrBackup) {
		t.Errorf("an empty directory: got %v, want it taken", err)
	}
	mine := filepath.Join(dir, "mine")
	if err := os.WriteFile(mine, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, _, err := (&Restore{Dir: dir}).Run(strings.NewReader("")); err == nil || !strings.Contains(err.Error(), "mine is there") {
		t.Errorf("got %v, want a refusal", err)
	}
	if _, err := os.Stat(mine); err != nil {
		t.Error(err)
	}
}

func TestRestoreTakesThePlaceOfAnEmptyDirectory(t *testing.T) {
	dir := t.TempDir()
	var stream bytes.Buffer
	b := store.NewBackupWriter(&stream)
	b.Info([]byte(`{"name":"ada"}`))
	b.File(backupState+"membership", []byte("ours"))
	b.Close()
	if _, _, err := (&Restore{Dir: dir}).Run(&stream); err != nil {
		t.Fatal(err)
	}
	if got := secretsOf(t, dir, nil); string(got["membership"]) != "ours" {
		t.Errorf("got %v", got)
	}
}

func TestRestoreWritesNowhereElse(t *testing.T) {
	for _, name := range []string{"state:../evil", "state:vault", "/etc/evil", "evil", "state:"} {
		parent := t.TempDir()
		var stream bytes.Buffer
		b := store.NewBackupWriter(&stream)
		b.Info([]byte(`{"name":"ada"}`))
		b.File(name, []byte("evil"))
		b.Close()
		if _, _, err := (&Restore{Dir: filepath.Join(parent, "state")}).Run(&stream); err == nil {
			t.Errorf("%s was taken", name)
		}
		if there, _ := os.ReadDir(parent); len(there) != 0 {
			t.Errorf("%s: it left %v", name, there)
		}
	}
	for path, want := range map[string]string{"/etc/packhorse/conf.d/a.toml": "etc_packhorse_conf.d_a.toml", "../../x": "x", "": "unnamed", "/": "unnamed", "..": "unnamed"} {
		if got := flatName(path); got != want {
			t.Errorf("flatName(%q): got %q, want %q", path, got, want)
		}
	}
}

func TestDryRestoreCountsDifferences(t *testing.T) {
	dir := t.TempDir()
	s := must[*store.Store](t)(store.Open(filepath.Join(dir, "store"), store.Options{Reserve: -1}))
	put := func(key, value string) {
		apply(t, s, store.Op{Kind: gateway.KindLetter, Key: key, Value: []byte(value)})
	}
	put("same", "1")
	put("changed", "1")
	put("absent", "1")
	secrets := store.Secrets{Dir: dir}
	if err := secrets.Write(gateway.SecretOwner, []byte("key")); err != nil {
		t.Fatal(err)
	}
	toml := filepath.Join(dir, "a.toml")
	if err := os.WriteFile(toml, []byte("a"), 0o644); err != nil {
		t.Fatal(err)
	}
	var stream bytes.Buffer
	if err := (&BackupSource{Secrets: secrets, Config: []string{toml}, Records: s.Backup}).Backup(&stream); err != nil {
		t.Fatal(err)
	}
	put("changed", "2")
	put("new", "1")
	apply(t, s, store.Op{Kind: gateway.KindLetter, Key: "absent", Delete: true})
	os.Remove(toml)
	s.Close()
	view := must[*store.View](t)(store.Look(filepath.Join(dir, "store"), store.LookOptions{}))
	defer view.Close()
	d := NewRestoreDiff(secrets, view)
	if _, err := d.Run(&stream); err != nil {
		t.Fatal(err)
	}
	want := KindDiff{Values: 3, Octets: 5 + 8 + 7, Same: 1, Changed: 1, Absent: 1, OnlyHere: 1}
	if got := *d.Kinds[gateway.KindLetter]; got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if want := []FileDiff{{"state:owner.key", "same"}, {"config:" + toml, "absent"}}; !slices.Equal(d.Files, want) {
		t.Errorf("files: got %v, want %v", d.Files, want)
	}
}

// hooked is a stream in two parts, with something that happens in between.
func hooked(b []byte, between func()) io.Reader {
	n := 1 + len(b)/2
	return io.MultiReader(bytes.NewReader(b[:n]), readFunc(func() { between() }), bytes.NewReader(b[n:]))
}

type readFunc func()

func (f readFunc) Read([]byte) (int, error) { f(); return 0, io.EOF }

// Without the claim the first that ends would put in place what the second has only begun.
func TestTwoRestoresAtOnceDoNotMix(t *testing.T) {
	to := filepath.Join(t.TempDir(), "state")
	var stream bytes.Buffer
	b := store.NewBackupWriter(&stream)
	b.Info([]byte(`{"name":"ada"}`))
	b.File(backupState+"owner.key", make([]byte, 300_000))
	b.File(backupState+"membership", []byte("second"))
	b.Close()
	begun, ended := make(chan struct{}), make(chan error, 1)
	other := &Restore{Dir: to}
	go func() {
		<-begun
		_, _, err := other.Run(hooked(stream.Bytes(), func() {}))
		ended <- err
	}()
	_, _, err := (&Restore{Dir: to}).Run(hooked(stream.Bytes(), func() {
		close(begun)
		if err := <-ended; !errors.Is(err, store.ErrLocked) {
			t.Errorf("the second: got %v, want %v", err, store.ErrLocked)
		}
	}))
	if err != nil {
		t.Errorf("the first: got %v", err)
	}
	if got := secretsOf(t, to, nil); string(got["membership"]) != "second" || len(got["owner.key"]) != 300_000 {
		t.Errorf("got %d files, want all of the backup", len(got))
	}
}
