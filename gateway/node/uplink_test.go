package node

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/discovery"
)

func want(t *testing.T, what string, got []string, wanted ...string) {
	t.Helper()
	if !slices.Equal(got, wanted) {
		t.Errorf("%s: got %q, want %q", what, got, wanted)
	}
}

func TestUplinkRegistersCollectsAndDelivers(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		u, _, d := runUplinks(t, o, "one.example")
		o.put("up")
		d[0].change(func() { d[0].queue = []string{"down", "garbage", "down too"} })
		time.Sleep(10 * time.Second)
		want(t, "registered", o.state(&o.registers), "one.example")
		want(t, "told", o.state(&o.lives), "+one.example")
		want(t, "came", o.state(&o.came), "down", "down too")
		want(t, "left at the Internet gateway", d[0].list(&d[0].queue))
		want(t, "delivered", d[0].list(&d[0].got), "up")
		want(t, "acknowledged", o.state(&o.acked), "up")
		o.put("later")
		d[0].change(func() { d[0].queue = []string{"live"} })
		time.Sleep(time.Second)
		want(t, "came live", o.state(&o.came), "down", "down too", "live")
		want(t, "delivered live", d[0].list(&d[0].got), "up", "later")
		if h := u.states()[0]; !h.Registered || !h.Live || h.Problem != "" || h.Since.IsZero() {
			t.Errorf("health %+v", h)
		}
	})
}

func TestParcelsThatTheInternetGatewayDoesNotTake(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		_, _, d := runUplinks(t, o, "one.example")
		d[0].change(func() {
			d[0].status = map[string]int{"invalid": 422, "malformed": 400, "too big": 413, "unlucky": 500, "full": 507}
		})
		o.put("invalid", "unlucky", "malformed", "full", "too big", "good")
		time.Sleep(time.Minute)
		want(t, "dropped", o.state(&o.dropped), "invalid", "malformed", "too big")
		want(t, "acknowledged", o.state(&o.acked), "good")
		want(t, "kept", o.state(&o.queue), "unlucky", "full")
		d[0].change(func() { clear(d[0].status) })
		time.Sleep(offerAgain)
		want(t, "acknowledged in the end", o.state(&o.acked), "good", "unlucky", "full")
		want(t, "told", o.state(&o.lives), "+one.example")
	})
}

// A lost answer is the commonest trouble: the parcel is offered again soon, the next one goes at once, and nobody else is
// kept from what did not go.
func TestLostAnswerOfADelivery(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		_, _, d := runUplinks(t, o, "one.example")
		time.Sleep(time.Second)
		d[0].change(func() { d[0].lose = 1 })
		o.put("a", "b")
		time.Sleep(firstTrouble)
		synctest.Wait()
		want(t, "acknowledged at first", o.state(&o.acked), "b")
		want(t, "let others have", o.state(&o.kept), "a")
		time.Sleep(firstOffer)
		synctest.Wait()
		want(t, "acknowledged", o.state(&o.acked), "b", "a")
		want(t, "told", o.state(&o.lives), "+one.example")
	})
}

// A domain and a clock may come after the start: what is then possible is done at once, and the first choice stays the first.
func TestRegistrationWhenItBecomesPossible(t *testing.T) {
	o := newOwner(t)
	o.early, o.slow = &gateway.Error{Code: "not_yet", Message: "no clock", Fix: "set it"}, "one.example"
	synctest.Test(t, func(t *testing.T) {
		u, _, d := runUplinks(t, o, "one.example", "two.example")
		time.Sleep(time.Second)
		if h := u.states()[0]; h.Problem != "no clock" || d[0].registrations() > 0 {
			t.Errorf("%d registrations, health %+v", d[0].registrations(), h)
		}
		o.mu.Lock()
		o.early = nil
		o.mu.Unlock()
		u.mayRegister()
		time.Sleep(time.Minute)
		want(t, "registered", o.state(&o.registers), "two.example", "one.example")
		want(t, "told", o.state(&o.lives), "+one.example")
	})
}

