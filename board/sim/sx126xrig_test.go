//go:build linux

package sim

import (
	"bytes"
	"context"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"

	"packhorse/radio/phy"
	"packhorse/radio/rnode"
	air "packhorse/radio/sim"
)

// sx6Host is the least that a host does with an SX126x in a rig: SPI, BUSY, DIO1.
type sx6Host struct {
	t    *testing.T
	chip *SX126x
	bus  spi.Conn
}

// lab126 is a rig in virtual time. It is made, and used, inside of a synctest bubble.
type lab126 struct {
	t   *testing.T
	rig *Rig
}

func newLab126(t *testing.T, kinds ...air.Modem) *lab126 {
	t.Helper()
	cfg := air.Config{Seed: 3}
	for _, k := range kinds {
		cfg.Stations = append(cfg.Stations, air.Station{Modem: k})
	}
	a, err := air.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	r, err := NewRig(a, "")
	if err != nil {
		t.Fatal(err)
	}
	return &lab126{t, r}
}

// run lets the rig live until the end of the test.
func (l *lab126) run() {
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = l.rig.Run(ctx); close(ended) }()
	l.t.Cleanup(func() { stop(); <-ended })
}

func (l *lab126) sx126x(station int, o SX126xOpts) *sx6Host {
	l.t.Helper()
	c, err := l.rig.AddSX126x(station, o)
	if err != nil {
		l.t.Fatal(err)
	}
	return &sx6Host{t: l.t, chip: c}
}

// open connects and resets the chip, and sets it to 869.525 MHz, SF7, 125 kHz, 14 dBm.
func (h *sx6Host) open() {
	h.t.Helper()
	var err error
	if h.bus, err = h.chip.Open().Connect(8*physic.MegaHertz, spi.Mode0|h.noCS(), 8); err != nil {
		h.t.Fatal(err)
	}
	if h.chip.Select != nil {
		_ = h.chip.Select.Out(gpio.High)
	}
	_ = h.chip.DIO1.In(gpio.PullNoChange, gpio.RisingEdge)
	_ = h.chip.Busy.In(gpio.PullNoChange, gpio.NoEdge)
	_ = h.chip.Reset.Out(gpio.Low)
	time.Sleep(time.Millisecond)
	_ = h.chip.Reset.Out(gpio.High)
	for _, c := range [][]byte{
		{opSetStandby, 0}, {opCalibrate, 0x7F}, {opSetPacketType, 1}, {opSetRfFrequency, 0x36, 0x58, 0x66, 0x66}, {opCalibrateImage, 0xD7, 0xDB},
		{opWriteRegister, 0x08, 0xD8, 0xDE}, {opSetPaConfig, 4, 7, 0, 1}, {opSetTxParams, 14, 4}, {opSetModulationParams, 7, 4, 1, 0},
		{opWriteRegister, 0x08, 0x89, 0x05}, {opSetDioIrqParams, 0x02, 0x63, 0x02, 0x63, 0, 0, 0, 0},
	} {
		h.do(c...)
	}
}

func (h *sx6Host) noCS() spi.Mode {
	if h.chip.Select != nil {
		return spi.NoCS
	}
	return 0
}

func (h *sx6Host) do(out ...byte) []byte {
	h.t.Helper()
	for h.chip.Busy.Read() == gpio.High {
		time.Sleep(20 * time.Microsecond)
	}
	in := make([]byte, len(out))
	if h.chip.Select != nil {
		_ = h.chip.Select.Out(gpio.Low)
		defer h.chip.Select.Out(gpio.High)
	}
	if err := h.bus.Tx(out, in); err != nil {
		h.t.Fatal(err)
	}
	return in
}

func (h *sx6Host) receive() {
	h.do(opSetStandby, 0)
	h.do(opSetPacketParams, 0, 18, 0, 255, 1, 0)
	h.do(opClearIrqStatus, 0x43, 0xFF)
	h.do(opSetRx, 0xFF, 0xFF, 0xFF)
}

func (h *sx6Host) send(data []byte) {
	h.t.Helper()
	h.do(opSetStandby, 0)
	h.do(append([]byte{opWriteBuffer, 0}, data...)...)
	h.do(opSetPacketParams, 0, 18, 0, byte(len(data)), 1, 0)
	h.do(opClearIrqStatus, 0x43, 0xFF)
	h.do(opSetTx, 0, 0, 0)
	if !h.chip.DIO1.WaitForEdge(10 * time.Second) {
		h.t.Fatal("TxDone does not come")
	}
	if r := h.do(opGetIrqStatus, 0, 0, 0); r[3] != sx6IrqTxDone {
		h.t.Fatalf("flags % x after sending", r[2:])
	}
	h.do(opClearIrqStatus, 0x43, 0xFF)
}

func (h *sx6Host) fetch() []byte {
	h.t.Helper()
	if !h.chip.DIO1.WaitForEdge(10 * time.Second) {
		h.t.Fatal("RxDone does not come")
	}
	if r := h.do(opGetIrqStatus, 0, 0, 0); r[3]&^sx6IrqHeader != sx6IrqRxDone {
		h.t.Fatalf("flags % x after receiving", r[2:])
	}
	h.do(opClearIrqStatus, 0x43, 0xFF)
	r := h.do(opGetRxBufferStatus, 0, 0, 0)
	return h.do(append([]byte{opReadBuffer, r[3], 0}, make([]byte, r[2])...)...)[3:]
}

