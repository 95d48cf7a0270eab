package main

import (
	"path/filepath"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	"packhorse/store"
)

func (a *app) storeCommand() *cobra.Command {
	return group("store", "what is kept on disk", a.storeCheck(), a.storeEncrypt(), a.storeDecrypt(), a.storeRekey(), a.storeKeygen())
}

func (a *app) storeCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "read the whole store, change nothing, and say what is damaged; also beside a running gateway",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			l, err := a.load()
			if err != nil {
				return err
			}
			dir := filepath.Join(l.StateDir, "store")
			r, err := store.Check(dir)
			if err != nil {
				return err
			}
			return a.showCheck(dir, r)
		},
	}
}

// checked is a store.Report for JSON.
type checked struct {
	admin.Head
	Path      string    `json:"path"`
	OK        bool      `json:"ok"`
	InUse     bool      `json:"in_use"`
	Buckets   int       `json:"buckets"`
	Records   int       `json:"records"`
	Values    int       `json:"values"`
	LiveBytes int64     `json:"live_bytes"`
	DeadBytes int64     `json:"dead_bytes"`
	TornBytes int64     `json:"torn_bytes"`
	Damage    []damaged `json:"damage"`
}

type damaged struct {
	File    string `json:"file"`
	Offset  int64  `json:"offset_bytes"`
	Bytes   int64  `json:"size_bytes"`
	Records uint64 `json:"records,omitempty"`
	Reason  string `json:"reason"`
}

func (a *app) showCheck(dir string, r *store.Report) error {
	v := checked{a.head("packhorse.store_check/1"), dir, r.OK(), r.InUse, len(r.Buckets), r.Records, r.Values, r.Live, r.Dead, r.Torn, []damaged{}}
	for _, d := range r.Damage {
		v.Damage = append(v.Damage, damaged{d.File, d.Offset, d.Octets, d.Records, d.Reason})
	}
	if err := a.answer(v, func() { a.sayCheck(v) }); err != nil {
		return err
	}
	if !v.OK {
		return problem{len(v.Damage)}
	}
	return nil
}

func (a *app) sayCheck(v checked) {
	word := "ok"
	if !v.OK {
		word = "damaged"
	}
	a.say("%s    %s: %s in %s, %s live, %s to be cleaned up", word, v.Path, count(v.Values, "value"), count(v.Buckets, "bucket"), size(v.LiveBytes), size(v.DeadBytes))
	for _, d := range v.Damage {
		a.say("fail  %s: %s from octet %d on, %s", d.File, d.Reason, d.Offset, size(d.Bytes))
	}
	if !v.OK {
		a.say("      fix: what is whole is still used; copy the directory before the card fails, and replace the card")
	}
	switch {
	case v.TornBytes > 0 && v.InUse:
		a.hint("note: %s are just being written", size(v.TornBytes))
	case v.TornBytes > 0:
		a.hint("note: %s of a write that power loss cut off; nothing of it was acknowledged, the next start removes it", size(v.TornBytes))
	}
}