// What waits at an Internet gateway comes from nowhere else: a connection that breaks off now and then is made again before
// a second choice.
func TestConnectionThatBreaksOffIsMadeAgain(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		_, w, _ := runUplinks(t, o, "one.example", "two.example")
		time.Sleep(time.Minute)
		told := []string{"+one.example"}
		for range breaks - 1 {
			w.breakOff("one.example")
			w.mend("one.example")
			time.Sleep(wellAfter / 3)
			told = append(told, "-one.example", "+one.example")
		}
		want(t, "told", o.state(&o.lives), told...)
	})
}

func TestParcelThatCannotBeStoredComesAgain(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		u, _, d := runUplinks(t, o, "one.example")
		o.refuses(&gateway.Error{Code: "quota", Message: "the store is full", Fix: "make room"})
		d[0].change(func() { d[0].queue = []string{"p"} })
		time.Sleep(time.Minute)
		o.put("up")
		time.Sleep(time.Second)
		want(t, "delivered meanwhile", d[0].list(&d[0].got), "up")
		want(t, "told", o.state(&o.lives), "+one.example")
		want(t, "left at the Internet gateway", d[0].list(&d[0].queue), "p")
		if h := u.states()[0]; h.Problem != "the store is full" || h.Fix != "make room" {
			t.Errorf("health %+v", h)
		}
		o.refuses(nil)
		time.Sleep(2 * longestRetry)
		want(t, "came", o.state(&o.came), "p")
		if h := u.states()[0]; h.Problem != "" || !h.Live {
			t.Errorf("health afterwards %+v", h)
		}
	})
}

func TestSecondChoiceAndBack(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		_, w, d := runUplinks(t, o, "one.example", "two.example")
		time.Sleep(time.Minute)
		want(t, "told", o.state(&o.lives), "+one.example")
		w.breakOff("one.example")
		o.put("up")
		time.Sleep(time.Minute)
		want(t, "told after the break", o.state(&o.lives), "+one.example", "-one.example", "+two.example")
		want(t, "delivered to the second", d[1].list(&d[1].got), "up")
		w.mend("one.example")
		time.Sleep(wellFor*probeEvery - time.Minute)
		want(t, "told at once", o.state(&o.lives), "+one.example", "-one.example", "+two.example")
		time.Sleep(2 * probeEvery)
		want(t, "told in the end", o.state(&o.lives), "+one.example", "-one.example", "+two.example", "-two.example", "+one.example")
	})
}

func TestGatewayThatTakesNothingIsLeftForAnother(t *testing.T) {
	o := newOwner(t)
	stranger := newOwner(t).chain.Endpoint
	synctest.Test(t, func(t *testing.T) {
		_, _, d := runUplinks(t, o, "one.example", "two.example")
		time.Sleep(time.Second * 2)
		d[0].change(func() { d[0].anchor = stranger }) // it knows us no more
		o.put("a", "b", "c", "d")
		time.Sleep(time.Minute)
		want(t, "delivered", d[1].list(&d[1].got), "a", "b", "c", "d")
		if l := o.state(&o.lives); l[len(l)-1] != "+two.example" {
			t.Errorf("told %q, want the second at last", l)
		}
		time.Sleep(2 * checkRenewal)
		if d[0].registrations() < 2 {
			t.Errorf("asked for %d registrations, want another one", d[0].registrations())
		}
	})
}

func TestRegistrationIsTriedAgain(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		wait time.Duration
	}{
		"resolver out of reach": {&discovery.Error{Kind: discovery.Unreachable}, retryResolver},
		"no such address":       {&discovery.Error{Kind: discovery.NoSuchAddress}, retryRegister},
		"not signed":            {&discovery.Error{Kind: discovery.NotSigned}, retryRegister},
	} {
		o := newOwner(t)
		synctest.Test(t, func(t *testing.T) {
			w := newWire(t)
			w.lookups(tt.err)
			u, _ := w.run(o, "one.example")
			time.Sleep(tt.wait - time.Second)
			if h := u.states()[0]; h.Registered || h.Problem == "" || h.Fix == "" {
				t.Errorf("%s: health %+v", name, h)
			}
			w.lookups(nil)
			want(t, name, o.state(&o.registers))
			time.Sleep(5 * time.Second)
			want(t, name+", mended", o.state(&o.registers), "one.example")
			want(t, name+", connected", o.state(&o.lives), "+one.example")
		})
	}
}

