package sim

import (
	"bytes"
	"testing"

	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

func connect(t *testing.T, c *SX127x) spi.Conn {
	t.Helper()
	conn, err := c.Connect(physic.MegaHertz, spi.Mode0, 8)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func tx(t *testing.T, c spi.Conn, w ...byte) []byte {
	t.Helper()
	r := make([]byte, len(w))
	if err := c.Tx(w, r); err != nil {
		t.Fatal(err)
	}
	return r[1:]
}

func TestSX127xRegistersCountUp(t *testing.T) {
	chip := NewSX127x(0x12)
	c := connect(t, chip)
	tx(t, c, 0x06|sxWrite, 0xD9, 0x61, 0x9A)
	if got, want := tx(t, c, 0x06, 0, 0, 0), []byte{0xD9, 0x61, 0x9A}; !bytes.Equal(got, want) {
		t.Errorf("frequency: got % x, want % x", got, want)
	}
	if got := tx(t, c, 0x42, 0); got[0] != 0x12 {
		t.Errorf("version: got %02x, want 12", got[0])
	}
	tx(t, c, 0x42|sxWrite, 0x55)
	if got := chip.Register(0x42); got != 0x12 {
		t.Errorf("version after a write: got %02x, want 12", got)
	}
}

func TestSX127xFIFOStaysAtItsAddress(t *testing.T) {
	chip := NewSX127x(0x12)
	c := connect(t, chip)
	for _, mode := range []byte{0x00, 0x80, 0x81} {
		tx(t, c, sxOpMode|sxWrite, mode)
	}
	tx(t, c, sxFIFOAddr|sxWrite, 0x80)
	before := chip.Register(sxOpMode)
	tx(t, c, sxFIFO|sxWrite, 1, 2, 3)
	if got := chip.Register(sxOpMode); got != before {
		t.Errorf("a burst into the FIFO wrote the next register: got %02x, want %02x", got, before)
	}
	tx(t, c, sxFIFOAddr|sxWrite, 0x80)
	if got, want := tx(t, c, sxFIFO, 0, 0, 0), []byte{1, 2, 3}; !bytes.Equal(got, want) {
		t.Errorf("got % x, want % x", got, want)
	}
	tx(t, c, sxOpMode|sxWrite, 0x80)
	tx(t, c, sxOpMode|sxWrite, 0x81)
	tx(t, c, sxFIFOAddr|sxWrite, 0x80)
	if got := tx(t, c, sxFIFO, 0); got[0] != 0 {
		t.Errorf("after sleep: got %02x, want 00", got[0])
	}
}

func TestSX127xTurnsLoRaOnInSleepOnly(t *testing.T) {
	chip := NewSX127x(0x12)
	c := connect(t, chip)
	tx(t, c, sxOpMode|sxWrite, 0x81)
	if got := chip.Register(sxOpMode); got != 0x01 {
		t.Errorf("in standby: got %02x, want 01", got)
	}
	tx(t, c, sxOpMode|sxWrite, 0x00)
	tx(t, c, sxOpMode|sxWrite, 0x80)
	tx(t, c, sxOpMode|sxWrite, 0x81)
	tx(t, c, sxOpMode|sxWrite, 0x01)
	if got := chip.Register(sxOpMode); got != 0x81 {
		t.Errorf("by way of sleep: got %02x, want 81", got)
	}
}

func TestSX127xPacketsJoinUnderOneChipSelect(t *testing.T) {
	c := connect(t, NewSX127x(0x12))
	r := make([]byte, 1)
	if err := c.TxPackets([]spi.Packet{{W: []byte{0x42}, KeepCS: true}, {R: r}}); err != nil || r[0] != 0x12 {
		t.Errorf("got %02x, %v, want 12", r[0], err)
	}
	if err := c.TxPackets([]spi.Packet{{W: []byte{0x42}}, {R: r}}); err != nil || r[0] == 0x12 {
		t.Errorf("two transactions: got %02x, %v, want no version", r[0], err)
	}
}

func TestSX127xRefusesWrongUse(t *testing.T) {
	chip := NewSX127x(0x12)
	if _, err := chip.Connect(physic.MegaHertz, spi.Mode1, 8); err == nil {
		t.Error("mode 1: got no error")
	}
	if _, err := chip.Connect(20*physic.MegaHertz, spi.Mode0, 8); err == nil {
		t.Error("20 MHz: got no error")
	}
	c := connect(t, chip)
	if _, err := chip.Connect(physic.MegaHertz, spi.Mode0, 8); err == nil {
		t.Error("a second connect: got no error")
	}
	if err := c.Tx([]byte{1, 2}, []byte{0}); err == nil {
		t.Error("buffers of different length: got no error")
	}
	chip.Close()
	if err := c.Tx([]byte{1}, []byte{0}); err == nil {
		t.Error("after close: got no error")
	}
}
