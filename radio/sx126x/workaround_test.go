package sx126x

import (
	"slices"
	"testing"
	"time"

	"packhorse/radio/phy"
)

// Section 15.1: bit 2 of 0x0889 before every packet. The fake turns it over with each transmission.
func TestTheModulationIsShapedBeforeEveryPacket(t *testing.T) {
	for _, hz := range []uint32{7812, 10416, 15625, 20833, 31250, 41666, 62500, 125000, 250000, 500000} {
		m := sf7
		m.BandwidthHz = hz
		configured(t, crystalBoard, m, 14, func(t *testing.T, f *fake, d *Driver) {
			want := byte(4)
			if hz == 500_000 {
				want = 0
			}
			for n := range 2 {
				must(t, d.Transmit([]byte{1}))
				if got := f.lastStart().regs[0x0889] & 4; got != want {
					t.Errorf("%d Hz, packet %d: bit 2 of 0x0889 is %X, want %X", hz, n, got, want)
				}
				f.end(irqTxDone)
			}
			before := f.regs[0x0889]
			must(t, d.Receive())
			if f.regs[0x0889] != before {
				t.Error("0x0889 was touched before a reception")
			}
		})
	}
}

// Section 15.2: 0x08D8 |= 1E before the large amplifier is set, after each reset.
func TestTheLargeAmplifierResistsAMismatchedAntenna(t *testing.T) {
	for _, model := range []Model{SX1262, SX1268, LLCC68, SX1261} {
		m := sf7
		m.FrequencyHz = 433_000_000
		bench(t, Opts{Model: model}, func(t *testing.T, f *fake, d *Driver) {
			for n := range 2 {
				must(t, d.Configure(m, 14))
				want := byte(0xDE)
				if model == SX1261 {
					want = 0xC8
				}
				if got := f.regs[0x08D8]; got != want {
					t.Errorf("%v, reset %d: 0x08D8 is %X, want %X", model, n, got, want)
				}
				clamp, pa := slices.Index(f.log, "0D08D8DE"), slices.IndexFunc(f.log, func(c string) bool { return c[:2] == "95" })
				if model != SX1261 && clamp > pa {
					t.Errorf("%v: the clamp was set after the amplifier", model)
				}
				must(t, d.Reset(t.Context()))
			}
		})
	}
}

// Section 15.3: the timer is stopped in standby after receptions with a time limit and without headers, and only then.
func TestTheTimerOfImplicitReceptionsIsStopped(t *testing.T) {
	implicit := phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate, Implicit: true, Length: 16, CRC: true}
	explicit := phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate, CRC: true}
	for _, tc := range []struct {
		name  string
		wave  phy.Wave
		limit time.Duration
		flags uint16
		want  bool
	}{
		{"ran out", implicit, time.Second, irqTimeout, true},
		{"received", implicit, time.Second, irqRxDone, true},
		{"broken off", implicit, time.Second, 0, true},
		{"no limit", implicit, 0, irqRxDone, false},
		{"header", explicit, time.Second, irqTimeout, false},
	} {
		configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
			must(t, d.SetWave(tc.wave))
			if tc.limit > 0 {
				must(t, d.ReceiveFor(tc.limit))
			} else {
				must(t, d.Receive())
			}
			if tc.flags != 0 && tc.limit > 0 {
				f.end(tc.flags)
			}
			if tc.flags != 0 {
				if e := event(t, d); e.TimedOut != (tc.flags == irqTimeout) {
					t.Errorf("%s: TimedOut %v", tc.name, e.TimedOut)
				}
			}
			f.regs[0x0944] |= 0x40 // not ours
			must(t, d.Receive())
			if got := f.sent("0D0902 00") && f.regs[0x0944]&2 != 0; got != tc.want {
				t.Errorf("%s: timer stopped: %v, want %v", tc.name, got, tc.want)
			}
		})
	}
}

// Section 15.4: bit 2 of 0x0736 after SetPacketParams. The fake's sets it.
func TestInvertedIQIsSetAfterThePacketParameters(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		for _, inverted := range []bool{false, true, false} {
			must(t, d.SetWave(phy.Wave{Modulation: sf7, SyncWord: phy.SyncPrivate, CRC: true, Inverted: inverted}))
			must(t, d.Transmit([]byte{1, 2}))
			wantIQ(t, f, inverted)
			f.end(irqTxDone)
			must(t, d.Receive())
			wantIQ(t, f, inverted)
		}
	})
}

func wantIQ(t *testing.T, f *fake, inverted bool) {
	t.Helper()
	want, param := byte(0x0D), byte(0)
	if inverted {
		want, param = 0x09, 1
	}
	s := f.lastStart()
	if s.regs[0x0736] != want || s.last[opPacketParams][5] != param {
		t.Errorf("inverted %v: 0x0736 is %02X with parameter %d, want %02X with %d", inverted, s.regs[0x0736], s.last[opPacketParams][5], want, param)
	}
}

// A standard IQ is set, not hoped for.
func TestStandardIQIsRestored(t *testing.T) {
	configured(t, crystalBoard, sf7, 14, func(t *testing.T, f *fake, d *Driver) {
		f.ignore[opPacketParams] = true
		f.regs[0x0736] = 0x09
		must(t, d.Receive())
		if f.regs[0x0736] != 0x0D {
			t.Errorf("0x0736 is %02X, want 0D", f.regs[0x0736])
		}
	})
}

func TestTheGainIsSetAndKeptInSleep(t *testing.T) {
	bench(t, crystalBoard, func(t *testing.T, f *fake, d *Driver) {
		if f.regs[0x08AC] != 0x96 || f.regs[0x029F] != 1 || f.regs[0x02A0] != 0x08 || f.regs[0x02A1] != 0xAC {
			t.Errorf("boosted gain: %02X, kept %02X %02X%02X, want 96, 01 08AC", f.regs[0x08AC], f.regs[0x029F], f.regs[0x02A0], f.regs[0x02A1])
		}
	})
	bench(t, Opts{PowerSavingGain: true}, func(t *testing.T, f *fake, d *Driver) {
		if !f.sent("0D08AC94") {
			t.Error("the power saving gain was not set")
		}
	})
}