func TestRegistrationRetriesSlowDown(t *testing.T) {
	broken := errors.New("broken")
	for n, wanted := range []time.Duration{time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 16 * time.Minute, maxRetry, maxRetry} {
		if got := registerAgain(broken, false, n+1); got != wanted {
			t.Errorf("failure %d: got %v, want %v", n+1, got, wanted)
		}
	}
	if got := registerAgain(broken, true, 9); got != retryRenewal {
		t.Errorf("renewal: got %v, want %v", got, retryRenewal)
	}
	if got := registerAgain(&gateway.Error{Code: "not_yet"}, false, 9); got != retryRegister {
		t.Errorf("no clock: got %v, want %v", got, retryRegister)
	}
	for n, wanted := range []time.Duration{1, 2, 4, 8, 16, 32, 60, 60} {
		if got := connectAgain(broken, n+1); got != wanted*time.Second {
			t.Errorf("connection failure %d: got %v, want %v", n+1, got, wanted*time.Second)
		}
	}
}

func TestRenewal(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		_, _, d := runUplinks(t, o, "one.example")
		time.Sleep(time.Second)
		o.mu.Lock()
		info := o.registered["one.example"]
		o.mu.Unlock()
		info.Renew = time.Now().Add(15 * time.Minute)
		o.mu.Lock()
		o.registered["one.example"] = info
		o.mu.Unlock()
		time.Sleep(14 * time.Minute)
		want(t, "before it is due", o.state(&o.registers), "one.example")
		time.Sleep(10 * time.Minute)
		want(t, "when it is due", o.state(&o.registers), "one.example", "one.example")
		if d[0].registrations() != 2 {
			t.Errorf("asked for %d registrations, want 2", d[0].registrations())
		}
		for _, l := range o.state(&o.lives) {
			if strings.HasPrefix(l, "-") {
				t.Errorf("the connection ended: %q", o.lives)
			}
		}
	})
}

// A gateway that was registered before its restart connects at once, without the network for a registration.
func TestRestartConnectsAtOnce(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		o.registered["one.example"] = gateway.UplinkInfo{Address: "one.example", Until: time.Now().Add(validity), Renew: time.Now().Add(time.Hour)}
		runUplinks(t, o, "One.Example.")
		time.Sleep(2 * time.Second)
		want(t, "registered", o.state(&o.registers))
		want(t, "told", o.state(&o.lives), "+one.example")
	})
}

// A renewal that fails for weeks ends in a connection that is lost: somebody should know before.
func TestProblemsOfALiveConnectionAreTold(t *testing.T) {
	o := newOwner(t)
	synctest.Test(t, func(t *testing.T) {
		u, _, d := runUplinks(t, o, "one.example")
		time.Sleep(time.Minute)
		n := &Node{uplinks: u}
		if p := n.uplinkProblems(); len(p) != 0 {
			t.Errorf("told %v of a connection that is well", p)
		}
		o.due("one.example")
		d[0].change(func() { d[0].status = map[string]int{"": 500} })
		time.Sleep(2 * checkRenewal)
		p := n.uplinkProblems()
		if len(p) != 1 || p[0].Level != "warn" || !strings.Contains(p[0].What, "one.example") || p[0].Fix == "" {
			t.Errorf("a renewal that fails: told %v", p)
		}
		d[0].change(func() { clear(d[0].status) })
		time.Sleep(2 * retryRenewal)
		if p := n.uplinkProblems(); len(p) != 0 {
			t.Errorf("told %v after the renewal", p)
		}
	})
}
