package link

import (
	"testing"
	"time"
)

func TestWhatIsKeptOfAnHour(t *testing.T) {
	for _, c := range []struct {
		name                     string
		perHour, frame           time.Duration
		emergency, message, bulk time.Duration
	}{
		{"10 % at SF7", 360 * time.Second, 416 * time.Millisecond, 0, 18 * time.Second, 54 * time.Second},
		{"1 % at SF7", 36 * time.Second, 416 * time.Millisecond, 0, 1800 * time.Millisecond, 5400 * time.Millisecond},
		{"1 % at SF10: a frame is long", 36 * time.Second, 2500 * time.Millisecond, 0, 4500 * time.Millisecond, 9 * time.Second},
		{"0.1 % at SF11: one frame is most of an hour", 3600 * time.Millisecond, 3 * time.Second, 0, 450 * time.Millisecond, 600 * time.Millisecond},
		{"no limit", 0, time.Second, 0, 0, 0},
	} {
		b := budget{perHour: c.perHour}
		for p, want := range map[Priority]time.Duration{Emergency: c.emergency, Message: c.message, Bulk: c.bulk} {
			if got := b.floor(p, c.frame); got != want {
				t.Errorf("%s: priority %d leaves %v, want %v", c.name, p, got, want)
			}
		}
	}
}

func TestABudgetGoesDownAndComesBack(t *testing.T) {
	const frame = time.Second
	b := budget{left: 36 * time.Second, perHour: 36 * time.Second}
	now := epoch
	for !b.lacks(now, Bulk, frame) {
		now = now.Add(frame)
		b.spend(now, frame)
	}
	if want := 8 * time.Second; b.left != want {
		t.Errorf("bulk left %v, want %v", b.left, want)
	}
	if b.lacks(now, Message, frame) || b.lacks(now, Emergency, frame) {
		t.Error("nothing is left for what is more urgent")
	}
	if got, want := b.freeAt(Bulk, frame), now.Add(time.Hour); got.After(want) || got.Before(epoch.Add(time.Hour)) {
		t.Errorf("bulk may go on after %v, want when its first minute stops counting", got.Sub(epoch))
	}
	if b.roll(now.Add(time.Hour)); b.left != b.perHour || len(b.refunds) != 0 {
		t.Errorf("an hour later %v are left and %d refunds, want all and none", b.left, len(b.refunds))
	}
}

// However many frames an hour has, what comes back of them is a short list.
func TestRefundsAreFew(t *testing.T) {
	b := budget{left: time.Hour, perHour: time.Hour}
	now := epoch
	for now.Before(epoch.Add(2 * time.Hour)) {
		now = now.Add(100 * time.Millisecond)
		b.roll(now)
		b.spend(now, 10*time.Millisecond)
		if most := int(time.Hour/refundMerge) * 2; len(b.refunds) > most {
			t.Fatalf("%d refunds after %v, want %d at most", len(b.refunds), now.Sub(epoch), most)
		}
	}
}

// What the law leaves away from the common setting is another account: the one at home is kept.
func TestTheBudgetAtHomeIsKeptWhileAway(t *testing.T) {
	w, a, b, _ := movers(t, 1, 4)
	p := a.core.ports[0]
	tell := func(left time.Duration) {
		a.event(PortBudget{Port: a.stations[0].port, PerHour: 36 * time.Second, Left: left})
	}
	tell(36 * time.Second)
	a.send(b, 60_000, Message)
	if !w.run(time.Minute, func() bool { return p.rate != 0 && !p.tuning }) {
		t.Fatal("a does not leave")
	}
	home := p.homeBudget.left
	if tell(20 * time.Second); p.homeBudget.left != home || p.budget.left != 20*time.Second {
		t.Errorf("told of 20 s away: %v there and %v at home, want 20 s and %v", p.budget.left, p.homeBudget.left, home)
	}
}

func TestBulkGoesByAnotherPortWhenTheLawKeepsItBack(t *testing.T) {
	w, a, b, air, wire := twoPorts(t, 3)
	d := a.send(b, 30_000, Bulk)
	w.run(2*time.Second, never)
	before := wire.octets
	a.event(PortBudget{Port: a.stations[0].port, PerHour: 36 * time.Second, Left: 3 * time.Second,
		Refunds: []Refund{{At: w.now.Add(50 * time.Minute), Air: 33 * time.Second}}})
	w.run(time.Minute, never)
	if a.custody[d] != 1 {
		t.Errorf("no custody after a minute: %+v", a.core.Transfers())
	}
	if got := wire.octets - before; got < 20_000 || air == nil {
		t.Errorf("%d octets went by the wire, want most of the body", got)
	}
}

// A budget that says little: the core neither spins nor sleeps for ever.
func TestAnOddBudgetDoesNoHarm(t *testing.T) {
	w, a, b, _, _ := twoPorts(t, 4)
	p := a.stations[0].port
	for _, e := range []PortBudget{
		{Port: p, PerHour: time.Second, Left: -time.Hour},
		{Port: p, PerHour: time.Nanosecond, Left: 0, Refunds: []Refund{{At: w.now.Add(-time.Hour), Air: time.Second}}},
		{Port: p, PerHour: time.Hour, Left: 2 * time.Hour, Refunds: []Refund{{At: w.now.Add(time.Second)}}},
		{Port: 99, PerHour: time.Second},
	} {
		a.event(e)
		a.send(b, 5_000, Bulk)
		w.run(time.Minute, never)
		if at, ok := a.core.PollTimeout(); ok && !at.After(w.now) {
			t.Errorf("%+v: the next timeout is %v, now is %v", e, at, w.now)
		}
		a.core.Transfers()
	}
}
