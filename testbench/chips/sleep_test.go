//go:build linux

package chips

import (
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	board "packhorse/board/sim"
	"packhorse/gateway/admin"
	"packhorse/radio/sim"
)

// asleep reads from inside the chip whether it sleeps: the mode bits of an SX127x are all zero (datasheet section 6.4,
// RegOpMode), an SX126x holds BUSY high (datasheet section 8.3.1).
func asleep(c faulty) bool {
	switch c := c.(type) {
	case *board.SX127x:
		return c.Register(0x01)&7 == 0
	case *board.SX126x:
		return c.Busy.Read() == gpio.High
	}
	return false
}

// TestAStoppedGatewayLeavesTheChipAsleep stops one soon after its start, and one that has sent its beacons for a while.
func TestAStoppedGatewayLeavesTheChipAsleep(t *testing.T) {
	for _, k := range []kind{sx1276, sx1262} {
		for _, after := range []time.Duration{10 * time.Second, 10*time.Minute + 7*time.Millisecond} {
			synctest.Test(t, func(t *testing.T) {
				r := lay(t, plan{seed: 1, kinds: []kind{k}}, []string{t.TempDir()}, func(*sim.Air) {})
				g := r.nodes[0]
				must[admin.Status](t)(g.api.Up(t.Context(), admin.Up{Region: region, Domain: "valley"}))
				time.Sleep(after)
				if asleep(g.seat.chip) {
					t.Errorf("%v sleeps while the gateway works", k)
				}
				g.end()
				time.Sleep(time.Minute)
				if !asleep(g.seat.chip) {
					t.Errorf("%v is awake a minute after the gateway was stopped after %v", k, after)
				}
			})
		}
	}
}
