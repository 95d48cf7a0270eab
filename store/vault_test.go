package store

import (
	"bytes"
	"crypto/cipher"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"hash/crc32"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pass is a passphrase with the cheapest slot there is.
func pass(s string) Key {
	return Key{octets: []byte(s), cost: slotCost{Kind: KindPassphrase, Time: 1, Memory: 8, Threads: 1}}
}

func keyFile(t testing.TB, fill byte) Key {
	t.Helper()
	k, err := ReadKeyFile([]byte(hex.EncodeToString(bytes.Repeat([]byte{fill}, 32))))
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func newVault(t testing.TB, path string, k Key) *Vault {
	t.Helper()
	v, err := CreateVault(path, k)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// same tells whether two vaults hold the same data key.
func same(a, b *Vault) bool {
	nonce := make([]byte, 24)
	return bytes.Equal(a.Cipher(ForRecords).Seal(nil, nonce, nil, nil), b.Cipher(ForRecords).Seal(nil, nonce, nil, nil))
}

func TestVaultOpensWithEachOfItsKeysAndNoOther(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault")
	v := newVault(t, path, pass("one"))
	if err := v.Rekey(keyFile(t, 7)); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		keys []Key
		want error
	}{
		{"the passphrase", []Key{pass("one")}, nil},
		{"the key file", []Key{keyFile(t, 7)}, nil},
		{"the right one of two", []Key{pass("two"), keyFile(t, 7)}, nil},
		{"another passphrase", []Key{pass("two")}, ErrWrongKey},
		{"another key file", []Key{keyFile(t, 8)}, ErrWrongKey},
		{"a key file's octets as a passphrase", []Key{pass(strings.Repeat("\x07", 32))}, ErrWrongKey},
		{"an empty passphrase", []Key{pass("")}, ErrWrongKey},
		{"none", nil, ErrSealed},
	} {
		got, err := OpenVault(path, tc.keys...)
		if !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", tc.name, err, tc.want)
		}
		if err == nil && !same(v, got) {
			t.Errorf("%s: another data key", tc.name)
		}
	}
	if kinds, err := VaultKinds(path); err != nil || !slices.Equal(kinds, []KeyKind{KindPassphrase, KindKeyFile}) {
		t.Errorf("kinds: got %v, %v, want both", kinds, err)
	}
	if st, _ := os.Stat(path); st.Mode().Perm() != 0o600 {
		t.Errorf("mode: got %04o, want 0600", st.Mode().Perm())
	}
}

func TestRekeyChangesTheKeyAndNotTheData(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault")
	v := newVault(t, path, pass("old"))
	if err := v.Forget(KindPassphrase); !errors.Is(err, ErrLastKey) {
		t.Errorf("the last key forgotten: got %v, want %v", err, ErrLastKey)
	}
	if err := v.Rekey(pass("new")); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenVault(path, pass("old")); !errors.Is(err, ErrWrongKey) {
		t.Errorf("the old passphrase: got %v, want %v", err, ErrWrongKey)
	}
	got, err := OpenVault(path, pass("new"))
	if err != nil || !same(v, got) {
		t.Fatalf("the new passphrase: %v, or another data key", err)
	}
	if err := errors.Join(got.Rekey(keyFile(t, 1)), got.Forget(KindPassphrase)); err != nil {
		t.Fatal(err)
	}
	if _, err := OpenVault(path, pass("new")); !errors.Is(err, ErrWrongKey) || !strings.Contains(err.Error(), "opened by a key file;") {
		t.Errorf("the forgotten passphrase: got %v, want %v that names the key file", err, ErrWrongKey)
	}
	if _, err := CreateVault(path, pass("x")); !errors.Is(err, ErrVaultExists) {
		t.Errorf("a second vault: got %v, want %v", err, ErrVaultExists)
	}
}

func TestEachPurposeHasItsOwnKey(t *testing.T) {
	v := newVault(t, filepath.Join(t.TempDir(), "vault"), pass("x"))
	nonce, seen := make([]byte, 24), map[string]Purpose{}
	for _, p := range []Purpose{ForRecords, ForSecrets, "header"} {
		c := string(v.Cipher(p).Seal(nil, nonce, nil, nil))
		if was, ok := seen[c]; ok {
			t.Errorf("%s and %s have one key", p, was)
		}
		seen[c] = p
	}
}

// goldenVault is a file of version 1 that must open for ever: passphrase "mules at dawn", key file of 32 octets 0x42.
const goldenVault = "" +
	"8e50485641554c540100020000000000de69ac284168e2cf5ef8ef2af94c1fce010400000000000300010000ad3d7cb5ea2e34703939bf3cad7aee92" +
	"33903e4985fb9f9bacab0bd75bdde6010b1cf228adca291eb8627bae729e20ce1bce0cfd229990b4f082135b46588db919beb11a948918bf9bd26bef" +
	"ce5fe5bb63db63dbe29713a402000000000000000000000056d254544e505bb876f362eab73d70b83939d3e5375f01bc7682cd38db13e8e6b528c00b" +
	"3300860bb069c340ed44fe5d0c768f2117a3985e3ad4186909dfc055e45dd6f373627dec63e930b82fb999c03607c2526ab18110c8ebfe8de4324b9e" +
	"cef9c9b2bac49876295d50eb11f22f1ef960bc1ed84209368b65429c"

func TestVaultOfVersion1OpensForEver(t *testing.T) {
	b, err := hex.DecodeString(goldenVault)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "vault")
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, k := range []Key{PassphraseKey([]byte("mules at dawn")), keyFile(t, 0x42)} {
		v, err := OpenVault(path, k)
		if err != nil {
			t.Fatalf("%s: %v", k.Kind(), err)
		}
		const want = "386ab6bb0b76ada6542385d596a51223"
		if got := hex.EncodeToString(v.Cipher(ForRecords).Seal(nil, make([]byte, 24), nil, nil)); got != want {
			t.Errorf("%s: got tag %s, want %s", k.Kind(), got, want)
		}
	}
}

