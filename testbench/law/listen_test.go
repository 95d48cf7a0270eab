//go:build linux

package law

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	board "packhorse/board/sim"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/chip"
	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	"packhorse/radio/sim"
	"packhorse/radio/sx127x"
)

// ears is an air of chips that remembers all that was on it.
type ears struct {
	*sim.Air
	sent [2][]transmission
}

func (e *ears) Emit(now time.Time, station int, w phy.Wave, powerDBm int, data []byte) (time.Time, error) {
	end, err := e.Air.Emit(now, station, w, powerDBm, data)
	if err == nil {
		e.sent[station] = append(e.sent[station], transmission{start: now, end: end, hz: w.FrequencyHz})
	}
	return end, err
}

func (e *ears) Quit(now time.Time, station int) {
	if n := len(e.sent[station]); n > 0 && e.sent[station][n-1].end.After(now) {
		e.sent[station][n-1].end = now
	}
	e.Air.Quit(now, station)
}

// reaction is how long after the end of its listening a station may begin: the frame goes to the chip, and the chip starts.
const reaction = 5 * time.Millisecond

// judge holds every transmission of station 0 against the law of listening: nobody was heard in the time before it, it is not too
// long, and it comes after the rest.
func (e *ears) judge(r phy.Rule, boot time.Time) error {
	last := boot
	for i, t := range e.sent[0] {
		for _, other := range e.sent[1] {
			if other.start.Before(t.start.Add(-reaction)) && other.end.After(t.start.Add(-r.Sensing.For)) {
				return fmt.Errorf("transmission %d began at %v although another was on the air from %v to %v", i, t.start.Sub(boot), other.start.Sub(boot), other.end.Sub(boot))
			}
		}
		if rest := t.start.Sub(last); i > 0 && rest < r.Sensing.Rest {
			return fmt.Errorf("transmission %d began %v after the last one, the law wants %v", i, rest, r.Sensing.Rest)
		}
		if long := t.end.Sub(t.start); long > r.MaxTransmit {
			return fmt.Errorf("transmission %d took %v, the law allows %v", i, long, r.MaxTransmit)
		}
		last = t.end
	}
	return nil
}

// openSX1276 is a chip of the rig behind its driver and the shell of chips.
func openSX1276(ctx context.Context, c *board.SX127x, chance *rand.Rand) (radio.Radio, error) {
	d, err := sx127x.New(c.Open(), chip.Pins{Reset: c.Reset, IRQ: c.DIO0}, sx127x.Opts{})
	if err != nil {
		return nil, err
	}
	r, err := chip.Open(ctx, d, c.DIO0, chip.Opts{})
	if err != nil {
		return nil, err
	}
	return rnode.Compatible(r, chance), nil
}

// shouting is a station that keeps the channel busy now and then, whoever else talks.
func (e *ears) shouting(ctx context.Context, rig *board.Rig, rng *rand.Rand, m phy.Modulation) {
	for ctx.Err() == nil {
		select {
		case <-time.After(time.Duration(rng.Int64N(int64(3 * time.Second)))):
		case <-ctx.Done():
			return
		}
		n := 1 + rng.IntN(255)
		rig.Do(ctx, func(now time.Time) {
			_, _ = e.Emit(now, 1, phy.Wave{Modulation: m, SyncWord: 0x77, CRC: true}, 10, make([]byte, n))
		})
	}
}

// TestAChipListensAsTheLawWants runs the product's transport and the SX1276 driver beside a station that talks without listening, in a
// modulation that the chip understands or not: then only energy tells.
func TestAChipListensAsTheLawWants(t *testing.T) {
	for _, c := range []struct {
		region string
		hz     uint32
		alien  bool
	}{{"JP920", 921_000_000, false}, {"JP920", 921_000_000, true}, {"JP920", 925_000_000, true}, {"KR920", 923_100_000, true}} {
		synctest.Test(t, func(t *testing.T) {
			m := phy.RNodeModulation(phy.Modulation{FrequencyHz: c.hz, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8})
			g, err := phy.LookupRegion(c.region)
			if err != nil {
				t.Fatal(err)
			}
			rule, err := g.Rule(m, phy.Power{ConductedDBm: 5, AntennaDBi: phy.DipoleDBi})
			if err != nil {
				t.Fatal(err)
			}
			air, err := sim.New(sim.Config{Seed: 1, Stations: []sim.Station{{Modem: sim.Chip}, {Modem: sim.Chip}}})
			if err != nil {
				t.Fatal(err)
			}
			air.SetLink(0, 1, 60)
			e := &ears{Air: air}
			rig, err := board.NewRig(e, "")
			if err != nil {
				t.Fatal(err)
			}
			seat, err := rig.AddSX127x(0, board.SX127xOpts{})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cancel := context.WithCancel(context.Background())
			ended := make(chan struct{}, 3)
			go func() { _ = rig.Run(ctx); ended <- struct{}{} }()
			shout := m
			if c.alien {
				shout.SpreadingFactor, shout.BandwidthHz = 10, 62_500
			}
			go func() { e.shouting(ctx, rig, rand.New(rand.NewPCG(7, 7)), shout); ended <- struct{}{} }()
			boot, h := time.Now(), &host{rng: rand.New(rand.NewPCG(1, 2))}
			tr, err := port.NewRadio(port.RadioSpec{Name: "lora0", Modulation: m, PowerDBm: 5, Rule: rule, Rand: rand.New(rand.NewPCG(3, 4)),
				Open: func(ctx context.Context) (radio.Radio, error) {
					return openSX1276(ctx, seat, rand.New(rand.NewPCG(5, 6)))
				}})
			if err != nil {
				t.Fatal(err)
			}
			life, stop := context.WithCancel(ctx)
			go func() { _ = tr.Run(life, h); ended <- struct{}{} }()
			time.Sleep(90 * time.Second)
			stop()
			<-ended
			cancel()
			<-ended
			<-ended
			if err := e.judge(rule, boot); err != nil {
				t.Errorf("%s: %v", c.region, err)
			}
			if len(e.sent[0]) < 20 || len(e.sent[1]) < 20 {
				t.Errorf("%s: %d transmissions beside %d: the test proves nothing", c.region, len(e.sent[0]), len(e.sent[1]))
			}
			t.Logf("%s: %d transmissions beside %d", c.region, len(e.sent[0]), len(e.sent[1]))
			if v := seat.Violations(); len(v) > 0 {
				t.Errorf("%s: the chip was mistreated: %v", c.region, v)
			}
		})
	}
}
