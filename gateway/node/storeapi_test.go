package node

import (
	"slices"
	"testing"
	"testing/synctest"

	"packhorse/gateway/admin"
	"packhorse/store"
)

func TestStatusTellsOfDamage(t *testing.T) {
	if got := storeProblems(store.Stats{}); len(got) != 0 {
		t.Errorf("a whole store: got %v", got)
	}
	got := storeProblems(store.Stats{Damaged: 2, Quarantine: []store.Quarantined{{Name: "x"}}})
	if len(got) != 2 || got[0].Level != "fail" || got[1].Level != "warn" || got[0].Fix == "" || got[1].Fix == "" {
		t.Errorf("got %+v, want a failure and a warning with their fixes", got)
	}
}

func TestStoreTellsWhatItHoldsAndWrote(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := start(t, Config{StateDir: dir}, nil)
		defer a.stop()
		must[admin.Status](t)(a.Up(t.Context(), admin.Up{Domain: "ridge"}))
		s := must[admin.StoreInfo](t)(a.Store(t.Context()))
		if !s.Running || s.Values == 0 || s.LiveBytes == 0 || s.RoomBytes == 0 || len(s.Buckets) != 1 || s.Work.Syncs == 0 || s.Work.WrittenBytes < s.Work.TakenBytes {
			t.Errorf("got %+v", s)
		}
		if !slices.ContainsFunc(s.Kinds, func(k admin.StoreKind) bool { return k.Kind == "builtin" && k.Values > 0 }) {
			t.Errorf("kinds: got %+v, want builtin", s.Kinds)
		}
	})
}