func (h *sx6Host) noViolations() {
	h.t.Helper()
	for _, v := range h.chip.Violations() {
		h.t.Error(v)
	}
}

func randomOctets(random *rand.Rand, most int) []byte {
	data := make([]byte, 1+random.IntN(most))
	for i := range data {
		data[i] = byte(random.Uint32())
	}
	return data
}

func TestSX126xInRig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab126(t, air.Chip, air.Chip)
		hosts := []*sx6Host{l.sx126x(0, SX126xOpts{}), l.sx126x(1, SX126xOpts{ChipSelect: true})}
		if _, err := l.rig.AddSX126x(1, SX126xOpts{}); err == nil {
			t.Error("two chips sit on one station")
		}
		l.run()
		for _, h := range hosts {
			h.open()
			h.receive()
		}
		random := rand.New(rand.NewPCG(5, 6))
		for i := range 300 {
			from, want := random.IntN(2), randomOctets(random, 255)
			hosts[from].send(want)
			if got := hosts[1-from].fetch(); !bytes.Equal(got, want) {
				t.Fatalf("packet %d: got %d octets, want %d", i, len(got), len(want))
			}
			hosts[from].receive()
		}
		hosts[0].noViolations()
		hosts[1].noViolations()
		if got := hosts[0].chip.SentDBm(); got != 14 {
			t.Errorf("sent with %d dBm, want 14", got)
		}
	})
}

func TestSX126xAndSX127x(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab126(t, air.Chip, air.Chip)
		x := l.sx126x(0, SX126xOpts{})
		chip, err := l.rig.AddSX127x(1, SX127xOpts{})
		if err != nil {
			t.Fatal(err)
		}
		y := &sxHost{t: t, chip: chip}
		l.run()
		x.open()
		x.receive()
		y.open()
		y.configure()
		y.receive()
		random := rand.New(rand.NewPCG(7, 8))
		for i := range 300 {
			want := randomOctets(random, 255)
			if random.IntN(2) == 0 {
				x.send(want)
				got, flags := y.fetch()
				if !bytes.Equal(got, want) || flags != sxRxDone|sxValidHeader {
					t.Fatalf("packet %d to the SX1276: flags %02x, %d octets, want %d", i, flags, len(got), len(want))
				}
				x.receive()
				continue
			}
			y.send(want)
			if got := x.fetch(); !bytes.Equal(got, want) {
				t.Fatalf("packet %d to the SX1262: %d octets, want %d", i, len(got), len(want))
			}
			y.receive()
		}
		x.noViolations()
		y.noViolations()
	})
}

func TestSX126xAndRNode(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab126(t, air.Chip, air.RNode)
		x := l.sx126x(0, SX126xOpts{})
		if err := l.rig.AddRNode(1); err != nil {
			t.Fatal(err)
		}
		l.run()
		x.open()
		x.receive()
		m, err := rnode.Open(t.Context(), l.rig.Dial(1), rnode.Opts{})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		mod := phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 18}
		if err := m.Configure(t.Context(), mod, 14); err != nil {
			t.Fatal(err)
		}
		random := rand.New(rand.NewPCG(9, 10))
		for i := range 50 {
			want := randomOctets(random, 254)
			if err := m.Transmit(t.Context(), want); err != nil {
				t.Fatal(err)
			}
			if got := x.fetch(); len(got) != len(want)+1 || got[0]&0x0F != 0 || !bytes.Equal(got[1:], want) {
				t.Fatalf("packet %d to the SX1262: %d octets, want %d", i, len(got), len(want)+1)
			}
			x.send(append([]byte{0x30}, want...))
			p, err := m.Receive(t.Context())
			if err != nil || !bytes.Equal(p.Data, want) {
				t.Fatalf("packet %d to the RNode: %d octets, %v; want %d", i, len(p.Data), err, len(want))
			}
			x.receive()
		}
		x.noViolations()
	})
}

func TestSX126xFaultsInRig(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab126(t, air.Chip, air.Chip)
		x, y := l.sx126x(0, SX126xOpts{Dead: 0xFF}), l.sx126x(1, SX126xOpts{})
		l.run()
		x.open()
		y.open()
		y.receive()
		y.chip.LoseIRQ(1)
		x.send([]byte{1})
		if y.chip.DIO1.WaitForEdge(time.Second) || y.chip.DIO1.Read() != gpio.High {
			t.Error("an edge is not lost, or the level with it")
		}
		y.receive()
		x.chip.StickBusy(true)
		if time.Sleep(time.Second); x.chip.Busy.Read() != gpio.High {
			t.Error("BUSY is not stuck")
		}
		x.chip.StickBusy(false)
		x.chip.Break(MISOHigh)
		if got := x.do(opGetStatus, 0)[1]; got != 0xFF {
			t.Errorf("MISO high: %02x", got)
		}
		x.chip.Break(Healthy)
		x.chip.Unplug()
		if got := x.do(opGetStatus, 0)[1]; got != 0xFF {
			t.Errorf("unplugged: %02x", got)
		}
		x.chip.Replug()
		x.open()
		x.send([]byte{2})
		if got := y.fetch(); !bytes.Equal(got, []byte{2}) {
			t.Errorf("after a new start: % x", got)
		}
		x.chip.BrownOut()
		x.do(opGetStatus, 0)
		if x.chip.Sent(opSetPacketType) != nil || x.chip.Register(regTxClamp) != 0xC8 {
			t.Error("a brown-out leaves settings")
		}
		x.noViolations()
	})
}
