package port

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/link"
	"packhorse/radio"
	"packhorse/radio/phy"
)

func TestRadioAnnouncesItsPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := run(t, newFakeHost(), noLimit, always(newFakeRadio()))
		defer b.stop()
		synctest.Wait()
		up := b.host.ups[0]
		if up.Medium != link.Radio || up.MTU != 254 {
			t.Errorf("got medium %d MTU %d, want radio and 254", up.Medium, up.MTU)
		}
		if got, want := up.Airtime(254), 416*time.Millisecond; got != want {
			t.Errorf("airtime of a full frame with the modem's octet: got %v, want %v", got, want)
		}
		if got, want := up.Access, 204*time.Millisecond; got != want {
			t.Errorf("access: got %v, want %v", got, want)
		}
		if v := b.host.last(); !v.OK || v.Transport != "lora0" || v.Band != "NZ915 915.0-928.0 MHz" {
			t.Errorf("health: got %+v", v)
		}
	})
}

func TestRadioFramesObeyTheLongestTransmission(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rule := noLimit
		rule.Kind, rule.MaxTransmit = phy.Dwell, 400*time.Millisecond
		b := run(t, newFakeHost(), rule, always(newFakeRadio()))
		defer b.stop()
		synctest.Wait()
		if got, want := b.host.ups[0].MTU, 242; got != want {
			t.Errorf("got MTU %d, want %d", got, want)
		}
	})
}

func TestRadioMovesFramesBothWays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRadio()
		b := run(t, newFakeHost(), noLimit, always(r))
		b.host.frames <- []byte("out")
		r.in <- radio.Packet{Data: []byte("in"), RSSIdBm: -90, SNRdB: 5, HasSignal: true}
		time.Sleep(time.Second)
		synctest.Wait()
		h := b.host.handle(0)
		if len(h.got) != 1 || string(h.got[0]) != "in" || h.metas[0] != (link.Meta{RSSIdBm: -90, SNRdB: 5, HasSignal: true}) {
			t.Errorf("in: got %q %+v", h.got, h.metas)
		}
		sent, at := r.frames()
		if len(sent) != 1 || string(sent[0]) != "out" {
			t.Errorf("out: got %q", sent)
		}
		if len(h.clears) != 1 || h.clears[0].Sub(at[0]) != testMod.TimeOnAir(4) {
			t.Errorf("clear: got %v after %v", h.clears, at)
		}
		if v := b.host.last(); v.FramesIn != 1 || v.FramesOut != 1 || v.AirtimeTotal != testMod.TimeOnAir(4) {
			t.Errorf("health: got %+v", v)
		}
		b.stop()
		if !r.closed || !h.closed {
			t.Error("radio and port are not closed at the end")
		}
	})
}

func TestRadioKeepsTheDutyCycle(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRadio()
		b := run(t, newFakeHost(), onePer, always(r))
		defer b.stop()
		for range 200 {
			b.host.frames <- make([]byte, 254)
		}
		time.Sleep(30 * time.Minute)
		synctest.Wait()
		if got, want := r.count(), 85; got != want { // 36 s of 416 ms, and 5 for each gap between them
			t.Errorf("in the first half hour: got %d frames, want %d", got, want)
		}
		v := b.host.last()
		_, at := r.frames()
		if blocked := v.BlockedUntil.Sub(at[0]); blocked < time.Hour || blocked > time.Hour+2*time.Second {
			t.Errorf("blocked until %v after the first frame, want an hour", blocked)
		}
		if c := b.host.handle(0).cleared(); len(c) == 0 || !c[len(c)-1].Equal(v.BlockedUntil) {
			t.Errorf("the link was told last that the port is clear at %v, want the end of the block, %v", c[max(0, len(c)-1):], v.BlockedUntil)
		}
		if used := v.Budget.PerHour - v.Budget.LeftAt(time.Now()); used != 85*416*time.Millisecond+84*phy.JoinGap || v.AirtimeAllowed != 36*time.Second {
			t.Errorf("health: got %v of %v", used, v.AirtimeAllowed)
		}
		if got := b.host.handle(0).taken(); got != 85 {
			t.Errorf("frames taken from the link: got %d, want 85: none may wait here", got)
		}
		time.Sleep(31*time.Minute + 30*time.Second)
		synctest.Wait()
		if got := r.count(); got <= 85 || got > 170 {
			t.Errorf("in the second hour: got %d frames in all", got)
		}
		if got := b.host.last().BlockedUntil; !got.IsZero() && got.Before(time.Now()) {
			t.Errorf("still shows blocked until %v", got)
		}
	})
}

