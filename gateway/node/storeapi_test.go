package node

import (
	"slices"
	"testing"
	"testing/synctest"

	"packhorse/gateway/admin"
)

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
