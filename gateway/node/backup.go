package node

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/store"
)

// BackupInfo begins a backup's stream.
type BackupInfo struct {
	Name      string    `json:"name"` // of the gateway
	ID        string    `json:"id"`
	Domain    string    `json:"domain,omitempty"`
	Version   string    `json:"version"` // of the program that made it
	At        time.Time `json:"at"`
	Clock     string    `json:"clock,omitempty"`
	Encrypted bool      `json:"encrypted"` // the state directory was
}

// SecretFiles are the files of a state directory that hold keys.
var SecretFiles = []string{gateway.SecretIdentity, gateway.SecretOwner, gateway.SecretMembership, gateway.SecretEndpoint, gateway.SecretInternet}

// Names of a backup's files begin with where they belong.
const (
	backupState  = "state:"
	backupConfig = "config:"
)

// BackupSource is a state directory to back up.
type BackupSource struct {
	Secrets store.Secrets
	Config  []string // files of the configuration
	Records func(*store.BackupWriter) error
	Info    BackupInfo // Name, ID, Domain and Encrypted are filled in
}

// Backup writes a stream. Secrets come before records, as a crash would leave them: records are made durable
// first.
func (s *BackupSource) Backup(w io.Writer) error {
	b := store.NewBackupWriter(w)
	secrets := map[string][]byte{}
	for _, name := range SecretFiles {
		content, err := s.Secrets.Read(name)
		if err == nil {
			secrets[name] = content
		} else if !errors.Is(err, store.ErrNotFound) {
			return err
		}
	}
	if err := s.info(b, secrets); err != nil {
		return err
	}
	for _, name := range SecretFiles {
		if content := secrets[name]; content != nil {
			if err := b.File(backupState+name, content); err != nil {
				return err
			}
		}
	}
	for _, path := range s.Config {
		content, err := os.ReadFile(path)
		if err == nil {
			err = b.File(backupConfig+path, content)
		}
		if err != nil {
			return fmt.Errorf("node: backup of the configuration: %w", err)
		}
	}
	if err := s.Records(b); err != nil {
		return err
	}
	return b.Close()
}

// info names the gateway by its keys.
func (s *BackupSource) info(b *store.BackupWriter, secrets map[string][]byte) error {
	i := s.Info
	i.Encrypted = s.Secrets.Cipher != nil
	if raw := secrets[gateway.SecretIdentity]; raw != nil {
		id, err := domain.UnmarshalIdentity(raw)
		if err != nil {
			return err
		}
		self := id.ID()
		i.Name, i.ID = id.Name, hex.EncodeToString(self[:])
	}
	if raw := secrets[gateway.SecretMembership]; raw != nil {
		m, err := domain.UnmarshalMembership(raw)
		if err != nil {
			return err
		}
		i.Domain, i.Name = m.Domain.Name, m.Record.Name
	}
	text, err := json.Marshal(i)
	if err != nil {
		return err
	}
	return b.Info(text)
}

// Backup writes the stream of a backup as of now.
func (a adminAPI) Backup(_ context.Context, w io.Writer) error {
	n := a.n
	s := BackupSource{Secrets: n.secrets, Records: n.store.Backup,
		Info: BackupInfo{Version: n.cfg.Version, At: time.Now().UTC(), Clock: clockWords[min(n.clockQuality(), pki.ClockRTC)]}}
	if n.cfg.Files != nil {
		s.Config = n.cfg.Files()
	}
	err := s.Backup(w)
	if err != nil {
		n.log.Warn("a backup failed", "error", err)
	}
	return err
}
