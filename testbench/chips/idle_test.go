//go:build linux

package chips

import (
	"context"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/link"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/phy"
)

// What an idle radio may cost. Each wakeup of a processor costs energy, however little is done then.
const (
	mostWakeups   = 2.0  // a second: ends of waits for the radio
	mostTransfers = 12.0 // a second, over SPI or to the serial line
)

// silent is a gateway's shell that has nothing to say, and mute is its port.
type silent struct{ talker }

type mute struct{}

func (h *silent) Open(link.PortUp) port.Handle { return mute{} }

func (mute) Next(ctx context.Context) ([]byte, error) {
	<-ctx.Done()
	return nil, ctx.Err()
}

func (mute) Frame([]byte, link.Meta) {}
func (mute) Tunes() <-chan int       { return nil }
func (mute) Tuned(int, bool)         {}
func (mute) Budget(link.PortBudget)  {}
func (mute) Clear(time.Time)         {}
func (mute) Close()                  {}

// idleFor says how often something was woken a second, and how often it said something to the radio.
func idleFor(d time.Duration, t *tap) (wakeups, transfers float64) {
	w, x := t.waits.Load(), t.transfers.Load()
	time.Sleep(d)
	return float64(t.waits.Load()-w) / d.Seconds(), float64(t.transfers.Load()-x) / d.Seconds()
}

// TestIdleRadiosLetTheProcessorSleep counts for an hour what each driver is woken for when nothing is on the air, alone and
// below a port with nothing to send.
func TestIdleRadiosLetTheProcessorSleep(t *testing.T) {
	for _, k := range idlers() {
		for _, ported := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				var counts tap
				rig, s, err := k.rig("")
				if err != nil {
					t.Fatal(err)
				}
				ctx, stop := context.WithCancel(context.Background())
				ended := make(chan struct{}, 2)
				go func() { _ = rig.Run(ctx); ended <- struct{}{} }()
				dial := func(ctx context.Context) (radio.Radio, error) {
					var line io.ReadWriteCloser
					if k.serial != nil {
						line = rig.Dial(0)
					}
					return k.open(ctx, rig, s, line, &counts)
				}
				life, die := context.WithCancel(ctx)
				h := &silent{}
				go func() {
					if ported {
						h.run(t, life, k, dial)
					} else {
						listen(t, life, k, dial)
					}
					ended <- struct{}{}
				}()
				time.Sleep(5 * time.Minute)
				wakeups, transfers := idleFor(time.Hour, &counts)
				t.Logf("%s (below a port: %v): %.2f wakeups and %.2f transfers a second", k.name, ported, wakeups, transfers)
				if counts.waits.Load()+counts.transfers.Load() == 0 || ported && !h.works {
					t.Errorf("%s (below a port: %v) did not work", k.name, ported)
				}
				if wakeups > mostWakeups || transfers > mostTransfers {
					t.Errorf("%s (below a port: %v): %.2f wakeups and %.2f transfers a second, want %v and %v at most", k.name, ported, wakeups, transfers, mostWakeups, mostTransfers)
				}
				die()
				<-ended
				stop()
				<-ended
			})
		}
	}
}

// listen receives until ctx ends.
func listen(t *testing.T, ctx context.Context, k idler, dial func(context.Context) (radio.Radio, error)) {
	r, err := dial(ctx)
	if err == nil {
		defer r.Close()
		err = r.Configure(ctx, k.mod, k.powerDBm)
	}
	if err == nil {
		_, err = r.Receive(ctx)
	}
	if ctx.Err() == nil {
		t.Errorf("%s: %v", k.name, err)
	}
}

// run is a port on the radio until ctx ends.
func (h *silent) run(t *testing.T, ctx context.Context, k idler, dial func(context.Context) (radio.Radio, error)) {
	tr, err := port.NewRadio(port.RadioSpec{Name: "radio0", Modulation: k.mod, PowerDBm: k.powerDBm, Rule: phy.Rule{Region: "test"}, Open: dial})
	if err != nil {
		t.Error(err)
		return
	}
	_ = tr.Run(ctx, h)
}

// TestIdleGatewaysLetTheProcessorSleep counts for two whole gateways that are in touch and have nothing to say.
func TestIdleGatewaysLetTheProcessorSleep(t *testing.T) {
	play(t, plan{seed: 1, kinds: []kind{sx1276, sx1262}}, func(r *road) {
		for _, g := range r.nodes {
			g.kill()
			g.seat.tap = new(tap)
			g.start()
		}
		time.Sleep(10 * time.Minute)
		air := r.airtime()
		a, b := r.nodes[0].seat.tap, r.nodes[1].seat.tap
		others, transfers := b.waits.Load(), b.transfers.Load()
		wa, xa := idleFor(time.Hour, a)
		wb, xb := float64(b.waits.Load()-others)/3600, float64(b.transfers.Load()-transfers)/3600
		t.Logf("%v: %.2f wakeups and %.2f transfers a second; %v: %.2f and %.2f; %.1f s of airtime in an hour", r.kinds[0], wa, xa, r.kinds[1], wb, xb, (r.airtime() - air).Seconds())
		if max(wa, wb) > mostWakeups || max(xa, xb) > mostTransfers {
			t.Errorf("want %v and %v at most", mostWakeups, mostTransfers)
		}
		if r.airtime() == air {
			t.Error("nothing was on the air: the gateways are not in touch")
		}
	})
}
