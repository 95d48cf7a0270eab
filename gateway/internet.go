package gateway

import "time"

// handleInternet takes what Internet gateways, couriers and the shell's connections to them bring and want.
func (c *Core) handleInternet(now time.Time, e Event) {
	switch e := e.(type) {
	case Registered:
		c.registered(now, e)
	case Uplink:
		c.uplinkLive(now, e)
	case FromInternet:
		c.fromInternet(now, e)
	case CollectUp:
		c.collectUp(now, e)
	case Drop:
		c.drop(now, e)
	case Keep:
		c.keep(e)
	case MakeCCA:
		c.makeCCA(now, e)
	case MakeCargo:
		c.makeCargo(now, e)
	case Carry:
		c.carry(now, e)
	case CollectCargo:
		c.collectCargo(now, e)
	case Deauthorise:
		c.deauthorise(now, e)
	default:
		c.handleStick(now, e)
	}
}
