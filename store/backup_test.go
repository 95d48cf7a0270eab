package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"sync"
	"testing"
)

// backedUp is the stream of a store's backup, with an info and a file.
func backedUp(t *testing.T, backup func(*BackupWriter) error) []byte {
	t.Helper()
	var out bytes.Buffer
	b := NewBackupWriter(&out)
	for _, err := range []error{b.Info([]byte("info")), b.File("secret", []byte("key")), backup(b), b.Close()} {
		if err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

// restored reads a stream.
func restored(r io.Reader) (model, BackupCounts, error) {
	m := model{}
	n, err := ReadBackup(r, BackupVisitor{Value: func(k Kind, key string, value []byte) error {
		m[nameOf(k, []byte(key))] = value
		return nil
	}})
	return m, n, err
}

func TestBackupHoldsEveryValueOfItsMoment(t *testing.T) {
	for _, sealed := range []bool{false, true} {
		o := Options{BucketBytes: 32 << 10, Reserve: -1}
		if sealed {
			o.Cipher = testCipher(t, 1)
		}
		dir := t.TempDir()
		worn(t, dir, o)
		s := open(t, dir, o)
		want := modelOf(t, s)
		got, n, err := restored(bytes.NewReader(backedUp(t, s.Backup)))
		if err != nil || !maps.EqualFunc(got, want, bytes.Equal) || n.Values != len(want) || n.Files != 1 || len(n.Missing) > 0 {
			t.Errorf("sealed %v: got %d values in %+v, %v, want %d", sealed, len(got), n, err, len(want))
		}
		v, err := Look(dir, LookOptions{Cipher: o.Cipher})
		if err != nil {
			t.Fatal(err)
		}
		if got, _, err := restored(bytes.NewReader(backedUp(t, v.Backup))); err != nil || !maps.EqualFunc(got, want, bytes.Equal) {
			t.Errorf("sealed %v, of a view: got %d values, %v, want %d", sealed, len(got), err, len(want))
		}
		v.Close()
	}
}

func modelOf(t *testing.T, s *Store) model {
	t.Helper()
	out := model{}
	for k := range Kind(16) {
		err := s.Each(k, func(key string, value []byte) error {
			out[nameOf(k, []byte(key))] = value
			return nil
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
	}
	return out
}

// TestBackupBesideWritersIsOneMoment has every batch write one number under all keys.
func TestBackupBesideWritersIsOneMoment(t *testing.T) {
	s := open(t, t.TempDir(), Options{BucketBytes: 16 << 10, Reserve: -1})
	write := func(n int) {
		var ops []Op
		for k := range 20 {
			ops = append(ops, Op{Kind: 1, Key: fmt.Sprint(k), Value: bytes.Repeat([]byte{byte(n)}, 100+n%7*30)})
		}
		ops = append(ops, Op{Kind: 2, Key: "large", Value: bytes.Repeat([]byte{byte(n)}, maxInline+100)})
		if err := s.Apply(ops...); err != nil {
			t.Error(err)
		}
	}
	write(0)
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Go(func() {
		for n := 1; ; n++ {
			select {
			case <-stop:
				return
			default:
				write(n)
			}
		}
	})
	for range 40 {
		got, _, err := restored(bytes.NewReader(backedUp(t, s.Backup)))
		if err != nil || len(got) != 21 {
			t.Fatalf("got %d values, %v, want 21", len(got), err)
		}
		first := got[nameOf(1, []byte("0"))][0]
		for name, value := range got {
			if value[0] != first || value[len(value)-1] != first {
				t.Fatalf("%q is of batch %d, another value of %d", name, value[0], first)
			}
		}
	}
	close(stop)
	writer.Wait()
	settle(t, s)
	for _, b := range s.buckets {
		if b.pins != 0 {
			t.Errorf("%s is still pinned", b.name())
		}
	}
}

func TestBackupNamesWhatItCouldNotRead(t *testing.T) {
	dir := t.TempDir()
	s := open(t, dir, Options{Reserve: -1})
	apply(t, s, Op{Kind: 4, Key: "small", Value: bytes.Repeat([]byte("s"), 500)}, Op{Kind: 5, Key: "large", Value: append(make([]byte, maxInline), bytes.Repeat([]byte("p"), 500)...)},
		Op{Kind: 6, Key: "whole", Value: []byte("w")})
	apply(t, s, Op{Kind: 6, Key: "last"}) // or it would be a tail that was cut off
	spoil(t, dir, bytes.Repeat([]byte("s"), 500))
	spoil(t, dir, bytes.Repeat([]byte("p"), 500))
	got, n, err := restored(bytes.NewReader(backedUp(t, s.Backup)))
	if want := []Name{{4, ""}, {5, "large"}}; err != nil || len(got) != 2 || !slices.Equal(n.Missing, want) {
		t.Errorf("got %d values, missing %v, %v, want 2 and %v", len(got), n.Missing, err, want)
	}
	again, n, err := restored(bytes.NewReader(backedUp(t, s.Backup)))
	if want := []Name{{4, ""}, {5, "large"}}; err != nil || len(again) != 2 || !slices.Equal(n.Missing, want) {
		t.Errorf("a second one, when the damage is known: got %d values, missing %v, %v", len(again), n.Missing, err)
	}
	s.Abandon() // and so without a snapshot: the log alone cannot tell what it held
	v, err := Look(dir, LookOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer v.Close()
	s = open(t, dir, Options{Reserve: -1})
	defer s.Close()
	for name, backup := range map[string]func(*BackupWriter) error{"of a view": v.Backup, "of a store that was opened damaged": s.Backup} {
		if _, n, err := restored(bytes.NewReader(backedUp(t, backup))); err != nil || !slices.Contains(n.Missing, Name{}) {
			t.Errorf("%s: got missing %v, %v, want damage without a name", name, n.Missing, err)
		}
	}
}

// backupFile is a small backup in a file's form.
func backupFile(t *testing.T, v *Vault) []byte {
	t.Helper()
	s := open(t, t.TempDir(), Options{Reserve: -1})
	for i := range 5 {
		apply(t, s, Op{Kind: Kind(i), Key: fmt.Sprint(i), Value: bytes.Repeat([]byte{byte(i)}, 9)})
	}
	var out bytes.Buffer
	w, err := WriteBackup(&out, v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(backedUp(t, s.Backup)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func readFileBackup(b []byte, keys ...Key) error {
	f, err := OpenBackup(bytes.NewReader(b), func([]KeyKind) ([]Key, error) { return keys, nil })
	if err == nil {
		_, _, err = restored(f)
	}
	return err
}

func TestBackupThatIsCutOrAlteredIsRefused(t *testing.T) {
	key := keyFile(t, 3)
	v, err := NewVault(key)
	if err != nil {
		t.Fatal(err)
	}
	for name, v := range map[string]*Vault{"clear": nil, "sealed": v} {
		whole := backupFile(t, v)
		if err := readFileBackup(whole, key); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		for n := range len(whole) {
			if err := readFileBackup(whole[:n], key); !errors.Is(err, ErrBackup) {
				t.Errorf("%s, cut to %d of %d octets: got %v, want %v", name, n, len(whole), err, ErrBackup)
			}
			for _, flip := range []byte{1, 0x80} {
				b := bytes.Clone(whole)
				b[n] ^= flip
				err := readFileBackup(b, key)
				if random := n >= backupHead-backupPrefix && n < backupHead; err == nil && !(v == nil && random) {
					t.Errorf("%s, octet %d altered: not noticed", name, n)
				}
			}
		}
		if err := readFileBackup(append(bytes.Clone(whole), 0), key); err == nil {
			t.Errorf("%s: an octet behind its end was not noticed", name)
		}
	}
}

func TestSealedBackupTellsNothingAndNeedsItsKey(t *testing.T) {
	v, err := NewVault(keyFile(t, 3), pass("words"))
	if err != nil {
		t.Fatal(err)
	}
	b := backupFile(t, v)
	for _, secret := range []string{"info", "secret", "key", "\x04\x04\x04\x04"} {
		if bytes.Contains(b, []byte(secret)) {
			t.Errorf("it shows %q", secret)
		}
	}
	for _, key := range []Key{keyFile(t, 3), pass("words")} {
		if err := readFileBackup(b, key); err != nil {
			t.Errorf("with %v: %v", key.Kind(), err)
		}
	}
	if err := readFileBackup(b, keyFile(t, 4)); !errors.Is(err, ErrWrongKey) {
		t.Errorf("with another: got %v, want %v", err, ErrWrongKey)
	}
	if err := readFileBackup(b); !errors.Is(err, ErrSealed) {
		t.Errorf("with none: got %v, want %v", err, ErrSealed)
	}
	if _, err := NewVault(); !errors.Is(err, ErrSealed) {
		t.Errorf("a vault without keys: got %v", err)
	}
}

func TestSealedBackupsOfEveryLengthAreWhole(t *testing.T) {
	key := keyFile(t, 3)
	v, err := NewVault(key)
	if err != nil {
		t.Fatal(err)
	}
	r := rand.New(rand.NewPCG(1, 2))
	for _, n := range []int{0, 1, backupBlock - 1, backupBlock, backupBlock + 1, 3 * backupBlock, 3*backupBlock + 77} {
		want := make([]byte, n)
		for i := range want {
			want[i] = byte(r.Uint32())
		}
		var out bytes.Buffer
		w, _ := WriteBackup(&out, v)
		for rest := want; len(rest) > 0; {
			m := min(len(rest), 1+r.IntN(100_000))
			w.Write(rest[:m])
			rest = rest[m:]
		}
		w.Close()
		f, err := OpenBackup(bytes.NewReader(out.Bytes()), func([]KeyKind) ([]Key, error) { return []Key{key}, nil })
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d octets: got %d, %v", n, len(got), err)
		}
		head := backupHead + len(v.marshal())
		for at := head + backupBlock + sealTag; at < out.Len(); at += backupBlock + sealTag { // where a block ends
			f, _ := OpenBackup(bytes.NewReader(out.Bytes()[:at]), func([]KeyKind) ([]Key, error) { return []Key{key}, nil })
			if _, err := io.ReadAll(f); !errors.Is(err, ErrBackup) {
				t.Errorf("%d octets, cut between blocks: got %v, want %v", n, err, ErrBackup)
			}
		}
	}
}

func FuzzReadBackup(f *testing.F) {
	var out bytes.Buffer
	b := NewBackupWriter(&out)
	b.Info([]byte("info"))
	b.File("name", []byte("content"))
	b.record(record{typ: typePut, kind: 1, key: []byte("k"), payload: []byte("v")})
	seq, _ := b.record(record{typ: typeChunk, kind: 1, key: []byte("l"), payload: []byte("piece")})
	b.record(record{typ: typeLarge, kind: 1, key: []byte("l"), payload: appendLarge(nil, 5, []loc{{seq: seq}})})
	b.missing(1, []byte("m"))
	b.counts.Values = 2
	b.Close()
	if _, _, err := restored(bytes.NewReader(out.Bytes())); err != nil {
		f.Fatal(err)
	}
	f.Add(out.Bytes())
	f.Add(out.Bytes()[:20])
	f.Fuzz(func(t *testing.T, stream []byte) {
		m, n, err := restored(bytes.NewReader(stream))
		if err == nil && len(m) > n.Values {
			t.Errorf("got %d values, counted %d", len(m), n.Values)
		}
	})
}

func TestVaultOfABackupCanBeSaved(t *testing.T) {
	v, err := NewVault(keyFile(t, 3))
	if err != nil {
		t.Fatal(err)
	}
	path := t.TempDir() + "/vault"
	if err := v.SaveTo(path); err != nil {
		t.Fatal(err)
	}
	got, err := OpenVault(path, keyFile(t, 3))
	if err != nil || !same(v, got) {
		t.Errorf("got %v, want the same vault", err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %04o, want 0600", st.Mode().Perm())
	}
}

func TestPiecesWithoutEndAreRefused(t *testing.T) {
	var out bytes.Buffer
	b := NewBackupWriter(&out)
	b.Info(nil)
	for range maxPieces + 1 {
		if _, err := b.record(record{typ: typeChunk, kind: 1, key: []byte("k")}); err != nil {
			t.Fatal(err)
		}
	}
	b.Close()
	if _, _, err := restored(&out); !errors.Is(err, ErrBackup) {
		t.Errorf("got %v, want %v", err, ErrBackup)
	}
}
