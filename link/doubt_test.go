package link

import (
	"testing"
	"time"

	"packhorse/link/wire"
)

// One lost frame is one lost question, however many transfers it asked for: a neighbour with much to get is
// neither taken for silent nor given new keys because of a few.
func TestALostFrameIsOneQuestion(t *testing.T) {
	for seed := range seeds(5) {
		w, a, b, _ := pair(t, seed, 0)
		w.run(time.Minute, met(a, b))
		w.run(20*time.Second, func() bool { return false })
		var ds []Digest
		for range maxActive {
			ds = append(ds, a.send(b, 4000, Message))
		}
		lost, openings := 0, 0
		w.onFrame = func(s *station, f []byte) []byte {
			switch {
			case wire.TypeOf(f) == wire.TypeHandshake1:
				openings++
			case s.node == a && lost < 3:
				lost++
				return nil
			}
			if radio, _ := silentAt(a); radio {
				t.Fatalf("seed %d: silent after %d lost frames, want %d to be borne", seed, lost, unsureLimit-1)
			}
			return f
		}
		if !w.run(5*time.Minute, delivered(a, b, ds...)) || openings > 0 {
			t.Errorf("seed %d: delivered to %d of %d, %d new sessions, want none", seed, len(b.got), len(ds), openings)
		}
	}
}
