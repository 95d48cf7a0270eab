//go:build linux

package real

import (
	"testing"
	"time"
)

func TestKillOfTheRecipientLosesNothing(t *testing.T) {
	t.Parallel()
	killed(t, plan{gateways: 2, loss: 0.1, seed: 5}, []kill{{1, 0.4}})
}

func TestSoakFiveKills(t *testing.T) {
	t.Parallel()
	killed(t, plan{gateways: 3, loss: 0.1, seed: 6}, []kill{{0, 0.1}, {1, 0.3}, {0, 0.45}, {2, 0.6}, {1, 0.75}})
}

// kill is SIGKILL for a gateway when a share of the airtime of an undisturbed letter is spent.
type kill struct {
	victim int
	when   float64
}

// killed sends a letter undisturbed, and another one while gateways are killed and
// started again on what is left on their disks.
func killed(t *testing.T, p plan, kills []kill) {
	t.Helper()
	v := settle(t, p)
	calm := v.send(p.seed, payload)
	v.delivered(calm, 0)
	calmTook, calmUse := (<-calm.arrived).Sub(calm.from), v.air.spent().minus(calm.air)
	v.quiet()
	v.still()
	s := v.send(p.seed+1, payload)
	for _, k := range kills {
		v.spent(s, time.Duration(k.when*float64(calmUse.airtime)))
		v.nodes[k.victim].kill()
		v.nodes[k.victim].boot()
	}
	v.delivered(s, 1)
	took, used := time.Since(s.from), v.air.spent().minus(s.air)
	t.Logf("undisturbed: %v, arrived after %.1f s; through %d kills: %v, %.2f times the airtime, receipt after %.1f s", calmUse,
		calmTook.Seconds(), len(kills), used, used.airtime.Seconds()/calmUse.airtime.Seconds(), took.Seconds())
}
