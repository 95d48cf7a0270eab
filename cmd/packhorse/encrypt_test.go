package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"packhorse/gateway"
	"packhorse/store"
)

const longPass = "correct mule battery staple"

// stateBench is a command line beside a stopped gateway's state directory, in the clear, and a key file.
func stateBench(t *testing.T) (b *bench, key string) {
	t.Helper()
	b = newBench(t, nil)
	b.env["PACKHORSE_STATE"] = filepath.Join(b.dir, "state")
	if err := os.Mkdir(b.env["PACKHORSE_STATE"], 0o700); err != nil {
		t.Fatal(err)
	}
	storeIn(t, b.env["PACKHORSE_STATE"])
	if err := (store.Secrets{Dir: b.env["PACKHORSE_STATE"]}).Write(gateway.SecretOwner, []byte("octets of a key")); err != nil {
		t.Fatal(err)
	}
	key = filepath.Join(b.dir, "stick.key")
	b.want(0, []string{"wrote " + key, "keep a copy"}, "store", "keygen", key)
	b.want(2, []string{"fix: "}, "store", "keygen", key)
	return b, key
}

// secret reads the gateway's secret file as it lies there.
func (b *bench) secret() string {
	b.t.Helper()
	text, err := os.ReadFile(filepath.Join(b.env["PACKHORSE_STATE"], gateway.SecretOwner))
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}

func TestEncryptDecryptAndRekeyWithAKeyFile(t *testing.T) {
	b, key := stateBench(t)
	b.want(0, []string{"encrypted: ", "opened by a key file: 2 values and 1 secret rewritten", "keep copies"}, "store", "encrypt", "--key-file", key)
	b.want(3, []string{"records in the store, encrypted, ok"}, "status")
	if strings.Contains(b.secret(), "octets") {
		t.Error("the secret is in the clear")
	}
	b.env["PACKHORSE_KEY_FILE"] = key
	b.want(0, []string{"0 values and 0 secrets rewritten"}, "store", "encrypt")
	second := filepath.Join(b.dir, "second.key")
	b.want(0, nil, "store", "keygen", second)
	b.want(0, []string{"opened by a key file"}, "store", "rekey", "--new-key-file", second)
	b.want(4, []string{"another key", "fix: check"}, "store", "decrypt")
	b.want(0, []string{"in the clear: ", "2 values and 1 secret"}, "store", "decrypt", "--key-file", second)
	if b.secret() != "octets of a key" {
		t.Errorf("after decrypt: got %q", b.secret())
	}
	b.want(1, []string{"no vault"}, "store", "decrypt", "--key-file", second)
}

func TestPassphraseComesFromEnvironmentFileOrCredential(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, credential)
	if err := os.WriteFile(file, []byte(longPass+"\r\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, value, want string }{
		{"HOME", dir, ""},
		{"PACKHORSE_PASSPHRASE", longPass, longPass},
		{"PACKHORSE_PASSPHRASE_FILE", file, longPass},
		{"CREDENTIALS_DIRECTORY", dir, longPass},
		{"CREDENTIALS_DIRECTORY", t.TempDir(), ""}, // of another purpose
	} {
		a := &app{getenv: func(k string) string { return map[string]string{tc.name: tc.value}[k] }}
		if p, err := a.passphrase("PACKHORSE_PASSPHRASE", credential); err != nil || string(p) != tc.want {
			t.Errorf("%s=%s: got %q, %v, want %q", tc.name, tc.value, p, err, tc.want)
		}
	}
}

func TestPassphraseIsAskedForChangedAndReplacedByAKeyFile(t *testing.T) {
	b, key := stateBench(t)
	b.typed = []string{longPass, longPass}
	b.want(0, []string{"new passphrase: ", "once more: ", "opened by a passphrase"}, "store", "encrypt")
	b.typed = nil
	b.want(2, []string{"is encrypted, and no passphrase was given", "--key-file", "PACKHORSE_PASSPHRASE ", "PACKHORSE_PASSPHRASE_FILE", "terminal"}, "run")
	b.env["PACKHORSE_PASSPHRASE_FILE"] = filepath.Join(b.dir, "nosuch")
	b.want(2, []string{"cannot be read", "fix: correct PACKHORSE_PASSPHRASE_FILE"}, "store", "encrypt")
	delete(b.env, "PACKHORSE_PASSPHRASE_FILE")
	b.typed = []string{"wrong, but long enough"}
	b.want(4, []string{"passphrase of ", "opened by a passphrase"}, "run")
	b.typed = nil
	b.env["PACKHORSE_PASSPHRASE"] = longPass
	b.env["PACKHORSE_NEW_PASSPHRASE"] = "short"
	b.want(2, []string{"soon guessed"}, "store", "rekey")
	b.env["PACKHORSE_NEW_PASSPHRASE"] = longPass + " two"
	b.want(0, nil, "store", "rekey")
	b.env["PACKHORSE_PASSPHRASE"] = longPass + " two"
	b.want(1, []string{"last key"}, "store", "rekey", "--forget", "passphrase")
	b.want(0, []string{"a passphrase or key file"}, "store", "rekey", "--new-key-file", key)
	b.want(0, nil, "store", "encrypt", "--key-file", filepath.Join(b.dir, "nosuch")) // the passphrase does
	delete(b.env, "PACKHORSE_PASSPHRASE")
	b.want(0, []string{"opened by a key file\n"}, "store", "rekey", "--forget", "passphrase", "--key-file", key)
	b.want(2, []string{"no key file was given"}, "store", "decrypt")
	b.want(2, []string{"cannot be read", "fix: put in the stick"}, "store", "decrypt", "--key-file", filepath.Join(b.dir, "nosuch"))
}

