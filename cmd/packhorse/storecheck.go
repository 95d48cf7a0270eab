package main

import (
	"context"
	"path/filepath"

	"github.com/spf13/cobra"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/store"
)

func (a *app) storeCheck() *cobra.Command {
	c := &cobra.Command{
		Use:   "check",
		Short: "read the whole store, change nothing, and say what is damaged; also beside a running gateway",
		Long: `Reads every octet of the store and verifies lengths, sequences, checksums and the pieces of large values. It changes nothing
and takes no lock. Without the key of an encrypted store it verifies checksums and sequences, and says that it looked no deeper.
It ends with exit code 6 when something is damaged.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.checkStore(c.Context()) },
	}
	a.keyFlag(c)
	return c
}

func (a *app) checkStore(ctx context.Context) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	key, err := a.anyCipher(ctx, l)
	if err != nil {
		return err
	}
	show, done := a.reading()
	r, err := store.Inspect(storeOf(l), store.LookOptions{Cipher: key, Progress: show})
	done()
	if err != nil {
		return storeError(err, l)
	}
	vault := ""
	if _, err := store.VaultKinds(vaultOf(l)); r.Sealed && err != nil {
		vault = err.Error()
	}
	return a.showCheck(storeOf(l), vaultOf(l), vault, r)
}

// checked is a store.Report for JSON.
type checked struct {
	admin.Head
	Path       string            `json:"path"`
	OK         bool              `json:"ok"`
	InUse      bool              `json:"in_use"`
	Sealed     bool              `json:"sealed"`          // and no key was given: values are unknown
	Vault      string            `json:"vault,omitempty"` // why no key can open the store
	Buckets    int               `json:"buckets"`
	Records    int               `json:"records"`
	Values     *int              `json:"values,omitempty"`
	LiveBytes  *int64            `json:"live_bytes,omitempty"`
	DeadBytes  *int64            `json:"dead_bytes,omitempty"`
	TornBytes  int64             `json:"torn_bytes"`
	Kinds      []admin.StoreKind `json:"kinds"`
	Damage     []damaged         `json:"damage"`
	Unreadable []storeName       `json:"unreadable"`
	Leftovers  []string          `json:"leftovers"`
	FullScan   string            `json:"full_scan,omitempty"` // why the next start reads all
	Quarantine []quarantine      `json:"quarantine"`
}

type damaged struct {
	File    string `json:"file"`
	Offset  int64  `json:"offset_bytes"`
	Bytes   int64  `json:"size_bytes"`
	Records uint64 `json:"records,omitempty"`
	Reason  string `json:"reason"`
}

// storeName is what a value is called.
type storeName struct {
	Kind string `json:"kind"`
	Key  string `json:"key"`
}

// quarantine is a file that repair put aside.
type quarantine struct {
	File  string `json:"file"`
	Bytes int64  `json:"size_bytes"`
}

func (a *app) showCheck(dir, vaultPath, vault string, r *store.Report) error {
	v := checked{Head: a.head("packhorse.store_check/1"), Path: dir, OK: r.OK() && vault == "", InUse: r.InUse, Sealed: r.Sealed, Vault: vault, Buckets: len(r.Buckets),
		Records: r.Records, TornBytes: r.Torn, Kinds: []admin.StoreKind{}, Damage: damages(r.Damage), Unreadable: namesOf(r.Unreadable),
		Leftovers: append([]string{}, r.Leftovers...), FullScan: r.FullScan, Quarantine: quarantinedIn(dir, r.Quarantine)}
	if !r.Sealed {
		v.Values, v.LiveBytes, v.DeadBytes = &r.Values, &r.Live, &r.Dead
		v.Kinds = append(v.Kinds, node.StoreKinds(r.Kinds)...)
	}
	if err := a.answer(v, func() { a.sayCheck(v, vaultPath) }); err != nil {
		return err
	}
	if !v.OK {
		return problem{max(1, len(v.Damage)+len(v.Unreadable))}
	}
	return nil
}

func damages(all []store.Damage) []damaged {
	out := []damaged{}
	for _, d := range all {
		out = append(out, damaged{d.File, d.Offset, d.Octets, d.Records, d.Reason})
	}
	return out
}

func namesOf(all []store.Name) []storeName {
	out := []storeName{}
	for _, n := range all {
		out = append(out, storeName{gateway.KindName(n.Kind), n.Key})
	}
	return out
}

func quarantinedIn(dir string, all []store.Quarantined) []quarantine {
	out := []quarantine{}
	for _, q := range all {
		out = append(out, quarantine{filepath.Join(dir, "quarantine", q.Name), q.Bytes})
	}
	return out
}

func (a *app) sayCheck(v checked, vault string) {
	word := "ok"
	if !v.OK {
		word = "damaged"
	}
	if v.Sealed {
		a.say("%s    %s: %s in %s: checksums and sequences verified, no deeper", word, v.Path, count(v.Records, "record"), count(v.Buckets, "bucket"))
	} else {
		a.say("%s    %s: %s in %s, %s live, %s to be cleaned up", word, v.Path, count(*v.Values, "value"), count(v.Buckets, "bucket"), size(*v.LiveBytes), size(*v.DeadBytes))
	}
	a.sayDamage(v.Damage)
	for _, n := range v.Unreadable {
		a.say("fail  %s %s: a piece of it is lost", n.Kind, cell(n.Key))
	}
	if v.Vault != "" {
		a.say("fail  %s", clean(v.Vault))
		a.say("      fix: restore %s from a copy: without it no key opens the store", vault)
	}
	if len(v.Damage)+len(v.Unreadable) > 0 {
		a.say("      fix: what is whole is still used; copy the directory before the card fails, stop the gateway, run packhorse store repair, and replace the card")
	}
	a.noteCheck(v)
}

func (a *app) sayDamage(all []damaged) {
	for _, d := range all {
		a.say("fail  %s: %s from octet %d on, %s", cell(d.File), d.Reason, d.Offset, size(d.Bytes))
	}
}

// noteCheck tells of what is no fault.
func (a *app) noteCheck(v checked) {
	switch {
	case v.TornBytes > 0 && v.InUse:
		a.hint("note: %s are just being written", size(v.TornBytes))
	case v.TornBytes > 0 && v.Sealed:
		a.hint("note: the last %s are no record: a write that power loss cut off, or damage; the key tells which", size(v.TornBytes))
	case v.TornBytes > 0:
		a.hint("note: %s of a write that power loss cut off; nothing of it was acknowledged, the next start removes it", size(v.TornBytes))
	}
	if n := len(v.Leftovers); n > 0 && !v.InUse {
		a.hint("note: %s of a crash; the next start removes them", count(n, "left-over"))
	}
	if v.FullScan != "" && v.Buckets > 0 && !v.InUse {
		a.hint("note: the next start reads the whole store: %s", clean(v.FullScan))
	}
	if v.Sealed && v.Vault == "" {
		a.hint("note: which values are whole takes the key: %s", keyWays)
	}
	a.noteQuarantine(v.Quarantine)
}

func (a *app) noteQuarantine(all []quarantine) {
	for _, q := range all {
		a.hint("note: %s, %s: damaged, put aside by repair; remove it when you have what you want of it", cell(q.File), size(q.Bytes))
	}
}
