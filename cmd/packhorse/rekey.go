package main

import (
	"context"

	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/store"
)

func (a *app) storeRekey() *cobra.Command {
	var file, forget string
	c := &cobra.Command{
		Use:   "rekey",
		Short: "change what opens the encrypted state directory of a gateway that is stopped",
		Long: `Sets a new passphrase, or with --new-key-file a new key file, in place of the old one of its kind; a vault can have one of
each. Only the vault is written, so an old copy of it still opens with the old key, and who has both can read
everything. A new data key comes with store decrypt and store encrypt, best onto a new card. The new passphrase is typed, or comes from PACKHORSE_NEW_PASSPHRASE
or a file that PACKHORSE_NEW_PASSPHRASE_FILE names.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if forget != "" && forgettable[forget] == 0 {
				return usage("give passphrase or key-file", "%q is no kind of key", forget)
			}
			return a.withState(func(l *config.Loaded, d store.Directory) error {
				keys, err := a.keys(c.Context(), l)
				if err != nil {
					return err
				}
				change := func(v *store.Vault) error { return v.Forget(forgettable[forget]) }
				if forget == "" {
					k, err := a.newKey(c.Context(), file)
					if err != nil {
						return err
					}
					change = func(v *store.Vault) error { return v.Rekey(k) }
				}
				if err := d.Rekey(change, keys...); err != nil {
					return stateError(err, l)
				}
				return a.showEncryption(d, nil)
			})
		},
	}
	a.keyFlag(c)
	c.Flags().StringVar(&file, "new-key-file", "", "set this key `file`, from store keygen")
	c.Flags().StringVar(&forget, "forget", "", "take the passphrase or the key-file away; the last one stays")
	c.MarkFlagsMutuallyExclusive("new-key-file", "forget")
	return c
}

var forgettable = map[string]store.KeyKind{"passphrase": store.KindPassphrase, "key-file": store.KindKeyFile}

// newKey is what rekey sets.
func (a *app) newKey(ctx context.Context, file string) (store.Key, error) {
	if file != "" {
		return readKeyFile(file)
	}
	p, err := a.passphrase("PACKHORSE_NEW_PASSPHRASE", "")
	if err != nil || p == nil {
		if err == nil {
			return a.newPassphrase(ctx)
		}
		return store.Key{}, err
	}
	k := store.PassphraseKey(p)
	if err := k.Strong(); err != nil {
		return k, usage("give a longer one", "%v", err)
	}
	return k, nil
}
