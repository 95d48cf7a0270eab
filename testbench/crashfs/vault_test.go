//go:build linux

package crashfs

import (
	"bytes"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"packhorse/store"
)

// sealing is a state directory with so many values and one secret.
const sealing = 120

func sealingDir(v *Volume) store.Directory {
	return store.Directory{Vault: filepath.Join(v.Dir, "vault"), Store: filepath.Join(v.Dir, "store"), Dir: v.Dir, Secrets: []string{"identity.key"},
		Options: store.Options{Reserve: -1, BucketBytes: 64 << 10}}
}

func sealingValue(i int) []byte {
	b := make([]byte, 1+i*i%9000)
	r := rand.NewChaCha8([32]byte{byte(i)})
	r.Read(b)
	return b
}

// fillSealing writes it in the clear.
func fillSealing(d store.Directory) error {
	s, err := store.Open(d.Store, d.Options)
	if err != nil {
		return err
	}
	for i := range sealing {
		err = errors.Join(err, s.Apply(store.Op{Kind: store.Kind(i % 3), Key: fmt.Sprint(i), Value: sealingValue(i)}))
	}
	return errors.Join(err, s.Close(), store.Secrets{Dir: d.Dir}.Write("identity.key", []byte("octets of a key")))
}

// checkSealing compares all that is in it with what was written; v is nil in the clear.
func checkSealing(d store.Directory, v *store.Vault) error {
	o, secrets := d.Options, store.Secrets{Dir: d.Dir}
	if v != nil {
		o.Cipher, secrets.Cipher = v.Cipher(store.ForRecords), v.Cipher(store.ForSecrets)
	}
	if b, err := secrets.Read("identity.key"); err != nil || string(b) != "octets of a key" {
		return fmt.Errorf("secret: got %q, %v", b, err)
	}
	s, err := store.Open(d.Store, o)
	if err != nil {
		return err
	}
	defer s.Close()
	for i := range sealing {
		if b, err := s.Get(store.Kind(i%3), fmt.Sprint(i)); err != nil || !bytes.Equal(b, sealingValue(i)) {
			return fmt.Errorf("value %d: got %d octets, %v", i, len(b), err)
		}
	}
	if n := s.Stats().Records; n != sealing {
		return fmt.Errorf("got %d values, want %d", n, sealing)
	}
	all, err := os.ReadDir(d.Dir)
	want := []string{"identity.key", "store"}
	if v != nil {
		want = append(want, "vault")
	}
	if names := namesOf(all); err != nil || !slices.Equal(names, want) {
		return fmt.Errorf("got %q, %v, want %q", names, err, want)
	}
	return nil
}

func namesOf(all []os.DirEntry) (names []string) {
	for _, e := range all {
		names = append(names, e.Name())
	}
	return names
}

// TestOnExt4EncryptingOutlivesThePower cuts the power while a state directory is encrypted and while it is decrypted. The same
// call then finishes, and nothing is missing.
func TestOnExt4EncryptingOutlivesThePower(t *testing.T) {
	need(t)
	key, err := store.ReadKeyFile(store.NewKeyFile())
	if err != nil {
		t.Fatal(err)
	}
	encrypt := func(d store.Directory) error { _, err := d.Encrypt(key); return err }
	decrypt := func(d store.Directory) error {
		if _, err := d.Decrypt(key); !errors.Is(err, store.ErrNoVault) { // it was done
			return err
		}
		return nil
	}
	fillSealed := func(d store.Directory) error { return errors.Join(fillSealing(d), encrypt(d)) }
	for _, tc := range []struct {
		title      string
		before, do func(store.Directory) error
		sealed     bool // afterwards
	}{{"encrypt", fillSealing, encrypt, true}, {"decrypt", fillSealed, decrypt, false}} {
		t.Run(tc.title, func(t *testing.T) {
			v, err := New(Options{})
			if err != nil {
				t.Fatal(err)
			}
			d := sealingDir(v)
			err = errors.Join(tc.before(d), v.sync())
			start := v.Position()
			err = errors.Join(err, tc.do(d))
			end := v.Position()
			if err := errors.Join(err, v.Close()); err != nil {
				t.Fatal(err)
			}
			r := rand.New(rand.NewPCG(uint64(len(tc.title)), 4))
			cuts := slices.DeleteFunc(v.Flushes(), func(p int) bool { return p <= start || p > end })
			for range 20 {
				cuts = append(cuts, start+r.IntN(end-start+1))
			}
			slices.Sort(cuts) // images are made in order
			for _, p := range cuts {
				seed := r.Uint64()
				err := goOn(v.Disk, max(start, p-1), seed, func(d store.Directory) error {
					if err := tc.do(d); err != nil {
						return err
					}
					if !tc.sealed {
						return checkSealing(d, nil)
					}
					vault, err := store.OpenVault(d.Vault, key)
					if err != nil {
						return err
					}
					return checkSealing(d, vault)
				})
				if err != nil {
					t.Errorf("cut at %d of %d to %d, seed %d: %v", p-1, start, end, seed, err)
				}
			}
			t.Logf("%d images", len(cuts))
		})
	}
}

// goOn mounts an image and runs f on what is there.
func goOn(disk *Disk, position int, seed uint64, f func(store.Directory) error) error {
	image, err := disk.Image(position, seed)
	if err != nil {
		return err
	}
	v, err := Mount(image, "")
	if err != nil {
		return err
	}
	return errors.Join(f(sealingDir(v)), v.Close())
}
