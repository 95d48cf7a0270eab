package port

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/link"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// tunable is a modem that holds frames, and can refuse a setting.
type tunable struct {
	*fakeRadio
	until  time.Time // what it holds has left then
	asked  []phy.Modulation
	tunes  []time.Time
	refuse map[uint8]error // by spreading factor
}

func (r *tunable) Capabilities() radio.Capabilities {
	c := r.fakeRadio.Capabilities()
	c.Reconfigurable, c.ReportsSNR, c.Retune = true, true, 50*time.Millisecond
	return c
}

func (r *tunable) Configure(_ context.Context, m phy.Modulation, _ int) error {
	r.asked, r.tunes = append(r.asked, m), append(r.tunes, time.Now())
	if err := r.refuse[m.SpreadingFactor]; err != nil {
		return err
	}
	r.mod = m
	return nil
}

func (r *tunable) Transmit(_ context.Context, frame []byte) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent, r.at = append(r.sent, frame), append(r.at, time.Now())
	if now := time.Now(); r.until.Before(now) {
		r.until = now
	}
	r.until = r.until.Add(r.mod.TimeOnAir(len(frame) + 1))
	return nil
}

func (r *tunable) Clear() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.until
}

// ladder is a setting in another sub-band and one in the same, both faster than SF10.
func ladder() []phy.Setting {
	fast, other := testMod, testMod
	other.FrequencyHz = 868_300_000
	return []phy.Setting{
		{Modulation: fast, PowerDBm: 14, Rule: tenPer, Code: [6]byte{1}, NeedsSNRdB: -7.5},
		{Modulation: other, PowerDBm: 10, Rule: onePer, Code: [6]byte{2}, NeedsSNRdB: -3.5, ShiftDB: 4},
	}
}

var tenPer = phy.Rule{Region: "EU868", LowHz: 869_400_000, HighHz: 869_650_000, Kind: phy.DutyCycle, DutyPPM: 100_000}

func slowMod() phy.Modulation {
	m := testMod
	m.SpreadingFactor = 10
	return phy.RNodeModulation(m)
}

func tuned(t *testing.T, r *tunable) (b bench, stop func()) {
	t.Helper()
	host := newFakeHost()
	p, err := NewRadio(RadioSpec{Name: "lora0", Open: func(context.Context) (radio.Radio, error) { return r, nil },
		Modulation: slowMod(), PowerDBm: 14, Rule: tenPer, Ladder: ladder()})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- p.Run(ctx, host) }()
	synctest.Wait()
	return bench{host: host}, func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
	}
}

func TestRadioOffersItsLadder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, stop := tuned(t, &tunable{fakeRadio: newFakeRadio()})
		defer stop()
		up := b.host.ups[0]
		if len(up.Rates) != 2 || up.Retune != 50*time.Millisecond {
			t.Fatalf("got %d rates, retune %v, want 2 and 50ms", len(up.Rates), up.Retune)
		}
		r := up.Rates[1]
		if r.Code != [6]byte{2} || r.MTU != 254 || r.NeedsSNRdB != -3.5 || r.Airtime(254) != testMod.TimeOnAir(255) {
			t.Errorf("the second: got %+v", r)
		}
	})
}

func TestRadioChangesItsSettingWhenTheAirIsClear(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &tunable{fakeRadio: newFakeRadio()}
		b, stop := tuned(t, r)
		defer stop()
		b.host.frames <- make([]byte, 254)
		b.host.frames <- make([]byte, 254)
		synctest.Wait()
		left := r.Clear()
		h := b.host.handle(0)
		h.tune(2)
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(r.tunes) != 2 || r.tunes[1].Before(left) || r.tunes[1].After(left.Add(2*time.Second)) {
			t.Fatalf("configured at %v, want soon after %v, when the frames have left", r.tunes, left)
		}
		if len(h.tuned) != 1 || h.tuned[0] != (link.Tuned{Rate: 2}) {
			t.Errorf("answered %+v, want rate 2", h.tuned)
		}
		if last := h.budget[len(h.budget)-1]; last.PerHour != 36*time.Second || last.Left != 36*time.Second-2*testMod.TimeOnAir(255) {
			t.Errorf("budget there: got %v of %v, want 36s less the two frames that the modem may have held back", last.Left, last.PerHour)
		}
		if all := h.budget[len(h.budget)-1].Accounts; len(all) != 3 || all[0].PerHour != 360*time.Second || all[0].Left != 360*time.Second-2*slowMod().TimeOnAir(255)-phy.JoinGap ||
			all[2].Band == all[0].Band || all[2].PerHour != 36*time.Second {
			t.Errorf("accounts of all settings: got %+v", all)
		}
		r.in <- radio.Packet{Data: []byte("in"), SNRdB: 3, RSSIdBm: -110, HasSignal: true}
		synctest.Wait()
		if got := h.metas[0].SNRdB; got != 7 {
			t.Errorf("an SNR of 3 dB there: got %v, want 7 as on the common setting", got)
		}
		b.host.frames <- make([]byte, 254)
		h.tune(0)
		time.Sleep(time.Minute)
		synctest.Wait()
		if v := b.host.last(); v.AirtimeAllowed != 360*time.Second || v.Band != tenPer.SubBand() {
			t.Errorf("back on the common setting: got %+v", v)
		}
		want := 360*time.Second - 3*slowMod().TimeOnAir(255) - phy.JoinGap // the second followed the first
		if last := h.budget[len(h.budget)-1]; last.Left != want {
			t.Errorf("budget of the common one: got %v, want %v: the other sub-band has an account of its own, but for what may have been held back there", last.Left, want)
		}
	})
}

