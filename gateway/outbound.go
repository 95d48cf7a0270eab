package gateway

import "time"

func (c *Core) uplinkLive(now time.Time, e Uplink)         {}
func (c *Core) collectUp(now time.Time, e CollectUp)       {}
func (c *Core) drop(now time.Time, e Drop)                 { c.answer(e.Token, nil, errNotBuilt) }
func (c *Core) collectCargo(now time.Time, e CollectCargo) { c.answer(e.Token, nil, errNotBuilt) }
