package node

import (
	"bytes"
	"crypto/rsa"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/endpoint"
	"packhorse/store"
)

// vaultIn makes a vault with a key file in a state directory.
func vaultIn(t *testing.T, dir string) (*store.Vault, store.Key) {
	t.Helper()
	k := must[store.Key](t)(store.ReadKeyFile(store.NewKeyFile()))
	return must[*store.Vault](t)(store.CreateVault(filepath.Join(dir, VaultFile), k)), k
}

func TestSealedGatewayStartsAgainWithItsKeyOnly(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		v, k := vaultIn(t, dir)
		a := start(t, Config{StateDir: dir, Name: "ada", Vault: v}, nil)
		id := must[admin.Status](t)(a.Up(t.Context(), admin.Up{Domain: "ridge"})).ID
		a.stop()
		if _, err := Open(Config{StateDir: dir}); !errors.Is(err, store.ErrSealed) {
			t.Errorf("without a key: got %v, want %v", err, store.ErrSealed)
		}
		other, _ := vaultIn(t, t.TempDir())
		if _, err := Open(Config{StateDir: dir, Vault: other}); err == nil {
			t.Error("it started with the vault of another directory")
		}
		v = must[*store.Vault](t)(store.OpenVault(filepath.Join(dir, VaultFile), k))
		a = start(t, Config{StateDir: dir, Vault: v}, nil)
		defer a.stop()
		if s := must[admin.Status](t)(a.Status(t.Context())); s.ID != id || s.Domain != "ridge" {
			t.Errorf("after a restart: id %s, domain %q, want %s, ridge", s.ID, s.Domain, id)
		}
	})
}

// needles are what a seized card must not tell of a gateway.
func needles(t *testing.T, n *Node) map[string][]byte {
	t.Helper()
	id, ep := n.identity, must[*endpoint.Endpoint](t)(n.loadEndpoint(n.endpointAhead()))
	out := map[string][]byte{"signing key": id.Sign.Seed(), "static key": id.Static[:], "RSA prime": id.RSA.Primes[0].Bytes(),
		"endpoint's RSA prime": ep.Key.(*rsa.PrivateKey).Primes[1].Bytes(), "endpoint's id": []byte(ep.ID())}
	b := must[[]byte](t)(n.secrets.Read(gateway.SecretMembership))
	out["membership"] = b[len(b)-32:]
	return out
}

// shown names the needles that some file below a directory holds, with the file.
func shown(t *testing.T, dir string, needles map[string][]byte) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		for what, octets := range needles {
			if bytes.Contains(b, octets) {
				out[what] = filepath.Base(path)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestSeizedCardTellsNothing lets two gateways pair and write, and looks for what they must keep to themselves in
// all of their files: running and stopped, and in the clear to see that the needles are right.
func TestSeizedCardTellsNothing(t *testing.T) {
	const letter = "the mules leave at dawn by the northern road"
	for _, sealed := range []bool{false, true} {
		dirs := [2]string{t.TempDir(), t.TempDir()}
		synctest.Test(t, func(t *testing.T) {
			ctx := t.Context()
			x, y := newCable()
			a := start(t, config(t, dirs[0], "ada-of-the-ridge", sealed), x)
			b := start(t, config(t, dirs[1], "ben-of-the-valley", sealed), y)
			must[admin.Status](t)(a.Up(ctx, admin.Up{Region: "NZ915", Domain: "name-of-the-domain"}))
			must[admin.Status](t)(b.Up(ctx, admin.Up{Region: "NZ915"}))
			offer := must[admin.PairOffer](t)(a.OpenPairing(ctx))
			must[admin.PairResult](t)(b.JoinPairing(ctx, offer.Code))
			must[admin.PairResult](t)(a.Pairing(ctx))
			events := must[<-chan admin.Event](t)(b.Events(ctx))
			must[admin.Parcel](t)(a.Send(ctx, admin.Send{To: "ben-of-the-valley", Type: "text/plain", Content: []byte(letter)}))
			for e := range events {
				if e.Type == "letter" {
					break
				}
			}
			time.Sleep(time.Minute)
			look := func(when string) {
				for i, n := range []*Node{a.n, b.n} {
					want := needles(t, n)
					want["a's name"], want["b's name"], want["domain"] = []byte("ada-of-the-ridge"), []byte("ben-of-the-valley"), []byte("name-of-the-domain")
					if i == 1 {
						want["letter"] = []byte(letter)
					}
					switch got := shown(t, dirs[i], want); {
					case sealed && len(got) > 0:
						t.Errorf("%s, %d: shown: %v, want nothing", when, i, got)
					case !sealed && len(got) != len(want):
						t.Errorf("%s, %d: in the clear: got %v, want all of %d", when, i, got, len(want))
					}
				}
			}
			look("running")
			a.stop()
			b.stop()
			look("stopped")
		})
	}
}

// config is that of a gateway with or without a vault.
func config(t *testing.T, dir, name string, sealed bool) Config {
	t.Helper()
	cfg := Config{StateDir: dir, Name: name}
	if sealed {
		cfg.Vault, _ = vaultIn(t, dir)
	}
	return cfg
}
