package sim

import (
	"bytes"
	"testing"
	"time"
)

func TestSX126xViolations(t *testing.T) {
	sendNow := func(h *host126) { h.do(opSetTx, 0, 0, 0) }
	listenNow := func(h *host126) { h.do(opSetRx, 0xFF, 0xFF, 0xFF) }
	for _, c := range []struct {
		text string
		o    SX126xOpts
		p    setup126
		do   func(h *host126)
	}{
		{"SetTx without SetPaConfig", SX126xOpts{}, setup126{skip: map[byte]bool{opSetPaConfig: true}}, sendNow},
		{"SetTx without SetTxParams", SX126xOpts{}, setup126{skip: map[byte]bool{opSetTxParams: true}}, sendNow},
		{"SetTx without SetRfFrequency", SX126xOpts{}, setup126{skip: map[byte]bool{opSetRfFrequency: true}}, sendNow},
		{"SetRx without SetModulationParams", SX126xOpts{}, setup126{skip: map[byte]bool{opSetModulationParams: true}}, listenNow},
		{"SetCad without SetCadParams", SX126xOpts{}, setup126{}, func(h *host126) { h.do(opSetCad) }},
		{"length in SetPacketParams is 0", SX126xOpts{}, setup126{}, func(h *host126) { h.do(h.packet(0)...); sendNow(h) }},
		{"bit 2 of 0x0889 is wrong", SX126xOpts{}, setup126{}, func(h *host126) { h.write(regTxModulation, 0x01); sendNow(h) }},
		{"bit 2 of 0x0889 is wrong", SX126xOpts{}, setup126{bw: 6, sf: 7}, func(h *host126) { h.write(regTxModulation, 0x05); sendNow(h) }},
		{"0x0889 was neither written nor read", SX126xOpts{}, setup126{}, func(h *host126) { h.do(opSetModulationParams, 8, 4, 1, 0); sendNow(h) }},
		{"0x08D8 are not set", SX126xOpts{}, setup126{}, func(h *host126) { h.write(regTxClamp, 0xC8); sendNow(h) }},
		{"0x0736 does not fit", SX126xOpts{}, setup126{}, func(h *host126) { h.write(regIQPolarity, 0x09); sendNow(h) }},
		{"0x0736 does not fit", SX126xOpts{}, setup126{invert: true}, func(h *host126) { h.write(regIQPolarity, 0x0D); listenNow(h) }},
		{"DIO1 is high and cannot rise", SX126xOpts{}, setup126{}, func(h *host126) {
			h.do(append([]byte{opSetRx}, micros(1000)...)...)
			h.awaitDIO1(time.Second)
			listenNow(h)
		}},
		{"low data rate optimisation", SX126xOpts{}, setup126{}, func(h *host126) { h.do(opSetModulationParams, 12, 4, 1, 0); listenNow(h) }},
		{"preamble of 4 symbols at SF7", SX126xOpts{}, setup126{preamble: 4}, listenNow},
		{"preamble of 8 symbols at SF5", SX126xOpts{}, setup126{sf: 5, bw: 4, preamble: 8}, listenNow},
		{"low nibbles are 4", SX126xOpts{}, setup126{}, func(h *host126) { h.write(regSyncWord, 0x12); listenNow(h) }},
		{"image is calibrated for 902 to 928", SX126xOpts{}, setup126{skip: map[byte]bool{opCalibrateImage: true}}, listenNow},
		{"without Calibrate", SX126xOpts{TCXOVolts: 1.8}, setup126{tcxo: true, skip: map[byte]bool{opCalibrate: true}}, listenNow},
		{"with device errors 0020", SX126xOpts{TCXOVolts: 1.8}, setup126{tcxo: true, skip: map[byte]bool{opClearDeviceErrors: true}}, listenNow},
		{"oscillator does not run", SX126xOpts{}, setup126{tcxo: true}, listenNow},
		{"oscillator does not run", SX126xOpts{TCXOVolts: 1.8}, setup126{}, sendNow},
		{"antenna switch is on the wrong side", SX126xOpts{DIO2Switch: true}, setup126{}, sendNow},
		{"antenna switch is on the wrong side", SX126xOpts{RxEnable: true}, setup126{}, listenNow},
		{"ruins an SX1262", SX126xOpts{}, setup126{pa: []byte{7, 7, 0, 1}}, sendNow},
		{"for another chip than an SX1262", SX126xOpts{}, setup126{pa: []byte{4, 0, 1, 1}}, sendNow},
		{"an SX1262 has no 23 dBm", SX126xOpts{}, setup126{power: 23}, sendNow},
		{"an SX1261 has no 15 dBm", SX126xOpts{Model: SX1261}, setup126{power: 15}, sendNow},
		{"an LLCC68 has no SF12", SX126xOpts{Model: LLCC68}, setup126{sf: 12, bw: 4}, sendNow},
		{"packet type is not LoRa", SX126xOpts{}, setup126{skip: map[byte]bool{opSetPacketType: true}}, sendNow},
		{"SetModulationParams in mode RX", SX126xOpts{}, setup126{}, func(h *host126) { listenNow(h); h.do(opSetModulationParams, 8, 4, 1, 0) }},
		{"WriteRegister in mode RX", SX126xOpts{}, setup126{}, func(h *host126) { listenNow(h); h.write(regSyncWord, 0x34) }},
		{"WriteBuffer in mode TX", SX126xOpts{}, setup126{}, func(h *host126) { sendNow(h); h.do(opWriteBuffer, 0, 1) }},
		{"Calibrate in mode STDBY_XOSC", SX126xOpts{}, setup126{}, func(h *host126) { h.do(opSetStandby, 1); h.do(opCalibrate, 0x7F) }},
		{"opcode 9F, which there is not", SX126xOpts{}, setup126{}, func(h *host126) { h.do(0x9F, 1) }},
		{"SetRx with 2 octets", SX126xOpts{}, setup126{}, func(h *host126) { h.do(opSetRx, 0, 0) }},
		{"register 2000", SX126xOpts{}, setup126{}, func(h *host126) { h.write(0x2000, 1) }},
		{"version text", SX126xOpts{}, setup126{}, func(h *host126) { h.write(regVersion, 1) }},
		{"there is no such detection", SX126xOpts{}, setup126{}, func(h *host126) { h.do(opSetCadParams, 9, 0, 0, 0, 0, 0, 0) }},
		{"there is no such packet", SX126xOpts{}, setup126{}, func(h *host126) { h.do(opSetPacketParams, 0, 8, 2, 1, 1, 0) }},
		{"timer of the last reception was not stopped", SX126xOpts{}, setup126{}, func(h *host126) {
			h.c.ghost = h.b.now.Add(time.Second)
			listenNow(h)
		}},
	} {
		h := newBench126(t, c.o).hosts[0].setup(c.p)
		c.do(h)
		h.ready()
		wantViolation(t, h, c.text)
	}
}

