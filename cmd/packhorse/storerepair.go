package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/store"
)

func (a *app) storeRepair() *cobra.Command {
	dry := false
	c := &cobra.Command{
		Use:   "repair",
		Short: "mend the store of a gateway that is stopped: save what is whole, put damaged files aside",
		Long: `Cuts off what a power loss left half written, writes the whole records of damaged files again at the end of the log, and moves
those files to quarantine in the store's directory: nothing is deleted but values of which a piece is lost, for they can never be read
again. It says which values were lost, as far as their names can be read, and which have an older value instead.
Power loss does no harm: the same command goes on. It ends with exit code 6 when something was lost or is damaged.
Never put a file from quarantine back: what was deleted since would come back with it.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error { return a.repairStore(c.Context(), dry) },
	}
	c.Flags().BoolVar(&dry, "dry-run", false, "say what would be done, and change nothing")
	a.keyFlag(c)
	return c
}

func (a *app) repairStore(ctx context.Context, dry bool) error {
	l, err := a.load()
	if err != nil {
		return err
	}
	key, err := a.recordCipher(ctx, l)
	if err != nil {
		return err
	}
	show, done := a.reading()
	r, err := store.Repair(storeOf(l), store.RepairOptions{Options: store.Options{Cipher: key}, DryRun: dry, Progress: show})
	done()
	if err != nil {
		return storeError(err, l)
	}
	if !dry {
		var radios []string
		for _, radio := range l.Radio {
			radios = append(radios, radio.Name)
		}
		if err := node.Repaired(storeOf(l), store.Options{Cipher: key, Reserve: -1}, r.Lost, radios); err != nil {
			return storeError(err, l)
		}
	}
	return a.showRepair(storeOf(l), r, dry)
}

// repaired is a store.Repaired for JSON.
type repaired struct {
	admin.Head
	Path         string       `json:"path"`
	DryRun       bool         `json:"dry_run"`
	TornBytes    int64        `json:"torn_bytes"`
	Leftovers    []string     `json:"leftovers"`
	Damage       []damaged    `json:"damage"`
	Records      int          `json:"records"`       // written again
	RescuedBytes int64        `json:"rescued_bytes"` // of them
	Quarantine   []quarantine `json:"quarantine"`    // put aside now
	Lost         []lost       `json:"lost"`
}

// lost is a store.Loss, or a value that was deleted because a piece of it is lost.
type lost struct {
	What    string `json:"what"` // value, deletion, piece, unknown
	Kind    string `json:"kind,omitempty"`
	Key     string `json:"key,omitempty"`
	Guessed bool   `json:"guessed"`           // kind and key were read from damaged octets
	Older   bool   `json:"older"`             // an older value is in force instead
	Records uint64 `json:"records,omitempty"` // of unknown; absent: nobody knows how many
	File    string `json:"file,omitempty"`
	Offset  int64  `json:"offset_bytes"`
}

func (a *app) showRepair(dir string, r *store.Repaired, dry bool) error {
	v := repaired{a.head("packhorse.store_repair/1"), dir, dry, r.Torn, append([]string{}, r.Leftovers...), damages(r.Damage), r.Rescued, r.Octets,
		quarantinedIn(dir, r.Quarantine), []lost{}}
	for _, l := range r.Lost {
		v.Lost = append(v.Lost, lostRecord(l))
	}
	for _, n := range r.Dropped {
		v.Lost = append(v.Lost, lost{What: "piece", Kind: gateway.KindName(n.Kind), Key: n.Key})
	}
	if err := a.answer(v, func() { a.sayRepair(v, r.Changed()) }); err != nil {
		return err
	}
	if n := max(len(v.Lost), len(v.Damage)); n > 0 {
		return problem{n}
	}
	return nil
}

func lostRecord(l store.Loss) lost {
	v := lost{What: "unknown", Guessed: l.Guessed, Older: l.Older, Records: l.Records, File: l.File, Offset: l.Offset}
	if l.Named {
		v.What, v.Kind, v.Key = "value", gateway.KindName(l.Kind), l.Key
	}
	if l.Deletion {
		v.What = "deletion"
	}
	return v
}

func (a *app) sayRepair(v repaired, changed bool) {
	word := "repaired"
	if v.DryRun {
		word = "would repair"
	}
	if !changed {
		a.say("ok    %s: nothing to repair", v.Path)
		return
	}
	a.say("%s %s: %s (%s) written again from %s put aside, %s of a cut-off write and %s removed", word, v.Path, count(v.Records, "record"),
		size(v.RescuedBytes), count(len(v.Quarantine), "damaged file"), size(v.TornBytes), count(len(v.Leftovers), "left-over"))
	a.sayDamage(v.Damage)
	for _, l := range v.Lost {
		a.say("lost  %s", l)
	}
	a.noteQuarantine(v.Quarantine)
}

// String says it in words.
func (l lost) String() string {
	name := fmt.Sprintf("%s %s", l.Kind, cell(l.Key))
	if l.Guessed {
		name += " (as far as it can be read)"
	}
	switch {
	case l.What == "piece":
		return name + ": a piece of it cannot be read, so all of it is gone"
	case l.What == "deletion":
		return name + ": that it was deleted; it is back"
	case l.What == "value" && l.Older:
		return name + ": its newest value; an older one is in force"
	case l.What == "value":
		return name
	case l.Records == 0:
		return fmt.Sprintf("an unknown number of records without a name, %s from octet %d on", cell(l.File), l.Offset)
	}
	return fmt.Sprintf("%s without a name, %s from octet %d on", count(int(l.Records), "record"), cell(l.File), l.Offset)
}
