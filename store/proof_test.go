package store

import (
	"bytes"
	"strings"
	"testing"
)

func TestInspectHoldsTheSnapshotAgainstTheLog(t *testing.T) {
	for _, what := range []string{"small", "large"} {
		dir := t.TempDir()
		s := open(t, dir, small)
		apply(t, s, Op{Kind: 1, Key: "small", Value: make([]byte, 100)}, Op{Kind: 1, Key: "large", Value: make([]byte, maxInline+1)}, Op{Kind: 1, Key: "gone"})
		apply(t, s, Op{Kind: 1, Key: "gone", Delete: true})
		s.Close()
		if r := wantWhole(t, dir, small); r.FullScan != "" {
			t.Errorf("%s: the snapshot is no good: %s", what, r.FullScan)
		}
		path, b := snapshotIn(t, dir)
		name := idOf(1, []byte(what))
		at := bytes.Index(b, name[:])
		if at < 0 {
			t.Fatalf("%s is not in the snapshot", what)
		}
		b[at+len(name)+11] ^= 1 // of the offset
		if what == "large" {
			b[at+itemBytes+largeBytes+11] ^= 1 // of its first chunk instead
			b[at+len(name)+11] ^= 1
		}
		rewrite(t, path, resealed(b))
		r, err := Inspect(dir, LookOptions{})
		if err != nil || len(r.Damage) != 1 || !strings.Contains(r.Damage[0].Reason, "differs from the log in 1 values") || r.Values != 2 || r.FullScan == "" {
			t.Fatalf("%s: got %+v, %v, want the snapshot's fault", what, r, err)
		}
		if rep := repaired(t, dir, small); len(rep.Lost) != 0 || len(rep.Quarantine) != 0 || !rep.Changed() {
			t.Errorf("%s: repair: got %+v, want a new snapshot only", what, rep)
		}
		if r := wantWhole(t, dir, small); r.Values != 2 || r.FullScan != "" {
			t.Errorf("%s: after repair: got %+v", what, r)
		}
	}
}