func TestRadioRestartEarnsNoAirtime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, r := newFakeHost(), newFakeRadio()
		b := run(t, host, onePer, always(r))
		for range 200 {
			host.frames <- make([]byte, 254)
		}
		time.Sleep(5 * time.Minute)
		b.stop()
		before := r.count()
		b = run(t, host, onePer, always(r))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		if got := r.count(); got != before {
			t.Errorf("after the restart: %d frames more, want none", got-before)
		}
		b.stop()
		if host.saves > 8 {
			t.Errorf("36 s of airtime: got %d saves, want at most 8", host.saves)
		}
	})
}

func TestRadioOfANewNameEarnsNoAirtime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, r := newFakeHost(), newFakeRadio()
		b := run(t, host, onePer, always(r))
		for range 200 {
			host.frames <- make([]byte, 254)
		}
		time.Sleep(5 * time.Minute)
		b.stop()
		before := r.count()
		host.behind, host.state = [][]byte{host.state}, nil
		b = run(t, host, onePer, always(r))
		time.Sleep(5 * time.Minute)
		synctest.Wait()
		b.stop()
		if got := r.count(); got != before {
			t.Errorf("under another name: %d frames more, want none", got-before)
		}
		host.behind, host.state = [][]byte{[]byte("damaged")}, nil
		b = run(t, host, onePer, always(r))
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		b.stop()
		if got := r.count(); got != before {
			t.Errorf("what was left behind is damaged: %d frames more, want none", got-before)
		}
	})
}

func TestRadioDamagedLedgerCountsAsFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, r := newFakeHost(), newFakeRadio()
		host.state = []byte("damaged")
		b := run(t, host, onePer, always(r))
		defer b.stop()
		host.frames <- []byte{1}
		time.Sleep(59 * time.Minute)
		synctest.Wait()
		if r.count() != 0 {
			t.Error("sent within the hour")
		}
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if r.count() != 1 {
			t.Error("not sent after the hour")
		}
	})
}

func TestRadioSendsNothingThatTheDiskDoesNotKnow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, r := newFakeHost(), newFakeRadio()
		host.saveErr = errors.New("no space left on device")
		b := run(t, host, onePer, always(r))
		defer b.stop()
		host.frames <- []byte{1}
		time.Sleep(time.Minute)
		synctest.Wait()
		if r.count() != 0 || !strings.Contains(host.last().Problem, "no space") {
			t.Errorf("got %d frames, health %+v", r.count(), host.last())
		}
		host.mu.Lock()
		host.saveErr = nil
		host.mu.Unlock()
		time.Sleep(saveRetry)
		synctest.Wait()
		if r.count() != 1 || host.last().Problem != "" {
			t.Errorf("with room again: got %d frames, health %+v", r.count(), host.last())
		}
	})
}

func TestRadioReopensAfterUnplug(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		radios, n := []*fakeRadio{newFakeRadio(), newFakeRadio()}, 0
		b := run(t, newFakeHost(), noLimit, func() (*fakeRadio, error) {
			n++
			return radios[n-1], nil
		})
		defer b.stop()
		synctest.Wait()
		close(radios[0].broken)
		synctest.Wait()
		if v := b.host.last(); v.OK || !strings.Contains(v.Problem, "unexpected EOF") || v.Fix == "" {
			t.Errorf("health after the unplug: got %+v", v)
		}
		if !b.host.handle(0).closed || !radios[0].closed {
			t.Error("the port is still up")
		}
		time.Sleep(backoffFirst)
		synctest.Wait()
		if got := b.host.opened(); got != 2 || !b.host.last().OK {
			t.Errorf("got %d ports, health %+v, want 2 and OK", got, b.host.last())
		}
	})
}

// knowing is an error that says what to do.
type knowing struct{}

func (knowing) Error() string  { return "BUSY stays high: check its wire" }
func (knowing) Remedy() string { return "check its wire" }

func TestRadioPassesOnWhatItsDriverAdvises(t *testing.T) {
	for _, c := range []struct {
		err          error
		problem, fix string
	}{
		{fmt.Errorf("lora0: %w", knowing{}), "lora0: BUSY stays high", "check its wire"},
		{errors.New("no answer"), "no answer", radioFix},
	} {
		if problem, fix := split(c.err); problem != c.problem || fix != c.fix {
			t.Errorf("%v: %q and %q, want %q and %q", c.err, problem, fix, c.problem, c.fix)
		}
	}
}

func TestRadioComesBackSoonAfterALongAbsence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start, back := time.Now(), 90*time.Second
		b := run(t, newFakeHost(), noLimit, func() (*fakeRadio, error) {
			if time.Since(start) < back {
				return nil, fmt.Errorf("there is no port: %w", fs.ErrNotExist)
			}
			return newFakeRadio(), nil
		})
		defer b.stop()
		time.Sleep(back + absent)
		synctest.Wait()
		if b.host.opened() != 1 {
			t.Error("not open a second after the port came back")
		}
	})
}