func TestSX126xViolationsAreBounded(t *testing.T) {
	h := newBench126(t, SX126xOpts{}).hosts[0]
	for i := range 2 * sx6Violations {
		h.do(append([]byte{0x55}, make([]byte, i)...)...)
	}
	if len(h.c.violations) != 1 {
		t.Errorf("%d violations are kept, want the one that there is", len(h.c.violations))
	}
	for i := range 2 * sx6Violations {
		h.do(append([]byte{opSetFs, 0}, make([]byte, i)...)...)
	}
	if len(h.c.violations) != sx6Violations {
		t.Errorf("%d violations are kept, want %d", len(h.c.violations), sx6Violations)
	}
}

// damaged is how many of n packets of x arrive damaged at y, and how many arrive.
func damaged(x, y *host126, n int) (bad, all int) {
	for range n {
		y.listen()
		x.send(bytes.Repeat([]byte{3}, 40)...)
		if flags := y.irq(); flags&sx6IrqRxDone != 0 {
			all++
			if flags&sx6IrqCRCErr != 0 {
				bad++
			}
		}
	}
	return bad, all
}

func TestSX126xTxModulation(t *testing.T) {
	for _, c := range []struct {
		bw, value byte
		spoils    bool
	}{{4, 0x05, false}, {4, 0x01, true}, {6, 0x01, false}, {6, 0x05, true}} {
		_, x, y := pair126(t, setup126{sf: 7, bw: c.bw})
		x.write(regTxModulation, c.value)
		bad, all := damaged(x, y, 40)
		if all != 40 || c.spoils != (bad > 10) || !c.spoils && bad > 0 || bad > 30 {
			t.Errorf("bandwidth %d, 0x0889 = %02x: %d of %d damaged", c.bw, c.value, bad, all)
		}
	}
}

