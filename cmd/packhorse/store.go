package main

import (
	"context"
	"crypto/cipher"
	"errors"
	"path/filepath"
	"time"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"

	"packhorse/cmd/packhorse/internal/config"
	"packhorse/gateway/admin"
	"packhorse/store"
)

func (a *app) storeCommand() *cobra.Command {
	return group("store", "what is kept on disk (to copy it: packhorse backup, packhorse restore)", a.storeCheck(), a.storeStats(), a.storeDump(), a.storeRepair(),
		a.storeEncrypt(), a.storeDecrypt(), a.storeRekey(), a.storeKeygen())
}

func storeOf(l *config.Loaded) string { return filepath.Join(l.StateDir, "store") }

// recordCipher opens the vault; nil when the store is in the clear.
func (a *app) recordCipher(ctx context.Context, l *config.Loaded) (cipher.AEAD, error) {
	v, err := a.openVault(ctx, l)
	if v == nil || err != nil {
		return nil, err
	}
	return v.Cipher(store.ForRecords), v.Ready()
}

// anyCipher is recordCipher for what can do without a key: nil then.
func (a *app) anyCipher(ctx context.Context, l *config.Loaded) (cipher.AEAD, error) {
	kinds, err := store.VaultKinds(vaultOf(l))
	if errors.Is(err, store.ErrNoVault) {
		return nil, nil
	}
	if err != nil {
		a.hint("note: %v", err)
		return nil, nil
	}
	keys, err := a.given(l, kinds)
	if len(keys) == 0 {
		if err != nil {
			a.hint("note: %v", err)
		}
		return nil, nil
	}
	return a.recordCipher(ctx, l)
}

// reading shows how far the reading of a store is: a bar with the time it will take, on a terminal only.
// The second result clears it.
func (a *app) reading() (func(done, total int64), func()) {
	if !terminal(a.err) {
		return nil, func() {}
	}
	var bar *progressbar.ProgressBar
	show := func(done, total int64) {
		if bar == nil {
			bar = progressbar.NewOptions64(total, progressbar.OptionSetWriter(a.err), progressbar.OptionSetDescription("reading"),
				progressbar.OptionSetTheme(progressbar.Theme{Saucer: "#", SaucerPadding: ".", BarStart: "[", BarEnd: "]"}),
				progressbar.OptionSetWidth(30), progressbar.OptionShowBytes(true), progressbar.OptionSetPredictTime(true),
				progressbar.OptionClearOnFinish(), progressbar.OptionThrottle(100*time.Millisecond))
		}
		bar.Set64(done)
	}
	return show, func() {
		if bar != nil {
			bar.Clear()
		}
	}
}

func vaultIn(l *config.Loaded) bool {
	there, err := exist(vaultOf(l))
	return there || err != nil
}

// storeError says what to do about what a store answers.
func storeError(err error, l *config.Loaded) error {
	e := admin.AsError(err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrLocked):
		e.Fix = "stop the gateway, then run it again"
	case errors.Is(err, store.ErrSealed) && !vaultIn(l):
		e.Fix = "restore " + vaultOf(l) + " from a copy: without it nothing here can be read"
	case errors.Is(err, store.ErrSealed):
		e.Code, e.Exit, e.Fix = admin.CodeUsage, admin.CodeUsage.Exit(), keyWays
	case errors.Is(err, store.ErrWrongKey):
		return keyError(err)
	case e.Fix == "":
		if there, _ := exist(storeOf(l)); !there {
			e.Message, e.Fix = "there is no store in "+l.StateDir, "name the state directory of the gateway with --state, or start one: packhorse run"
		}
	}
	return e
}