func TestRadioBacksOffWhileThePortDoesNotWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var tries []time.Duration
		start := time.Now()
		b := run(t, newFakeHost(), noLimit, func() (*fakeRadio, error) {
			tries = append(tries, time.Since(start))
			return nil, errors.New("there is no port /dev/ttyUSB0")
		})
		defer b.stop()
		time.Sleep(4 * time.Minute)
		synctest.Wait()
		var want []time.Duration
		for _, s := range []int{0, 1, 3, 7, 15, 31, 63, 123, 183} {
			want = append(want, time.Duration(s)*time.Second)
		}
		if len(tries) < len(want) {
			t.Fatalf("got %v, want %v", tries, want)
		}
		for i := range want {
			if tries[i] != want[i] {
				t.Fatalf("got %v, want %v", tries, want)
			}
		}
	})
}

func TestRadioConfigureRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRadio()
		r.refuse = errors.New("the modem took transmit power 17 instead of 22")
		b := run(t, newFakeHost(), noLimit, always(r))
		defer b.stop()
		synctest.Wait()
		if v := b.host.last(); v.OK || !strings.Contains(v.Problem, "17 instead of 22") || b.host.opened() != 0 {
			t.Errorf("got %+v, %d ports", v, b.host.opened())
		}
		if !r.closed {
			t.Error("the modem is left open")
		}
	})
}

type passing struct{ error }

func (passing) Temporary() bool { return true }

func TestRadioGoesOnAfterAPassingError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newFakeRadio()
		r.failWith(passing{errors.New("its queue is full")})
		b := run(t, newFakeHost(), noLimit, always(r))
		defer b.stop()
		b.host.frames <- []byte{1}
		synctest.Wait()
		if v := b.host.last(); !v.OK || v.Problem != "its queue is full" || b.host.opened() != 1 {
			t.Errorf("got %+v, %d ports", v, b.host.opened())
		}
		r.failWith(errors.New("broken"))
		b.host.frames <- []byte{2}
		synctest.Wait()
		if v := b.host.last(); v.OK || v.Problem != "broken" {
			t.Errorf("a lasting error: got %+v", v)
		}
	})
}

func TestNewRadioRefuses(t *testing.T) {
	good := RadioSpec{Name: "lora0", Open: func(context.Context) (radio.Radio, error) { return nil, nil }, Modulation: testMod, Rule: noLimit}
	for name, change := range map[string]func(*RadioSpec){
		"name":       func(s *RadioSpec) { s.Name = "" },
		"open":       func(s *RadioSpec) { s.Open = nil },
		"region":     func(s *RadioSpec) { s.Rule = phy.Rule{} },
		"modulation": func(s *RadioSpec) { s.Modulation = phy.Modulation{} },
	} {
		s := good
		change(&s)
		if _, err := NewRadio(s); err == nil {
			t.Errorf("without %s: got no error", name)
		}
	}
	if _, err := NewRadio(good); err != nil {
		t.Errorf("a good spec: got %v", err)
	}
}

// metered is a modem that knows its channel.
type metered struct {
	*fakeRadio
	mu      sync.Mutex
	channel radio.ChannelStats
}

func (m *metered) Channel() radio.ChannelStats {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.channel
}

func (m *metered) set(c radio.ChannelStats) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.channel = c
}

func TestRadioTellsOfItsChannel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		host, m := newFakeHost(), &metered{fakeRadio: newFakeRadio(), channel: radio.ChannelStats{Busy: 0.25, NoiseDBm: -117}}
		tr, err := NewRadio(RadioSpec{Name: "lora0", Modulation: testMod, PowerDBm: 14, Rule: noLimit, Open: func(context.Context) (radio.Radio, error) { return m, nil }})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = tr.Run(ctx, host); close(ended) }()
		synctest.Wait()
		if c := host.last().Channel; c == nil || c() != m.channel {
			t.Errorf("health: got %+v", host.last())
		}
		hear := func() { m.in <- radio.Packet{Data: []byte{1}}; synctest.Wait() }
		hear()
		if p := host.last().Problem; p != "" {
			t.Errorf("before anything foreign: %q", p)
		}
		m.set(radio.ChannelStats{Foreign: 3})
		hear()
		if p := host.last().Problem; p != foreignProblem {
			t.Errorf("after foreign packets: %q", p)
		}
		host.frames <- []byte{1}
		time.Sleep(time.Second)
		hear()
		if p := host.last().Problem; p != "" {
			t.Errorf("said again: %q", p)
		}
		cancel()
		<-ended
		if host.last().Channel != nil {
			t.Error("a radio that is gone still tells of its channel")
		}
	})
}
