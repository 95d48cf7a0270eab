package gateway

import (
	"time"

	"packhorse/link"
	"packhorse/link/access"
)

// Waiting tells whether PollTransmit would give a frame for the port now, and how that gets to the medium.
func (c *Core) Waiting(now time.Time, p link.Port) (access.Class, bool) {
	return c.link.Waiting(now, p)
}
