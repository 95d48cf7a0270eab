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

	air "packhorse/radio/sim"
)

// sxHost is the least that a host does with an SX1276.
type sxHost struct {
	t    *testing.T
	chip *SX127x
	bus  spi.Conn
}

// withChips runs a test with so many SX1276 in virtual time, and closes its eyes to no violation.
func withChips(t *testing.T, n int, o SX127xOpts, test func(t *testing.T, a *air.Air, r *Rig, hosts []*sxHost)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		cfg := air.Config{Seed: 1}
		for range n {
			cfg.Stations = append(cfg.Stations, air.Station{Modem: air.Chip})
		}
		a, err := air.New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		r, err := NewRig(a, "")
		if err != nil {
			t.Fatal(err)
		}
		var hosts []*sxHost
		for i := range n {
			chip, err := r.AddSX127x(i, o)
			if err != nil {
				t.Fatal(err)
			}
			hosts = append(hosts, &sxHost{t: t, chip: chip})
		}
		ctx, stop := context.WithCancel(context.Background())
		ended := make(chan struct{})
		go func() { _ = r.Run(ctx); close(ended) }()
		defer func() { stop(); <-ended }()
		for _, h := range hosts {
			h.open()
		}
		test(t, a, r, hosts)
	})
}

func (h *sxHost) open() {
	h.t.Helper()
	bus, err := h.chip.Open().Connect(8*physic.MegaHertz, spi.Mode0, 8)
	if err != nil {
		h.t.Fatal(err)
	}
	h.bus = bus
	if err := h.chip.DIO0.In(gpio.PullNoChange, gpio.RisingEdge); err != nil {
		h.t.Fatal(err)
	}
}

func (h *sxHost) write(address byte, v ...byte) {
	h.t.Helper()
	if err := h.bus.Tx(append([]byte{address | sxWrite}, v...), nil); err != nil {
		h.t.Fatal(err)
	}
}

func (h *sxHost) read(address byte, n int) []byte {
	h.t.Helper()
	r := make([]byte, n+1)
	if err := h.bus.Tx(append([]byte{address}, make([]byte, n)...), r); err != nil {
		h.t.Fatal(err)
	}
	return r[1:]
}

func (h *sxHost) mode(m byte) { h.write(sxOpMode, sxLoRa|m) }

// configure: 869.525 MHz, SF7, 125 kHz, 4/5, checksum, 14 dBm, the errata's remedies.
func (h *sxHost) configure() {
	h.write(sxOpMode, sxSleep)
	h.mode(sxSleep)
	h.mode(sxStandby)
	time.Sleep(time.Millisecond)
	h.write(sxFrfMSB, 0xD9, 0x61, 0x9A)
	h.write(sxPaConfig, 0xFC)
	h.write(sxTxBase, 0, 0)
	h.write(sxModemConfig1, 0x72, 0x74)
	h.write(sxIfFreq2, 0x40, 0x00, 0x43)
	h.write(sxModemConfig3, 0x04)
}

func (h *sxHost) receive() {
	h.mode(sxStandby)
	h.write(sxDIOMapping1, 0x00)
	h.write(sxIrqFlags, 0xFF)
	h.mode(sxRxCont)
}

// send sends a packet and waits for the end.
func (h *sxHost) send(data []byte) {
	h.t.Helper()
	h.start(data)
	if !h.chip.DIO0.WaitForEdge(10 * time.Second) {
		h.t.Fatal("TxDone does not come")
	}
	if flags := h.read(sxIrqFlags, 1)[0]; flags != sxTxDone {
		h.t.Fatalf("flags %02x after sending, want 08", flags)
	}
	h.write(sxIrqFlags, 0xFF)
}

func (h *sxHost) start(data []byte) {
	h.mode(sxStandby)
	h.write(sxFIFOAddr, 0)
	h.write(sxFIFO, data...)
	h.write(sxPayloadLength, byte(len(data)))
	h.write(sxDIOMapping1, 0x40)
	h.write(sxIrqFlags, 0xFF)
	h.mode(sxTx)
}

// fetch waits for a packet and reads it and its flags.
func (h *sxHost) fetch() (data []byte, flags byte) {
	h.t.Helper()
	if !h.chip.DIO0.WaitForEdge(10 * time.Second) {
		h.t.Fatal("RxDone does not come")
	}
	flags = h.read(sxIrqFlags, 1)[0]
	h.write(sxFIFOAddr, h.read(sxRxCurrent, 1)...)
	data = h.read(sxFIFO, int(h.read(sxRxBytes, 1)[0]))
	h.write(sxIrqFlags, 0xFF)
	return data, flags
}

func (h *sxHost) noViolations() {
	h.t.Helper()
	for _, v := range h.chip.Violations() {
		h.t.Error(v)
	}
}

func TestTenThousandPacketsBothWays(t *testing.T) {
	withChips(t, 2, SX127xOpts{}, func(t *testing.T, a *air.Air, r *Rig, h []*sxHost) {
		for _, x := range h {
			x.configure()
			x.receive()
		}
		random, packets := rand.New(rand.NewPCG(1, 2)), 10_000
		if testing.Short() {
			packets = 1_000
		}
		for i := range packets {
			from := random.IntN(2)
			want := make([]byte, 1+random.IntN(255))
			for j := range want {
				want[j] = byte(random.Uint32())
			}
			h[from].send(want)
			if got, flags := h[1-from].fetch(); !bytes.Equal(got, want) || flags != sxRxDone|sxValidHeader {
				t.Fatalf("packet %d: %d octets, flags %02x, want %d octets: %x\n%x", i, len(got), flags, len(want), got, want)
			}
			h[from].receive()
		}
		h[0].noViolations()
		h[1].noViolations()
		r.Do(t.Context(), func(time.Time) {
			if x, y := a.Stats(0), a.Stats(1); x.FramesReceived+y.FramesReceived != uint64(packets) {
				t.Errorf("%+v, %+v", x, y)
			}
		})
	})
}