func TestNewPassphraseIsTypedTwiceAndLong(t *testing.T) {
	b, _ := stateBench(t)
	for _, tc := range []struct {
		typed []string
		says  string
	}{{[]string{"short"}, "soon guessed"}, {[]string{longPass, longPass + "x"}, "not the same"}} {
		b.typed = tc.typed
		b.want(2, []string{tc.says, "fix: "}, "store", "encrypt")
	}
	b.typed = nil
	b.want(2, []string{"none was given", "--key-file"}, "store", "encrypt")
	b.env["PACKHORSE_PASSPHRASE"] = "short"
	b.want(2, []string{"soon guessed"}, "store", "encrypt")
	if _, err := os.Stat(filepath.Join(b.env["PACKHORSE_STATE"], "vault")); err == nil {
		t.Error("a vault was made")
	}
}

func TestEncryptionMistakesSayWhatToDo(t *testing.T) {
	b, key := stateBench(t)
	b.want(2, []string{"fix: "}, "store", "keygen")
	b.want(2, []string{"no kind of key"}, "store", "rekey", "--forget", "everything")
	b.want(2, []string{"is no state directory"}, "store", "encrypt", "--state", filepath.Join(b.dir, "nosuch"))
	b.want(2, []string{"without a vault", "packhorse store encrypt"}, "run", "--key-file", key)
	if err := os.WriteFile(filepath.Join(b.dir, "bad.key"), []byte("mule"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(1, []string{"bad.key", "packhorse store keygen"}, "store", "encrypt", "--key-file", filepath.Join(b.dir, "bad.key"))
	s, err := store.Open(filepath.Join(b.env["PACKHORSE_STATE"], "store"), store.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	b.want(1, []string{"in use by another process", "stop it first", "fix: stop the gateway"}, "store", "encrypt", "--key-file", key)
	s.Close()
	b.want(0, nil, "store", "encrypt", "--key-file", key)
	vault := filepath.Join(b.env["PACKHORSE_STATE"], "vault")
	whole, err := os.ReadFile(vault)
	if err != nil {
		t.Fatal(err)
	}
	whole[40] ^= 1
	if err := os.WriteFile(vault, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(1, []string{"vault is damaged", "from a copy"}, "run", "--key-file", key)
	b.want(6, []string{"vault is damaged", "fix: restore " + vault + " from a copy"}, "store", "check")
	if err := os.Remove(vault); err != nil {
		t.Fatal(err)
	}
	b.want(1, []string{"no vault", "needed", "from a copy"}, "run")
	b.want(6, []string{"no vault", "fix: restore " + vault + " from a copy"}, "store", "check")
	for _, c := range []string{"repair", "dump", "stats", "encrypt"} {
		b.want(1, []string{"fix: restore " + vault + " from a copy"}, "store", c, "--key-file", key)
	}
	b.want(2, []string{"without a vault", "restore " + vault}, "run", "--key-file", key)
}

// TestNewGatewayIsEncryptedFromItsFirstOctet starts one by configuration, stops it and starts it again.
func TestNewGatewayIsEncryptedFromItsFirstOctet(t *testing.T) {
	b := newBench(t, nil)
	key, config := filepath.Join(b.dir, "stick.key"), filepath.Join(b.dir, "packhorse.toml")
	b.want(0, nil, "store", "keygen", key)
	text := "name = \"a-name-of-some-length\"\npoweb.listen = \"\"\nsocket = \"" + filepath.Join(b.dir, "s") + "\"\nstore.key_file = \"" + key + "\"\n"
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	delete(b.env, "PACKHORSE_SOCKET")
	b.env["PACKHORSE_STATE"] = filepath.Join(b.dir, "deep", "state")
	for life := range 2 {
		ctx, cancel := context.WithCancel(t.Context())
		started := &watcher{has: "ready a-name", then: cancel}
		if code := b.runTo(ctx, started, "run", "--config", config); code != 0 && code != exitInterrupted {
			t.Fatalf("life %d: got exit %d\n%s", life, code, b.err)
		}
		if first := strings.Contains(b.err, "will be encrypted"); first != (life == 0) {
			t.Errorf("life %d: says that it will be encrypted: %v\n%s", life, first, b.err)
		}
	}
	err := filepath.WalkDir(b.env["PACKHORSE_STATE"], func(path string, e os.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		text, err := os.ReadFile(path)
		if strings.Contains(string(text), "a-name-of") {
			t.Errorf("%s shows the name", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	b.want(2, []string{"key file cannot be read", "fix: put in the stick"}, "run", "--config", config)
}
