package link

import "testing"

// An emergency finds a place where bulk holds them all, its sender's or those of others; not where all are emergencies.
func TestAnEmergencyFindsRoom(t *testing.T) {
	for name, c := range map[string]struct {
		held Priority
		by   PeerID
		want bool
	}{
		"bulk of its sender":         {Bulk, PeerID{4}, true},
		"bulk of others":             {Bulk, PeerID{5}, true},
		"emergencies of its sender":  {Emergency, PeerID{4}, false},
		"emergencies of others":      {Emergency, PeerID{5}, false},
		"messages of the same peers": {Message, PeerID{4}, true},
	} {
		_, a, _, _ := pair(t, 1, 0)
		a.core.cfg.MaxReassembly = 400_000
		for i := 0; ; i++ {
			it := numbered(i, 60_000)
			it.Priority = c.held
			re := a.core.reassemble(it, PeerID{c.by[0], byte(i)}, false)
			if re == nil {
				break
			}
			re.brought = c.by
			re.streams = append(re.streams, &inStream{sess: &session{path: &path{peer: &peer{}}}, item: it, body: re})
		}
		it := numbered(999, 60_000)
		if it.Priority = Message; c.by != (PeerID{4}) && a.core.reassemble(it, PeerID{4}, false) != nil {
			t.Errorf("%s: a message finds room", name)
		}
		it.Priority = Emergency
		if got := a.core.reassemble(it, PeerID{4}, false) != nil; got != c.want {
			t.Errorf("%s: an emergency finds room: %v, want %v", name, got, c.want)
		}
	}
}