func TestMissingCutAndFlippedVaultsAreToldApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault")
	if _, err := OpenVault(path, pass("x")); !errors.Is(err, ErrNoVault) || !strings.Contains(err.Error(), "packhorse store encrypt") {
		t.Errorf("missing: got %v, want %v and what to do", err, ErrNoVault)
	}
	newVault(t, path, pass("x"))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, b []byte) {
		t.Helper()
		if err := os.WriteFile(path, b, 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := OpenVault(path, pass("x")); !errors.Is(err, ErrVaultDamaged) || !strings.Contains(err.Error(), "from a copy") {
			t.Errorf("%s: got %v, want %v and what to do", what, err, ErrVaultDamaged)
		}
	}
	for n := range whole {
		check(fmt.Sprint("cut to ", n), whole[:n])
		for _, bit := range []byte{1, 0x80} {
			b := bytes.Clone(whole)
			b[n] ^= bit
			check(fmt.Sprintf("octet %d ^ %#x", n, bit), b)
		}
	}
	check("longer", append(bytes.Clone(whole), 0))
	check("huge", make([]byte, 1<<20))
}

// TestDoctoredVaultNeverOpens changes each octet and corrects the checksum, as somebody with the card in hand would.
func TestDoctoredVaultNeverOpens(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault")
	newVault(t, path, pass("x"))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range len(whole) - 4 {
		b := bytes.Clone(whole)
		b[n] ^= 1
		doctor(t, path, b)
		if _, err := OpenVault(path, pass("x")); !errors.Is(err, ErrVaultDamaged) && !errors.Is(err, ErrWrongKey) {
			t.Errorf("octet %d: got %v, want it refused", n, err)
		}
	}
}