func TestSX126xClampTakesPower(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	x.write(regTxClamp, 0xC8)
	if got, _ := strength(x, y); got != -96-sx6ClampLossDB {
		t.Errorf("%v dBm, want %v", got, -96-sx6ClampLossDB)
	}
	b := newBench126(t, SX126xOpts{Model: SX1261}, SX126xOpts{})
	if got, _ := strength(b.hosts[0].setup(setup126{}), b.hosts[1].setup(setup126{})); got != -96 {
		t.Errorf("an SX1261 needs no workaround: %v dBm, want -96", got)
	}
}

func TestSX126xIQPolarity(t *testing.T) {
	for _, invert := range []bool{false, true} {
		_, x, y := pair126(t, setup126{invert: invert})
		if bad, all := damaged(x, y, 5); bad != 0 || all != 5 {
			t.Errorf("inverted %v: %d of %d damaged", invert, bad, all)
		}
		for _, h := range []*host126{x, y} {
			h.do(opSetStandby, 0)
			h.write(regIQPolarity, h.read(regIQPolarity)^bitIQPolarity)
			if bad, all := damaged(x, y, 5); bad != 5 || all != 5 {
				t.Errorf("inverted %v, 0x0736 wrong: %d of %d damaged", invert, bad, all)
			}
			h.do(opSetStandby, 0)
			h.polarity()
		}
	}
	b := newBench126(t, SX126xOpts{}, SX126xOpts{})
	if _, all := damaged(b.hosts[0].setup(setup126{}), b.hosts[1].setup(setup126{invert: true}), 3); all != 0 {
		t.Errorf("%d packets of the other polarity arrived", all)
	}
}

func TestSX126xSyncWord(t *testing.T) {
	_, x, y := pair126(t, setup126{})
	x.write(regSyncWord, 0x34, 0x44)
	if _, all := damaged(x, y, 3); all != 0 {
		t.Errorf("%d packets of another sync word arrived", all)
	}
	y.do(opSetStandby, 0)
	y.write(regSyncWord, 0x34, 0x44)
	if _, all := damaged(x, y, 3); all != 3 {
		t.Errorf("%d of 3 packets arrived", all)
	}
}

// implicitTimer lets y receive one packet without header and with a timeout of 1 s, stops the timer or does not, and
// tells how the next reception, which has no timeout, fares.
func implicitTimer(t *testing.T, o SX126xOpts, stop bool) (flags uint16) {
	b := newBench126(t, SX126xOpts{}, o)
	p := setup126{implicit: true}
	x, y := b.hosts[0].setup(p), b.hosts[1].setup(p)
	y.do(y.packet(3)...)
	y.receiveFor(1_000_000)
	x.send(1, 2, 3)
	if data, flags := y.fetch(); !bytes.Equal(data, []byte{1, 2, 3}) || flags&(sx6IrqRxDone|sx6IrqHeader|sx6IrqTimeout) != sx6IrqRxDone {
		t.Fatalf("got % x, flags %04x", data, flags)
	}
	if stop {
		y.write(regRTCControl, 0)
		y.write(regEventClear, y.read(regEventClear)|bitEventTimeout)
	}
	y.set(opSetRx, 0xFF, 0xFF, 0xFF)
	b.pass(5 * time.Second)
	return y.irq()
}

