//go:build linux

package world

import (
	"bytes"
	"context"
	"testing"
	"time"

	"go.bug.st/serial"

	board "packhorse/board/sim"
	"packhorse/radio/phy"
	"packhorse/radio/sim"
)

var _ board.Air = (*sim.Air)(nil)

// TestSerialLibraryTalksThroughSimulatedAir joins every part once in real time: a serial library,
// pseudo-terminals, RNode modems and the LoRa channel.
func TestSerialLibraryTalksThroughSimulatedAir(t *testing.T) {
	air, err := sim.New(sim.Config{Seed: 1, Stations: make([]sim.Station, 2)})
	if err != nil {
		t.Fatal(err)
	}
	r, err := board.NewRNodes(air, 2, t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() { _ = r.Run(ctx); close(ended) }()
	defer func() { stop(); <-ended }()

	var ports [2]serial.Port
	for i := range ports {
		p, err := serial.Open(r.Paths()[i], &serial.Mode{BaudRate: 115200})
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = p.Close() }()
		ports[i] = p
		exchange(t, p, "\xc0\x01\x33\xd3\xe6\x08\xc0\xc0\x02\x00\x01\xe8\x48\xc0\xc0\x03\x0e\xc0\xc0\x04\x07\xc0\xc0\x05\x05\xc0\xc0\x06\x01\xc0", "\xc0\x06\x01\xc0")
	}
	frame := bytes.Repeat([]byte{'x'}, 254)
	if _, err := ports[0].Write([]byte("\xc0\x00" + string(frame) + "\xc0")); err != nil {
		t.Fatal(err)
	}
	exchange(t, ports[1], "", "\xc0\x24\x54\xc0\xc0\x00"+string(frame)+"\xc0") // 21 dB

	var sent time.Duration
	r.Do(ctx, func(time.Time) { sent = air.Airtime(0) })
	if want := phy.RNodeModulation(phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5}).TimeOnAir(255); sent != want {
		t.Errorf("airtime %v, want %v", sent, want)
	}
}

// exchange writes and then reads until want has come.
func exchange(t *testing.T, p serial.Port, say, want string) {
	t.Helper()
	if _, err := p.Write([]byte(say)); err != nil {
		t.Fatal(err)
	}
	if err := p.SetReadTimeout(20 * time.Second); err != nil {
		t.Fatal(err)
	}
	var got []byte
	for b := make([]byte, 256); !bytes.Contains(got, []byte(want)); {
		n, err := p.Read(b)
		if err != nil || n == 0 {
			t.Fatalf("waiting for %x, got %x: %v", want, got, err)
		}
		got = append(got, b[:n]...)
	}
}
