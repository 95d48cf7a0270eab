package node

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/gateway"
	"packhorse/link/port"
	"packhorse/store"
)

// RestoredConfig is the directory in a restored state directory that holds the files of the configuration.
const RestoredConfig = "restored-config"

// Restore makes a state directory of a backup.
type Restore struct {
	Dir   string       // where it goes: nothing is there yet, or an empty directory
	Vault *store.Vault // of the backup; nil: it is in the clear
	// Radios are the names of those that are configured. They and those of the backup count the hour before their first
	// transmission as used.
	Radios  []string
	Now     time.Time // the wall clock
	Trusted bool      // by its quality

	info    BackupInfo
	begun   bool
	temp    string
	store   *store.Store
	secrets store.Secrets
	ops     []store.Op
	octets  int
}

// Limits of a batch while restoring.
const (
	restoreBatch  = 64
	restoreOctets = 1 << 20
)

// Check answers an error when something is in the way.
func (r *Restore) Check() error {
	there, err := os.ReadDir(r.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("node: state directory: %w", err)
	}
	if len(there) > 0 {
		return fmt.Errorf("node: %s is not empty: %s is there", r.Dir, there[0].Name())
	}
	return nil
}

// Run reads a stream to its end beside the state directory, and puts the result in its place only when all of it is whole
// and durable.
func (r *Restore) Run(stream io.Reader) (BackupInfo, store.BackupCounts, error) {
	if err := r.Check(); err != nil {
		return r.info, store.BackupCounts{}, err
	}
	parent := filepath.Dir(filepath.Clean(r.Dir))
	err := os.MkdirAll(parent, 0o700)
	if err != nil {
		return r.info, store.BackupCounts{}, err
	}
	release, err := store.Claim(parent) // or two would share temp
	if err != nil {
		return r.info, store.BackupCounts{}, err
	}
	defer release()
	r.temp = filepath.Join(parent, "."+filepath.Base(r.Dir)+".restore")
	if err = os.RemoveAll(r.temp); err == nil { // of a restore that was cut off
		err = os.Mkdir(r.temp, 0o700)
	}
	var n store.BackupCounts
	if err == nil {
		n, err = store.ReadBackup(stream, store.BackupVisitor{Info: r.begin, File: r.file, Value: r.value})
	}
	if err == nil {
		err = r.finish()
	}
	if err != nil {
		if r.store != nil {
			r.store.Close()
		}
		err = errors.Join(err, os.RemoveAll(r.temp))
	}
	return r.info, n, err
}

// ReadBackupInfo reads what a backup's stream begins with.
func ReadBackupInfo(text []byte) (i BackupInfo, err error) {
	if err = json.Unmarshal(text, &i); err != nil {
		err = fmt.Errorf("%w: its info cannot be read: %w", store.ErrBackup, err)
	}
	return i, err
}

// begin opens the store. A directory that was encrypted is encrypted again, by the same keys.
func (r *Restore) begin(text []byte) (err error) {
	if r.info, err = ReadBackupInfo(text); err != nil {
		return err
	}
	r.secrets = store.Secrets{Dir: r.temp}
	o := store.Options{MaxBytes: math.MaxInt64, MaxRecords: math.MaxInt64}
	if r.info.Encrypted && r.Vault != nil {
		if err := r.Vault.SaveTo(filepath.Join(r.temp, VaultFile)); err != nil {
			return err
		}
		r.secrets.Cipher, o.Cipher = r.Vault.Cipher(store.ForSecrets), r.Vault.Cipher(store.ForRecords)
	}
	r.store, err = store.Open(filepath.Join(r.temp, "store"), o)
	return err
}

// file takes the files that a backup may hold, and no others: names are not trusted.
func (r *Restore) file(name string, content []byte) error {
	if path, ok := strings.CutPrefix(name, backupConfig); ok {
		dir := filepath.Join(r.temp, RestoredConfig)
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return err
		}
		return store.Secrets{Dir: dir}.Write(flatName(path), content)
	}
	secret, ok := strings.CutPrefix(name, backupState)
	if !ok || !slices.Contains(SecretFiles, secret) {
		return fmt.Errorf("node: the backup holds a file %q that this program does not know: update the program", name)
	}
	return r.secrets.Write(secret, content)
}

// flatName turns a path into a name: /etc/packhorse/conf.d/a.toml into etc_packhorse_conf.d_a.toml.
func flatName(path string) string {
	name := strings.Trim(strings.ReplaceAll(filepath.ToSlash(filepath.Clean(path)), "/", "_"), "_.")
	if name == "" {
		return "unnamed"
	}
	return name
}

func (r *Restore) value(k store.Kind, key string, value []byte) error {
	if k == gateway.KindTransport {
		return r.put(k, key, port.LostState())
	}
	v := gateway.Restored(gateway.Record{Kind: k, Key: key, Value: value}, r.Now, r.Trusted)
	return r.put(v.Kind, v.Key, v.Value)
}

func (r *Restore) put(k store.Kind, key string, value []byte) error {
	r.ops = append(r.ops, store.Op{Kind: k, Key: key, Value: value})
	if r.octets += len(value); len(r.ops) < restoreBatch && r.octets < restoreOctets {
		return nil
	}
	return r.flush()
}

func (r *Restore) flush() error {
	err := r.store.Apply(r.ops...)
	r.ops, r.octets = r.ops[:0], 0
	return err
}

// finish makes all of it durable and visible at once.
func (r *Restore) finish() error {
	for _, name := range r.Radios {
		if err := r.put(gateway.KindTransport, name, port.LostState()); err != nil {
			return err
		}
	}
	err := r.flush()
	if err == nil {
		err = r.store.Close()
		r.store = nil
	}
	if err == nil {
		err = r.belong()
	}
	if err == nil {
		err = syncDir(r.temp)
	}
	if err == nil {
		err = unix.Rename(r.temp, r.Dir) // over an empty directory it is one step too, which os.Rename refuses
	}
	if err == nil {
		err = syncDir(filepath.Dir(r.temp))
	}
	if err != nil {
		return fmt.Errorf("node: restoring to %s: %w", r.Dir, err)
	}
	return nil
}

// belong gives what root restored to whom the empty directory belongs, with its mode.
func (r *Restore) belong() error {
	st, err := os.Stat(r.Dir)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := os.Chmod(r.temp, st.Mode().Perm()); err != nil {
		return err
	}
	return chownAll(r.temp, st)
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
