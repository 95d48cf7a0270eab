package link

import (
	"testing"
	"time"
)

// twoOfAGroup are transfers of one body, of a block of 40 symbols, to two neighbours of a port, in a group.
func twoOfAGroup(stream uint16) (*cast, [2]*outgoing) {
	p := &port{mtu: 254, airtime: sf7, medium: Radio}
	g := &cast{port: p, stream: stream, lay: layoutOf(40 * symbolSize)}
	g.want, g.next = make([]uint8, g.lay.blocks), make([]uint8, g.lay.blocks)
	p.casts = []*cast{g}
	var two [2]*outgoing
	for i := range two {
		two[i] = &outgoing{path: &path{port: p}, lay: g.lay, want: make([]uint8, g.lay.blocks), next: make([]uint8, g.lay.blocks)}
		g.join(two[i])
	}
	return g, two
}

// A frame that serves several is charged to them by equal parts.
func TestAGroupsFramesAreCharged(t *testing.T) {
	g, two := twoOfAGroup(1)
	g.port.charge(two[0], 10*time.Second)
	for i, o := range two {
		if o.fair.used != 5*time.Second || o.path.fair.used != 5*time.Second {
			t.Errorf("member %d of two is charged %v, its neighbour %v of 10 s, want 5 s each", i, o.fair.used, o.path.fair.used)
		}
	}
}

// Who leaves a group goes on with symbols that the group has not sent, and so does the last one in it.
func TestWhoLeavesAGroupSendsWhatIsNew(t *testing.T) {
	g, two := twoOfAGroup(1)
	g.next[0] = 47
	two[0].leave()
	for i, o := range two {
		if o.group.cast != nil || o.next[0] != 47 {
			t.Errorf("member %d goes on in %v with symbol %d, want alone with 47", i, o.group.cast, o.next[0])
		}
	}
}

// Repair symbols of groups with different names begin in different places, so that those of several holders add up.
func TestRepairOfAGroupBeginsByItsName(t *testing.T) {
	seen := map[uint8]bool{}
	for stream := range uint16(8) {
		g, two := twoOfAGroup(stream)
		two[0].want[0], two[0].group.ready = 5, true
		if k := g.lay.data(0); !g.merge() || int(g.next[0]) < k || int(g.next[0]) >= k+repairCount {
			t.Fatalf("group %d: repair begins with symbol %d, want one of %d to %d", stream, g.next[0], k, k+repairCount-1)
		}
		seen[g.next[0]] = true
	}
	if len(seen) != 8 {
		t.Errorf("eight groups begin in %d places, want as many", len(seen))
	}
}

// Who was silent once when all were asked is asked with them again after what else goes out, if that is long.
func TestWhoWasSilentOnceIsCalledAgain(t *testing.T) {
	for _, c := range []struct {
		name        string
		tries, left int
		burst       int
		all         bool // were silent
		want        bool
	}{
		{"a long burst to come", 1, longBurst * 4, 0, false, true},
		{"a short one", 1, longBurst*4 - 1, 0, false, false},
		{"a burst under way", 1, 1, 1, false, true},
		{"nothing to come", 1, 0, 1, false, false},
		{"silent twice", 2, longBurst * 4, 0, false, false},
		{"all were silent", 1, longBurst * 4, 0, true, false},
	} {
		g, two := twoOfAGroup(1)
		if per := two[0].path.perFrame(g.lay); per != 4 {
			t.Fatalf("%d symbols a frame, want 4", per)
		}
		g.merged, g.left, g.burst, two[0].tries = true, c.left, c.burst, c.tries
		two[1].path.current, two[1].state, two[1].group.ready = &session{}, outSending, !c.all
		if got := new(Core).calledAgain(two[0]); got != c.want {
			t.Errorf("%s: called again %v, want %v", c.name, got, c.want)
		}
	}
}
