package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/spf13/cobra"

	"packhorse/board/update"
	"packhorse/gateway/admin"
)

// verifying is the step of a check.
const verifying update.Step = "verifying"

func (a *app) updateCheckCommand() *cobra.Command {
	var keys []string
	c := &cobra.Command{
		Use:   "check FILE|URL|-",
		Short: "verify an update and show what it is, on any machine; write nothing",
		Long: `Verifies signature, sizes and hashes of an update to its end, as installing it would. It trusts the keys of --key, those of
appliance.update_keys, and on the appliance those of the image.`,
		Args: between(1, 1, "a file, an address or -"),
		RunE: func(c *cobra.Command, args []string) error { return a.checkUpdate(c.Context(), args[0], keys) },
	}
	c.Flags().StringArrayVar(&keys, "key", nil, "trust this minisign public `key` too, or those of this file; may be given more than once")
	return c
}

// checkedUpdate is what an update says of itself, once verified.
type checkedUpdate struct {
	admin.Head
	Path string `json:"path"`
	updateRelease
	Size       int64  `json:"size_bytes"`
	SHA256     string `json:"sha256"`
	GzipSize   int64  `json:"gzip_bytes"`
	GzipSHA256 string `json:"gzip_sha256"`
	Key        string `json:"key"`
	Comment    string `json:"comment"`       // that was signed too
	For        string `json:"for,omitempty"` // this appliance: yes, same, older, other_board
}

func (a *app) checkUpdate(ctx context.Context, from string, more []string) error {
	keys, err := a.checkKeys(more)
	if err != nil {
		return updateError(err)
	}
	f, in, err := a.openSigned(ctx, from, keys)
	if err != nil {
		return err
	}
	defer in.Close()
	show, done := a.updateProgress()
	err = f.CopyTo(&measured{ctx, show, 0, f.Size})
	done()
	if err != nil {
		return updateError(err)
	}
	v := checkedUpdate{Head: a.head("packhorse.update_check/1"), Path: from, updateRelease: updateRelease(f.Release()), Size: f.Size, SHA256: f.SHA256,
		GzipSize: f.GzipSize, GzipSHA256: f.GzipSHA256, Key: update.KeyName(f.Key), Comment: f.Comment, For: a.suits(f.Manifest)}
	return a.answer(v, func() { a.sayChecked(v) })
}

// checkKeys are given ones, those of the configuration and those of the image, if this is one.
func (a *app) checkKeys(given []string) (update.Keys, error) {
	var more []string
	if l, err := a.load(); err != nil {
		a.hint("note: keys of the configuration are left out: %v", err)
	} else {
		more = l.Appliance.UpdateKeys
	}
	var own update.Keys
	for _, g := range given {
		text, err := os.ReadFile(g)
		if err != nil {
			text = []byte(g)
		}
		k, err := update.ParseKeys(text)
		if err != nil || len(k) == 0 {
			return nil, usage("--key takes a minisign public key, which begins with RW, or its file", "%.80q is neither a file nor a key", g)
		}
		own = append(own, k...)
	}
	all, err := update.LoadKeys(a.ownBox().keys, more)
	if errors.Is(err, update.ErrNoKeys) && len(own) > 0 {
		err = nil
	}
	return append(own, all...), err
}

// suits tells whether this appliance would take it; empty: this is none.
func (a *app) suits(m update.Manifest) string {
	runs, err := a.ownBox().runs()
	if err != nil {
		return ""
	}
	err = update.Fits(m, runs, false)
	for word, why := range map[string]error{"same": update.ErrSameBuild, "older": update.ErrOlder, "other_board": update.ErrBoard} {
		if errors.Is(err, why) {
			return word
		}
	}
	return "yes"
}

func (a *app) sayChecked(v checkedUpdate) {
	a.say("whole and signed: %s of %s for %s, build %s", v.Version, v.Created, v.Board, v.Build)
	a.say("key %s, signed comment: %s", v.Key, cell(v.Comment))
	a.say("slot %s, %s compressed, sha256 %s", size(v.Size), size(v.GzipSize), v.SHA256)
	if text := map[string]string{"yes": "this box would take it", "same": "this box runs it already", "older": "older than what runs here: --allow-older",
		"other_board": "not for this board"}[v.For]; text != "" {
		a.say("%s", text)
	}
}

// measured throws away what is written and tells how much that was.
type measured struct {
	ctx         context.Context
	show        update.Progress
	done, total int64
}

var _ io.Writer = (*measured)(nil)

func (m *measured) Write(p []byte) (int, error) {
	m.done += int64(len(p))
	if m.show != nil {
		m.show(verifying, m.done, m.total)
	}
	return len(p), m.ctx.Err()
}
