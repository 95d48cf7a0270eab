//go:build linux

package real

import (
	"fmt"
	"testing"
	"time"

	"packhorse/gateway/admin"
	"packhorse/radio/phy"
)

// payload is the file of every comparison.
const payload = 10_000

func TestTwoGatewaysCarryAFileThroughLoss(t *testing.T) {
	t.Parallel()
	carry(t, plan{gateways: 2, loss: 0.1, seed: 1, byInvite: true})
}

func TestThreeGatewaysInALineCarryAFile(t *testing.T) {
	t.Parallel()
	carry(t, plan{gateways: 3, loss: 0.1, seed: 1})
}

func TestSoakLoss(t *testing.T) {
	for _, gateways := range []int{2, 3} {
		for _, loss := range []float64{0, 0.1, 0.3} {
			t.Run(fmt.Sprintf("%d gateways %g", gateways, loss), func(t *testing.T) {
				t.Parallel()
				carry(t, plan{gateways: gateways, loss: loss, seed: 2})
			})
		}
	}
}

// carry sends a file from end to end and prints what it cost.
func carry(t *testing.T, p plan) {
	t.Helper()
	v := settle(t, p)
	s := v.send(p.seed, payload)
	v.delivered(s, 0)
	took, used := (<-s.arrived).Sub(s.from), v.air.spent().minus(s.air)
	t.Logf("%d gateways, %g %% loss: %s; of the whole parcel (%d octets) %s; %v, arrived after %.1f s, receipt after %.1f s",
		p.gateways, 100*p.loss, shares(payload, used.airtime, took), s.SizeBytes, shares(s.SizeBytes, used.airtime, took), used, took.Seconds(), time.Since(s.from).Seconds())
	if got := ask[admin.QueueReply](v.first(), "queue").Parcels; len(got) != 0 {
		t.Errorf("after delivery the sender's queue has %+v", got)
	}
}

// shares compares with full packets back to back: of the airtime of all radios, and of the
// time until the recipient had the letter.
func shares(octets int, air, took time.Duration) string {
	const packet = 255
	m := phy.RNodeModulation(phy.Modulation{FrequencyHz: 921_500_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5})
	best := float64(octets) / packet * m.TimeOnAir(packet).Seconds()
	return fmt.Sprintf("air %.3f time %.3f", best/air.Seconds(), best/took.Seconds())
}
