package gateway

import "packhorse/gateway/ramf"

// Cargo counts the cargo and the collection authorisations of others that wait here, and their octets.
func (c *Core) Cargo() (n int, octets int64) {
	for _, x := range c.queue.all() {
		if x.Held && (x.Type == ramf.Cargo || x.Type == ramf.CCA) {
			n++
			octets += int64(x.Size)
		}
	}
	return n, octets
}
