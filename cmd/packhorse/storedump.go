package main

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/store"
)

// dumping is what a dump is asked for.
type dumping struct {
	kind, key         string
	keyed             bool
	dead, values, raw bool
}

func (a *app) storeDump() *cobra.Command {
	var d dumping
	c := &cobra.Command{
		Use:   "dump",
		Short: "list the records of the store, or print one value; also beside a running gateway",
		Long: `Lists each record with its state, type, kind, octets of its value, sequence, bucket+offset and key. With --key it prints the
value: as hex, or with --raw as it is. It changes nothing and takes no lock. With --json each record is a line.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			d.keyed = c.Flags().Changed("key")
			return a.dump(c.Context(), d)
		},
	}
	f := c.Flags()
	f.StringVar(&d.kind, "kind", "", "only this `kind`: "+strings.Join(gateway.KindNames(), ", ")+" or kind_N")
	f.StringVar(&d.key, "key", "", "the value of this `key`")
	f.BoolVar(&d.dead, "dead", false, "list also what was replaced or deleted, and what holds the log together")
	f.BoolVar(&d.values, "values", false, "print live values too, as hex")
	f.BoolVar(&d.raw, "raw", false, "with --key: the value as it is")
	a.keyFlag(c)
	return c
}

func (a *app) dump(ctx context.Context, d dumping) error {
	var kind store.Kind
	if d.kind != "" {
		var ok bool
		if kind, ok = gateway.KindOf(d.kind); !ok {
			return usage("one of "+strings.Join(gateway.KindNames(), ", "), "%q is no kind", d.kind)
		}
	}
	if d.raw && (!d.keyed || a.json) {
		return usage("add --key KEY, and leave --json out", "--raw prints one value as it is")
	}
	l, err := a.load()
	if err != nil {
		return err
	}
	key, err := a.recordCipher(ctx, l)
	if err != nil {
		return err
	}
	show, done := a.reading()
	v, err := store.Look(storeOf(l), store.LookOptions{Cipher: key, Progress: show})
	done()
	if err != nil {
		return storeError(err, l)
	}
	defer v.Close()
	if d.keyed && !d.dead {
		return a.dumpValue(v, d, kind)
	}
	return v.Records(func(r store.RecordInfo) error {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if !d.wants(r, kind) {
			return nil
		}
		return a.dumpRecord(v, d, r)
	})
}

// wants picks records. Damage is left out only where it cannot be what is looked for.
func (d dumping) wants(r store.RecordInfo, kind store.Kind) bool {
	value := r.Type == "put" || r.Type == "large"
	switch {
	case r.State == store.StateDamaged:
		return true
	case d.kind != "" && (r.Kind != kind || r.Type == "head" || r.Type == "batch end"), d.keyed && r.Key != d.key:
		return false
	}
	return d.dead || value && r.State == store.StateLive
}

// stored is a record for JSON.
type stored struct {
	admin.Head
	State    string `json:"state"`
	Type     string `json:"type,omitempty"`
	Kind     string `json:"kind,omitempty"`
	Key      string `json:"key,omitempty"`
	KeyHex   string `json:"key_hex,omitempty"`  // when the key is no text
	Sequence string `json:"sequence,omitempty"` // decimal: it has 64 bits
	Bucket   string `json:"bucket,omitempty"`
	Offset   int64  `json:"offset_bytes"`
	Bytes    int64  `json:"size_bytes"`
	Value    int64  `json:"value_bytes"`
	Reason   string `json:"reason,omitempty"`
	ValueHex string `json:"value_hex,omitempty"`
}

func (a *app) record(r store.RecordInfo) stored {
	v := stored{Head: a.head("packhorse.store_record/1"), State: r.State, Type: strings.ReplaceAll(r.Type, " ", "_"), Bucket: r.Bucket,
		Offset: r.Offset, Bytes: r.Octets, Value: r.Size, Reason: r.Reason}
	if r.Sequence != 0 {
		v.Sequence = fmt.Sprint(r.Sequence)
	}
	switch r.Type {
	case "put", "large", "chunk", "deletion":
		v.Kind = gateway.KindName(r.Kind)
		v.setKey(r.Key)
	}
	return v
}

func (v *stored) setKey(key string) {
	if utf8.ValidString(key) {
		v.Key = key
	} else {
		v.KeyHex = hex.EncodeToString([]byte(key))
	}
}

func (a *app) dumpRecord(v *store.View, d dumping, r store.RecordInfo) error {
	out := a.record(r)
	if d.values && r.State == store.StateLive && (r.Type == "put" || r.Type == "large") {
		b, err := v.Value(r.Kind, r.Key)
		if err != nil {
			out.State, out.Reason = store.StateDamaged, err.Error()
		}
		out.ValueHex = hex.EncodeToString(b)
	}
	return a.answer(out, func() {
		kind, what := out.Kind, cell(r.Key)
		if kind == "" {
			kind, what = "-", cell(out.Reason)
		}
		a.say("%-7s %-9s %-11s %9s  %20s %s+%d  %s", out.State, cell(r.Type), kind, size(r.Size), cell(out.Sequence), r.Bucket, r.Offset, what)
		if out.ValueHex != "" {
			a.say("        %s", out.ValueHex)
		}
	})
}

// dumpValue prints one value.
func (a *app) dumpValue(v *store.View, d dumping, kind store.Kind) error {
	kinds := []store.Kind{kind}
	if d.kind == "" {
		kinds = kinds[:0]
		for k := range 256 {
			kinds = append(kinds, store.Kind(k))
		}
	}
	var names []string
	var value []byte
	for _, k := range kinds {
		b, err := v.Value(k, d.key)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return fmt.Errorf("%s %q: %w", gateway.KindName(k), d.key, err)
		}
		names, value, kind = append(names, gateway.KindName(k)), b, k
	}
	switch len(names) {
	case 0:
		return &admin.Error{Code: admin.CodeNotFound, Message: fmt.Sprintf("no live value has the key %q", d.key), Fix: "packhorse store dump lists them; --dead also what was deleted"}
	case 1:
		return a.printValue(d, kind, value)
	}
	return usage("add --kind "+names[0], "the key %q is there as %s", d.key, strings.Join(names, " and "))
}

func (a *app) printValue(d dumping, kind store.Kind, value []byte) error {
	if d.raw {
		_, err := a.out.Write(value)
		return err
	}
	out := stored{Head: a.head("packhorse.store_record/1"), State: store.StateLive, Kind: gateway.KindName(kind), Value: int64(len(value)), ValueHex: hex.EncodeToString(value)}
	out.setKey(d.key)
	return a.answer(out, func() {
		w := hex.Dumper(a.out)
		w.Write(value)
		w.Close()
	})
}
