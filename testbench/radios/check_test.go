//go:build linux

package radios

import (
	"strings"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

// check is one promise that every driver makes.
type check struct {
	name string
	// for tells whether a kind of radio can be held to it; nil: all can.
	can func(kind) bool
	do  func(b *bench)
}

func isChip(k kind) bool { return k.station == sim.Chip }

func hasBusy(k kind) bool {
	return isChip(k) && k.name[:4] != "sx12" || len(k.name) > 5 && k.name[:5] == "sx126"
}

// checks are the suite.
var checks = []check{
	{"every setting", nil, everySetting},
	{"every length", nil, everyLength},
	{"damage on the air", isChip, damage},
	{"lost interrupts", isChip, lostInterrupts},
	{"brown-out while sending", isChip, brownOut},
	{"unplug and replug", isChip, unplug},
	{"the buffer wraps", nil, wrap},
	{"sensing", isChip, sense},
	{"power", isChip, power},
	{"weak signals", isChip, weak},
	{"stuck BUSY", hasBusy, stuckBusy},
}

// longest is the most octets that both radios carry at a setting.
func (b *bench) longest() int {
	return min(b.radios[0].Capabilities().MaxFrame, b.radios[1].Capabilities().MaxFrame)
}

// everySetting passes the shortest and the longest frame each way at all settings that both radios have.
func everySetting(b *bench) {
	b.Helper()
	draw := random("settings")
	for _, m := range common(b.kinds[0].settings, b.kinds[1].settings) {
		for i := range b.kinds {
			b.configure(i, m)
		}
		for from := range b.kinds {
			for _, n := range []int{1, b.longest()} {
				if !b.pass(from, content(draw, n), limit(m, b.longest())) {
					b.Fatalf("at %v", m)
				}
			}
		}
	}
}

func common(x, y []phy.Modulation) (both []phy.Modulation) {
	in := map[phy.Modulation]bool{}
	for _, m := range y {
		in[m] = true
	}
	for _, m := range x {
		if in[m] {
			both = append(both, m)
		}
	}
	return both
}

// everyLength passes a frame of each length, by turns from either side.
func everyLength(b *bench) {
	b.Helper()
	draw := random("lengths")
	for n := 1; n <= b.longest(); n++ {
		b.pass(n%2, content(draw, n), limit(b.kinds[0].common, b.longest()))
	}
}

// damage: what is wrong, or has no checksum, never comes up, and the next good frame does.
func damage(b *bench) {
	b.Helper()
	draw := random("damage")
	for at := range b.kinds {
		for _, injury := range []sim.Injury{sim.WrongChecksum, sim.BadHeader, sim.NoChecksum, sim.Missed, sim.WrongChecksum, sim.WrongChecksum} {
			b.rig.Do(b.ctx, func(time.Time) { b.air.Injure(at, injury) })
			if err := b.send(1-at, content(draw, 40)); err != nil {
				b.Errorf("send: %v", err)
			}
			b.silent(at, time.Second)
			b.pass(1-at, content(draw, 40), patience)
		}
	}
}

// lostInterrupts: edges that nobody saw cost time and no frame.
func lostInterrupts(b *bench) {
	b.Helper()
	draw := random("interrupts")
	for i := range 20 {
		b.dev[i%2].loseIRQ(1)
		b.pass(i/2%2, content(draw, 1+draw.IntN(b.longest())), patience)
	}
}

// brownOut: a chip that starts anew while it sends loses that frame at most, says so or sends it again, and works on.
func brownOut(b *bench) {
	b.Helper()
	draw := random("brown-out")
	for from := range b.kinds {
		for range 5 {
			frame := content(draw, 200)
			sent := make(chan error, 1)
			go func() { sent <- b.send(from, frame) }()
			time.Sleep(b.kinds[0].common.TimeOnAir(200) / 2)
			b.dev[from].brownOut()
			err := <-sent
			p, missing := b.receive(1-from, 10*time.Second)
			switch {
			case err == nil && missing != nil:
				b.Errorf("%s lost a frame in a brown-out and did not say so", b.kinds[from].name)
			case missing == nil && string(p.Data) != string(frame):
				b.Errorf("%s received %x", b.kinds[1-from].name, p.Data)
			}
			b.pass(from, content(draw, 60), patience)
			b.pass(1-from, content(draw, 60), patience)
		}
	}
}

// unplug: a radio that is pulled out says so in time, and works again when it is back and opened anew.
func unplug(b *bench) {
	b.Helper()
	draw := random("unplug")
	for i := range b.kinds {
		b.dev[i].unplug()
		if p, err := b.receive(i, time.Hour); err == nil || b.ctx.Err() != nil {
			b.Errorf("%s without its chip received %x", b.kinds[i].name, p.Data)
		}
		if err := b.send(i, content(draw, 10)); err == nil {
			b.Errorf("%s without its chip sends", b.kinds[i].name)
		}
		_ = b.radios[i].Close()
		b.radios[i] = nil
		b.dev[i].replug()
		b.open(i)
		b.pass(i, content(draw, 100), patience)
		b.pass(1-i, content(draw, 100), patience)
	}
}

// wrap: frames follow each other without a pause that would rewind a receiver's buffer, and none is read askew.
func wrap(b *bench) {
	b.Helper()
	draw := random("wrap")
	n := min(100, b.longest())
	for i := range 40 {
		b.pass(i/20, content(draw, n-i%7), patience)
	}
}

// sense: a radio that owns its medium access hears the other one send, and silence, and receives all the same.
func sense(b *bench) {
	b.Helper()
	draw := random("sense")
	for at, r := range b.radios {
		sensor, ok := r.(radio.Sensor)
		if !ok {
			b.Fatalf("%s cannot listen", b.kinds[at].name)
		}
		for _, law := range []phy.Sensing{{}, {For: 5 * time.Millisecond, BelowDBm: -80}} {
			if busy, err := sensor.Sense(b.ctx, law); err != nil || busy {
				b.Errorf("%s finds silence busy: %v, %v (%v)", b.kinds[at].name, busy, err, law)
			}
			frame, sent := content(draw, 200), make(chan error, 1)
			go func() { sent <- b.send(1-at, frame) }()
			time.Sleep(b.kinds[0].common.TimeOnAir(200) / 2)
			if busy, err := sensor.Sense(b.ctx, law); err != nil || !busy {
				b.Errorf("%s does not hear the other one: %v, %v (%v)", b.kinds[at].name, busy, err, law)
			}
			if err := <-sent; err != nil {
				b.Errorf("send: %v", err)
			}
			if p, err := b.receive(at, patience); err != nil || string(p.Data) != string(frame) {
				b.Errorf("%s listened and lost the frame: %v", b.kinds[at].name, err)
			}
		}
	}
}

// power: what leaves the chip is what was asked for, at every level.
func power(b *bench) {
	b.Helper()
	for i := range b.kinds {
		for dBm := 2; dBm <= b.kinds[i].powerDBm; dBm += 3 {
			if err := b.radios[i].Configure(b.ctx, b.kinds[i].common, dBm); err != nil {
				b.Errorf("%s to %d dBm: %v", b.kinds[i].name, dBm, err)
				continue
			}
			if err := b.send(i, []byte("power")); err != nil {
				b.Errorf("send: %v", err)
			}
			if got := b.dev[i].dBm(); got != dBm {
				b.Errorf("%s was to send with %d dBm and sends with %d", b.kinds[i].name, dBm, got)
			}
			if _, err := b.receive(1-i, patience); err != nil {
				b.Errorf("%d dBm: %v", dBm, err)
			}
		}
	}
}

// weak: below the noise a radio tells the strength of the signal and not of the noise, and below its limit it hears nothing.
func weak(b *bench) {
	b.Helper()
	slow := b.kinds[0].common
	slow.SpreadingFactor, slow.BandwidthHz = 9, 125_000
	for i := range b.kinds {
		b.configure(i, slow)
	}
	floor := phy.NoiseFloorDBm(slow.BandwidthHz)
	for _, snr := range []float64{-4, -10} {
		b.path(float64(b.kinds[0].powerDBm) - floor - snr)
		for from := range b.kinds {
			if err := b.send(from, []byte("weak")); err != nil {
				b.Errorf("send: %v", err)
			}
			p, err := b.receive(1-from, patience)
			if err != nil || p.SNRdB < snr-1 || p.SNRdB > snr+1 || p.RSSIdBm < floor+snr-3 || p.RSSIdBm > floor+snr+3 {
				b.Errorf("%s hears %.1f dBm, %.1f dB (%v), want %.1f dBm, %.0f dB", b.kinds[1-from].name, p.RSSIdBm, p.SNRdB, err, floor+snr, snr)
			}
		}
	}
	b.path(float64(b.kinds[0].powerDBm) - floor + 15)
	if err := b.send(0, []byte("too weak")); err != nil {
		b.Errorf("send: %v", err)
	}
	b.silent(1, time.Minute)
}

// path sets the loss between the two.
func (b *bench) path(dB float64) {
	b.rig.Do(b.ctx, func(time.Time) { b.air.SetLink(0, 1, dB) })
}

// stuckBusy: a chip that stays busy is reset or given up, and the error names the line.
func stuckBusy(b *bench) {
	b.Helper()
	b.dev[0].stickBusy(true)
	err := b.send(0, []byte("stuck"))
	if err == nil {
		b.Errorf("%s sends although it is stuck", b.kinds[0].name)
	}
	if _, err := b.receive(0, time.Hour); err == nil || !strings.Contains(err.Error(), "BUSY") {
		b.Errorf("%s: %v does not name BUSY", b.kinds[0].name, err)
	}
	_ = b.radios[0].Close()
	b.radios[0] = nil
	b.dev[0].stickBusy(false)
	b.open(0)
	b.pass(0, []byte("free again"), patience)
}
