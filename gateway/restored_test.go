package gateway

import (
	"encoding/binary"
	"testing"
	"time"

	"packhorse/gateway/domain"
	"packhorse/link"
)

func TestCountsOfABackupGoOnAhead(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for _, tc := range []struct {
		key     string
		value   uint64
		trusted bool
		want    uint64
	}{
		{counterDispatch, 7, false, 7 + restoredAhead},
		{counterDispatch, 7, true, 1_800_000_000},
		{counterDispatch, 1 << 40, true, 1<<40 + restoredAhead},
		{counterAdvert, 9, false, 9 + restoredAhead},
		{counterClock, 1_700_000_000, true, 1_800_000_000},
		{counterClock, 1_700_000_000, false, 1_700_000_000},
		{topicCounter(counterHeard, domain.TopicAskContact, link.PeerID{1}), 9, true, 9},
	} {
		got := Restored(Record{KindCounter, tc.key, binary.BigEndian.AppendUint64(nil, tc.value)}, now, tc.trusted)
		if n := binary.BigEndian.Uint64(got.Value); n != tc.want || got.Key != tc.key || got.Kind != KindCounter {
			t.Errorf("%q of %d, trusted %v: got %d, want %d", tc.key, tc.value, tc.trusted, n, tc.want)
		}
	}
	other := Record{KindLetter, counterDispatch, make([]byte, 8)}
	if got := Restored(other, now, true); &got.Value[0] != &other.Value[0] || got.Kind != KindLetter {
		t.Errorf("a letter was changed: got %+v", got)
	}
}