// doctor writes a vault with a right checksum.
func doctor(t *testing.T, path string, b []byte) {
	t.Helper()
	at := len(b) - 4
	binary.BigEndian.PutUint32(b[at:], crc32.Checksum(b[:at], castagnoli))
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestDoctoredVaultCannotAskForGigabytes(t *testing.T) {
	path := filepath.Join(t.TempDir(), "vault")
	newVault(t, path, pass("x"))
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const threads, passes, memory = vaultHeadSize + 1, vaultHeadSize + 4, vaultHeadSize + 8
	for _, tc := range []struct {
		at    int
		value uint32
	}{{memory, 4 << 20}, {memory, maxMemory + 1}, {memory, 7}, {memory, 0}, {passes, 0}, {passes, maxTime + 1}, {passes, 1<<32 - 1}} {
		b := bytes.Clone(whole)
		binary.BigEndian.PutUint32(b[tc.at:], tc.value)
		doctor(t, path, b)
		if _, err := OpenVault(path, pass("x")); !errors.Is(err, ErrVaultDamaged) {
			t.Errorf("%d at %d: got %v, want %v", tc.value, tc.at, err, ErrVaultDamaged)
		}
	}
	for _, n := range []byte{0, maxThreads + 1, 255} {
		b := bytes.Clone(whole)
		b[threads] = n
		doctor(t, path, b)
		if _, err := OpenVault(path, pass("x")); !errors.Is(err, ErrVaultDamaged) {
			t.Errorf("%d lanes: got %v, want %v", n, err, ErrVaultDamaged)
		}
	}
}

func TestSlotOfAnotherVaultIsOfNoUse(t *testing.T) {
	dir := t.TempDir()
	mine, other := filepath.Join(dir, "mine"), filepath.Join(dir, "other")
	newVault(t, mine, pass("mine"))
	newVault(t, other, pass("theirs"))
	a, _ := os.ReadFile(mine)
	b, _ := os.ReadFile(other)
	b = append(append(bytes.Clone(a[:vaultHeadSize]), b[vaultHeadSize:vaultHeadSize+slotSize]...), a[vaultHeadSize+slotSize:]...)
	doctor(t, mine, b)
	if _, err := OpenVault(mine, pass("theirs")); !errors.Is(err, ErrWrongKey) {
		t.Errorf("got %v, want %v", err, ErrWrongKey)
	}
}

func TestKeyFileIsBase64OrHexOf32Octets(t *testing.T) {
	want := bytes.Repeat([]byte{0xfb}, 32)
	for _, text := range []string{hex.EncodeToString(want) + "\r\n", " +/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/v7+/s=\n", "-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_v7-_s"} {
		if k, err := ReadKeyFile([]byte(text)); err != nil || k.Kind() != KindKeyFile {
			t.Errorf("%q: got %v", text, err)
		}
	}
	for _, text := range []string{"", "correct horse", strings.Repeat("ab", 31), strings.Repeat("ab", 33), string(want)} {
		if _, err := ReadKeyFile([]byte(text)); err == nil || !strings.Contains(err.Error(), "packhorse store keygen") {
			t.Errorf("%q: got %v, want an error with the way out", text, err)
		}
	}
	a, errA := ReadKeyFile(NewKeyFile())
	b, errB := ReadKeyFile(NewKeyFile())
	if errA != nil || errB != nil || bytes.Equal(a.octets, b.octets) {
		t.Errorf("new key files: %v, %v, or twice the same", errA, errB)
	}
}

func FuzzVault(f *testing.F) {
	path := filepath.Join(f.TempDir(), "vault")
	v := newVault(f, path, pass("x"))
	f.Add(v.marshal())
	if err := v.Rekey(keyFile(f, 1)); err != nil {
		f.Fatal(err)
	}
	f.Add(v.marshal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if n := len(b) - 4; n >= 0 { // past the checksum
			b = binary.BigEndian.AppendUint32(bytes.Clone(b[:n]), crc32.Checksum(b[:n], castagnoli))
		}
		m, err := parseVault(b)
		if err != nil {
			return
		}
		if !bytes.Equal(m.marshal(), b) {
			t.Error("what was read is not written the same")
		}
		for _, s := range m.slots {
			if s.Memory > maxMemory || s.Time > maxTime || s.Threads > maxThreads {
				t.Errorf("a slot asks for %+v", s.slotCost)
			}
		}
	})
}

func BenchmarkSeal(b *testing.B) {
	value := make([]byte, 4096)
	var c cipher.AEAD = newAEAD(make([]byte, 32))
	out := make([]byte, 0, 8192)
	b.SetBytes(4096)
	for b.Loop() {
		out = c.Seal(out[:0], value[:24], value, nil)
	}
}

func BenchmarkOpenVault(b *testing.B) {
	m := &vaultImage{}
	for b.Loop() {
		m.wrap(PassphraseKey([]byte("mules at dawn")), new([32]byte))
	}
}

// Two that start a new gateway at once must not each seal with a data key of their own.
func TestAVaultIsMadeByOneAtATime(t *testing.T) {
	dir := t.TempDir()
	release, err := Claim(dir)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "vault")
	if _, err := CreateVault(path, keyFile(t, 1)); !errors.Is(err, ErrLocked) {
		t.Errorf("got %v, want %v", err, ErrLocked)
	}
	release()
	if _, err := CreateVault(path, keyFile(t, 1)); err != nil {
		t.Error(err)
	}
	if _, err := CreateVault(path, keyFile(t, 2)); !errors.Is(err, ErrVaultExists) {
		t.Errorf("got %v, want %v", err, ErrVaultExists)
	}
}
