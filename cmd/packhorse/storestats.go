package main

import (
	"context"
	"fmt"
	"math"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	"packhorse/gateway/node"
	"packhorse/store"
)

func (a *app) storeStats() *cobra.Command {
	c := &cobra.Command{
		Use:   "stats",
		Short: "what the store holds, what wears the card, and the room left",
		Long: `Asks the running gateway, or else reads the files. Octets and syncs since the start, and how long a sync takes, only the
gateway knows. What was written in the store's life follows from the number of the newest bucket, for
buckets are filled one after another: it is right within a bucket, 4.2 MB, for each restart.`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.with(func(b admin.Client) error { return a.showStats(c.Context(), b) })
		},
	}
	a.keyFlag(c)
	return c
}

func (a *app) showStats(ctx context.Context, b admin.Client) error {
	v, err := b.Store(ctx)
	if offline(err) {
		a.gateway = nil // it says nothing of its clock
		v, err = a.storedStats(ctx)
	}
	if err != nil {
		return err
	}
	return a.answer(admin.NewStoreReply(a.head(admin.SchemaStore), v), func() { a.sayStats(v) })
}

// storedStats is what the files tell.
func (a *app) storedStats(ctx context.Context) (v admin.StoreInfo, err error) {
	l, err := a.load()
	if err != nil {
		return v, err
	}
	key, err := a.recordCipher(ctx, l)
	if err != nil {
		return v, err
	}
	show, done := a.reading()
	r, err := store.Inspect(storeOf(l), store.LookOptions{Cipher: key, Progress: show})
	done()
	if err == nil && r.Sealed {
		err = store.ErrSealed
	}
	if err != nil {
		return v, storeError(err, l)
	}
	v = admin.StoreInfo{Values: r.Values, LiveBytes: r.Live, DeadBytes: r.Dead, DiskBytes: r.Live + r.Dead + r.Torn, MaxBytes: l.Store.MaxBytes,
		LifeBytes: r.Life, Quarantine: len(r.Quarantine), Damaged: len(r.Damage), Kinds: node.StoreKinds(r.Kinds), Buckets: node.StoreBuckets(r.Buckets)}
	free, kept := store.FreeSpace(storeOf(l))
	v.FreeBytes, v.KeptBytes = max(0, free), kept
	v.RoomBytes = max(0, v.MaxBytes-v.LiveBytes)
	if free >= 0 {
		v.RoomBytes = max(0, min(v.RoomBytes, free-kept))
	}
	return v, nil
}

func (a *app) sayStats(v admin.StoreInfo) {
	a.say("room   %s live of %s, %s left; disk: %s free, of which %s stay free", size(v.LiveBytes), size(v.MaxBytes), size(v.RoomBytes), size(v.FreeBytes), size(v.KeptBytes))
	a.say("disk   %s in %s: %s, %s dead", size(v.DiskBytes), count(len(v.Buckets), "bucket"), count(v.Values, "value"), size(v.DeadBytes))
	if w := v.Work; w != nil {
		a.sayWork(w)
	} else {
		a.say("wear   not running: only a running gateway counts")
	}
	a.say("life   about %s written since the store was made", size(v.LifeBytes))
	a.sayAge(v.Buckets)
	if v.Damaged+v.Quarantine > 0 {
		a.say("harm   %s, %s put aside: packhorse store check", count(v.Damaged, "damaged place"), count(v.Quarantine, "file"))
	}
	if len(v.Kinds) > 0 {
		rows := [][]string{{"KIND", "VALUES", "SIZE"}}
		for _, k := range v.Kinds {
			rows = append(rows, []string{cell(k.Kind), number(k.Values), size(k.SizeBytes)})
		}
		table(a.out, rows)
	}
	a.drawBuckets(v.Buckets)
}

func (a *app) sayWork(w *admin.Work) {
	a.say("wear   %s written in %s for %s to be kept (%s), %s, %s of the index", size(w.WrittenBytes), span(time.Duration(w.UptimeS)*time.Second), size(w.TakenBytes),
		times(w.WrittenBytes, w.TakenBytes), count(int(w.Syncs), "sync"), count(w.Snapshots, "snapshot"))
	if w.MovedBytes > 0 {
		a.say("moved  %s of them, to empty files that were half dead", size(w.MovedBytes))
	}
	if w.SyncWorstS > 0 {
		a.say("sync   half within %s, 99 of 100 within %s, worst %s", short(w.SyncMedianS), short(w.SyncP99S), short(w.SyncWorstS))
	}
	if w.Repairs+w.Failures > 0 {
		a.say("disk   %s that it refused, %s", count(w.Failures, "write"), count(w.Repairs, "cut-off tail"))
	}
}

// times is a ratio in words.
func times(n, of int64) string {
	if of <= 0 {
		return "- times"
	}
	return fmt.Sprintf("%.2f times", float64(n)/float64(of))
}

// short writes seconds as milliseconds.
func short(s float64) string { return fmt.Sprintf("%.3g ms", s*1000) }

func (a *app) sayAge(all []admin.StoreBucket) {
	var first, last time.Time
	for _, b := range all {
		if b.Written.IsZero() {
			return
		}
		if first.IsZero() {
			first = b.Written
		}
		last = b.Written
	}
	if !last.IsZero() {
		a.say("age    oldest bucket ended %s, newest %s, by the clock of the time", first.Format("2006-01-02 15:04"), last.Format("2006-01-02 15:04"))
	}
}

// shades show a share from nothing to all.
const shades = ".:-=+*#"

// drawBuckets shows each bucket as one character.
func (a *app) drawBuckets(all []admin.StoreBucket) {
	if len(all) == 0 {
		return
	}
	var b strings.Builder
	for i, k := range all {
		if i > 0 && i%64 == 0 {
			b.WriteByte('\n')
		}
		b.WriteByte(shade(k))
	}
	a.say("BUCKETS, oldest first: %s from empty to all live, X damaged\n%s", shades, b.String())
}

func shade(k admin.StoreBucket) byte {
	if k.Damaged {
		return 'X'
	}
	share := float64(k.LiveBytes) / math.Max(1, float64(k.SizeBytes))
	return shades[min(len(shades)-1, int(share*float64(len(shades))))]
}
