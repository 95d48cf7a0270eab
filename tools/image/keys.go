package main

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"aead.dev/minisign"

	"packhorse/board/update"
)

// passwordVar is the environment variable with the password of a signing key.
const passwordVar = "PACKHORSE_KEY_PASSWORD"

// Files of the key that is made when none is given.
const (
	developmentKey    = "development.key"
	developmentPublic = "development.pub"
)

// keyring is who may sign updates of an image, and who does.
type keyring struct {
	trusted update.Keys
	sign    update.Signer // nil: nobody here
}

// loadKeys reads the keys that were given. Without any it makes one for development, which it keeps beside the image so
// that the next build signs with it too.
func (b *builder) loadKeys() error {
	for _, k := range b.updateKeys {
		text := []byte(k)
		if file, err := os.ReadFile(k); err == nil {
			text = file
		} else if !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		keys, err := update.ParseKeys(text)
		if err != nil {
			return fmt.Errorf("-update-key %s: %w\ngive a file that `minisign -G` wrote, or the line in it that begins with RW", k, err)
		}
		b.trust(keys...)
	}
	if b.key != "" {
		return b.signWith(b.key)
	}
	if len(b.updateKeys) > 0 {
		b.say("NOT signed: no update file is made. -key FILE signs one.")
		return nil
	}
	if err := b.makeDevelopmentKey(); err != nil {
		return err
	}
	b.say("DEVELOPMENT KEY: whoever has %s can replace the system of boxes made from this image.", b.path(developmentKey))
	b.say("DEVELOPMENT KEY: for boxes that matter give -key FILE, a key of your own (`minisign -G`).")
	return b.signWith(b.path(developmentKey))
}

func (b *builder) trust(keys ...minisign.PublicKey) {
	for _, k := range keys {
		if !slices.ContainsFunc(b.keys.trusted, func(t minisign.PublicKey) bool { return t.Equal(k) }) {
			b.keys.trusted = append(b.keys.trusted, k)
		}
	}
}

// signWith takes a secret key of minisign, and trusts its other half.
func (b *builder) signWith(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var key minisign.PrivateKey
	if minisign.IsEncrypted(text) {
		if key, err = minisign.DecryptKey(os.Getenv(passwordVar), text); err != nil {
			return fmt.Errorf("%s: %w\nset %s to its password", path, err, passwordVar)
		}
	} else if err := key.UnmarshalText(text); err != nil {
		return fmt.Errorf("%s: %w\ngive the secret key that `minisign -G` wrote", path, err)
	}
	b.keys.sign = update.SignWith(key)
	b.trust(key.Public().(minisign.PublicKey))
	return nil
}

func (b *builder) makeDevelopmentKey() error {
	if _, err := os.Stat(b.path(developmentKey)); err == nil {
		return nil
	}
	public, secret, err := minisign.GenerateKey(rand.Reader)
	if err != nil {
		return err
	}
	text, err := secret.MarshalText()
	if err != nil {
		return err
	}
	if err := os.WriteFile(b.path(developmentPublic), []byte(public.String()+"\n"), 0o644); err != nil {
		return err
	}
	return os.WriteFile(b.path(developmentKey), append(text, '\n'), 0o600)
}

// text is the keyring as it is in the initramfs.
func (k keyring) text() []byte {
	var b bytes.Buffer
	for _, key := range k.trusted {
		fmt.Fprintln(&b, key)
	}
	return b.Bytes()
}