func TestRadioStaysWhereItWasWhenASettingIsRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &tunable{fakeRadio: newFakeRadio(), refuse: map[uint8]error{7: errors.New("no such thing")}}
		b, stop := tuned(t, r)
		defer stop()
		h := b.host.handle(0)
		h.tune(1)
		synctest.Wait()
		h.tune(7)
		synctest.Wait()
		want := []link.Tuned{{Rate: 1, Failed: true}, {Rate: 7, Failed: true}}
		if len(h.tuned) != 2 || h.tuned[0] != want[0] || h.tuned[1] != want[1] {
			t.Errorf("answered %+v, want %+v", h.tuned, want)
		}
		if r.mod.SpreadingFactor != 10 || b.host.opened() != 1 {
			t.Errorf("the modem is at %v on port %d, want SF10 and still the first", r.mod, b.host.opened())
		}
	})
}

// leaving is a modem that holds a frame and shall change to another setting.
func leaving(t *testing.T) (r *tunable, h *fakeHandle, stop func()) {
	t.Helper()
	r = &tunable{fakeRadio: newFakeRadio()}
	b, stop := tuned(t, r)
	b.host.frames <- make([]byte, 254)
	synctest.Wait()
	h = b.host.handle(0)
	h.tune(2)
	return r, h, stop
}

// Others keep the channel busy: what the modem holds leaves later than it thought, and counts from then on in the band in which it
// leaves. The setting changes after that.
func TestRadioWaitsForWhatItsModemStillHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, h, stop := leaving(t)
		defer stop()
		synctest.Wait()
		r.mu.Lock()
		r.until = r.until.Add(10 * time.Second)
		left := r.until
		r.mu.Unlock()
		time.Sleep(20 * time.Second)
		h.tune(0)
		time.Sleep(time.Second)
		synctest.Wait()
		if len(r.tunes) != 3 || r.tunes[1].Before(left) {
			t.Fatalf("configured at %v, want it after %v, when the frame has left, and again", r.tunes, left)
		}
		refunds := h.budget[len(h.budget)-1].Refunds
		if len(refunds) != 1 || refunds[0].At.Before(left.Add(time.Hour)) {
			t.Errorf("counted as %+v, want it until an hour after %v", refunds, left)
		}
	})
}

// A modem that goes on holding frames keeps its setting, and the link may try again.
func TestRadioStaysWhileItsModemHoldsFrames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, h, stop := leaving(t)
		defer stop()
		for range 60 {
			time.Sleep(time.Second)
			r.mu.Lock()
			r.until = time.Now().Add(3 * time.Second)
			r.mu.Unlock()
		}
		synctest.Wait()
		if len(r.tunes) != 1 || len(h.tuned) != 1 || h.tuned[0] != (link.Tuned{Rate: 2, Failed: true}) {
			t.Errorf("configured %d times, answered %+v; want once, at the start, and failed", len(r.tunes), h.tuned)
		}
	})
}

// The common setting is used up: the link may still go to another band.
func TestRadioChangesItsSettingWhileTheLawBlocksIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &tunable{fakeRadio: newFakeRadio()}
		b, stop := tuned(t, r)
		defer stop()
		for range 300 {
			b.host.frames <- make([]byte, 254)
		}
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		for len(b.host.frames) > 0 {
			<-b.host.frames
		}
		before := r.count()
		h := b.host.handle(0)
		h.tunes <- 2
		time.Sleep(time.Second)
		b.host.frames <- make([]byte, 254)
		time.Sleep(time.Second)
		synctest.Wait()
		if got := r.count() - before; got != 1 || !b.host.last().BlockedUntil.IsZero() {
			t.Errorf("sent %d frames on the other band, blocked until %v, want 1 and not blocked", got, b.host.last().BlockedUntil)
		}
	})
}
