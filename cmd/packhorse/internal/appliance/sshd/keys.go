package sshd

import (
	"bytes"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"

	"golang.org/x/crypto/ssh"
)

// keyName is where a connection's permissions have the comment of the key that was used.
const keyName = "key"

// ParseKey reads a line of authorized_keys, sshd(8). Options before the key restrict it in ways that this server does
// not know, so that a line with options is refused.
func ParseKey(line string) (key ssh.PublicKey, comment string, err error) {
	key, comment, options, rest, err := ssh.ParseAuthorizedKey([]byte(line))
	switch {
	case err != nil:
		return nil, "", fmt.Errorf("%q is no public key of SSH", shorten(line))
	case len(options) > 0:
		return nil, "", fmt.Errorf("%q has options before the key, which are not known here", shorten(line))
	case len(bytes.TrimSpace(rest)) > 0:
		return nil, "", fmt.Errorf("%q is more than one key", shorten(line))
	}
	return key, comment, nil
}

func shorten(line string) string {
	if len(line) > 40 {
		return line[:40] + "..."
	}
	return line
}

// parseKeys reads what can be read; the error joins the others. The keys are by their wire format, with their comments.
func parseKeys(lines []string) (map[string]string, error) {
	keys, errs := map[string]string{}, []error(nil)
	for _, l := range lines {
		key, comment, err := ParseKey(l)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		keys[string(key.Marshal())] = comment
	}
	return keys, errors.Join(errs...)
}

var errDenied = errors.New("sshd: this key or user is not known here")

// serverConfig lets in who has one of the keys, under one of the users' names.
func serverConfig(host ssh.Signer, keys map[string]string) *ssh.ServerConfig {
	c := &ssh.ServerConfig{MaxAuthTries: maxTries, ServerVersion: "SSH-2.0-packhorse",
		PublicKeyCallback: func(conn ssh.ConnMetadata, key ssh.PublicKey) (*ssh.Permissions, error) {
			comment, ok := keys[string(key.Marshal())]
			if !ok || !users[conn.User()] {
				return nil, errDenied
			}
			return &ssh.Permissions{Extensions: map[string]string{keyName: comment}}, nil
		}}
	c.AddHostKey(host)
	return c
}

// hostKey reads the server's key, or makes one. A file that a cut has damaged is put aside, because a box that nobody
// can reach is worse than one whose key changed.
func hostKey(file string, log *slog.Logger) (ssh.Signer, error) {
	text, err := os.ReadFile(file)
	if err == nil {
		if s, err := ssh.ParsePrivateKey(text); err == nil {
			return s, nil
		}
		log.Warn("the key of the SSH server was damaged; it gets a new one", "file", file)
		err = os.Rename(file, file+".damaged")
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("sshd: %w", err)
	}
	s, err := newHostKey(file)
	if err != nil {
		return nil, fmt.Errorf("sshd: make a key for the server: %w", err)
	}
	return s, nil
}

func newHostKey(file string) (ssh.Signer, error) {
	_, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return nil, err
	}
	block, err := ssh.MarshalPrivateKey(private, "packhorse")
	if err != nil {
		return nil, err
	}
	if err := write(file, pem.EncodeToMemory(block)); err != nil {
		return nil, err
	}
	return ssh.NewSignerFromKey(private)
}

// write puts a file there in one step, readable for its owner alone.
func write(file string, b []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	_, err = f.Write(b)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}
