package node

import (
	"maps"
	"testing"

	"packhorse/link"
)

func TestWhatWasDroppedGoesByName(t *testing.T) {
	var s link.Stats
	s.Dropped[link.DropForged], s.Dropped[link.DropBadBody] = 3, 1
	if got, want := dropped(s), map[string]uint64{"forged": 3, "bad_body": 1}; !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
