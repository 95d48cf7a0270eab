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

// Who calls everything an emergency pushes out what others send until it holds a part of the places, and no more.
func TestEmergenciesOfOnePeerTakeAPartOfThePlaces(t *testing.T) {
	_, a, _, _ := pair(t, 1, 0)
	small := func(i int, from PeerID, p Priority) bool {
		it := numbered(i, 100)
		it.Priority = p
		re := a.core.reassemble(it, from, true)
		if re == nil {
			return false
		}
		re.streams = append(re.streams, &inStream{sess: &session{path: &path{peer: &peer{}}}, item: it, body: re})
		return true
	}
	places := 0
	for small(places, PeerID{5, byte(places)}, Bulk) {
		places++
	}
	got := 0
	for small(places+got, PeerID{4}, Emergency) {
		got++
	}
	if got != urgentPlaces || len(a.core.order) != places {
		t.Errorf("%d emergencies found one of %d places, %d are held; want %d", got, places, len(a.core.order), urgentPlaces)
	}
}
