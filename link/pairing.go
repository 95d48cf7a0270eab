package link

type pairing struct{}

func (p *pairing) timers(t *timer)                      {}
func (c *Core) openPairing(e OpenPairing)               {}
func (c *Core) joinPairing(e JoinPairing)               {}
func (c *Core) closePairing()                           {}
func (c *Core) pairingTimeout()                         {}
func (c *Core) pairingPortUp()                          {}
func (c *Core) dropStrangers()                          {}
func (c *Core) handlePairing(p *port, b []byte, m Meta) {}