func TestSX126xImplicitTimer(t *testing.T) {
	if got := implicitTimer(t, SX126xOpts{}, true); got != 0 {
		t.Errorf("stopped: flags %04x", got)
	}
	if got := implicitTimer(t, SX126xOpts{}, false); got != sx6IrqTimeout {
		t.Errorf("not stopped: flags %04x, want a timeout", got)
	}
}

func TestSX126xLowDataRateMustAgree(t *testing.T) {
	_, x, y := pair126(t, setup126{sf: 12, bw: 4})
	x.do(opSetModulationParams, 12, 4, 1, 0)
	x.quality()
	if bad, all := damaged(x, y, 3); bad != 3 || all != 3 {
		t.Errorf("%d of %d damaged", bad, all)
	}
}

// Each mutation shows to a host that does everything right.
func TestSX126xMutations(t *testing.T) {
	pair := func(m SX126xMutation, o SX126xOpts, p setup126) (x, y *host126) {
		o.Mutation = m
		b := newBench126(t, o, SX126xOpts{})
		return b.hosts[0].setup(p), b.hosts[1].setup(p)
	}
	for _, c := range []struct {
		m     SX126xMutation
		shows func(m SX126xMutation) bool
	}{
		{LosesTxQuality, func(m SX126xMutation) bool {
			bad, _ := damaged2(pair(m, SX126xOpts{}, setup126{}))
			return bad > 0
		}},
		{LosesClamp, func(m SX126xMutation) bool {
			got, _ := strength(pair(m, SX126xOpts{}, setup126{}))
			return got < -96
		}},
		{LosesIQPolarity, func(m SX126xMutation) bool {
			bad, _ := damaged2(pair(m, SX126xOpts{}, setup126{invert: true}))
			return bad > 0
		}},
		{LosesTimerStop, func(m SX126xMutation) bool { return implicitTimer(t, SX126xOpts{Mutation: m}, true) != 0 }},
		{LosesImage, func(m SX126xMutation) bool {
			x, y := pair(m, SX126xOpts{}, setup126{})
			got, _ := strength(y, x)
			return got < -96
		}},
		{LosesSwitch, func(m SX126xMutation) bool {
			got, ok := strength(pair(m, SX126xOpts{DIO2Switch: true}, setup126{dio2Command: true}))
			return !ok || got < -96
		}},
		{HidesCRCError, func(m SX126xMutation) bool {
			x, y := pair(m, SX126xOpts{}, setup126{})
			y.write(regTxModulation, 0x01)
			bad, all := damaged(y, x, 40)
			return all == 40 && bad == 0
		}},
		{HidesMissingCRC, func(m SX126xMutation) bool {
			x, y := pair(m, SX126xOpts{}, setup126{noCRC: true})
			x.listen()
			y.send(1)
			return x.read(regHeaderCRC)&0x10 != 0
		}},
		{HidesBufferStart, func(m SX126xMutation) bool {
			x, y := pair(m, SX126xOpts{}, setup126{})
			x.listen()
			y.send(1)
			y.send(2)
			return fetched(x)[0] != 2
		}},
		{SwapsRSSI, func(m SX126xMutation) bool {
			x, y := pair(m, SX126xOpts{}, setup126{sf: 12, bw: 4})
			x.b.air.SetLink(0, 1, 140)
			got, _ := strength(y, x)
			return got > -120
		}},
	} {
		if c.shows(Genuine) {
			t.Errorf("mutation %d: shows without it", c.m)
		}
		if !c.shows(c.m) {
			t.Errorf("mutation %d does not show", c.m)
		}
	}
}

func damaged2(x, y *host126) (bad, all int) { return damaged(x, y, 20) }
