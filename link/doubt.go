package link

// failedBy notes that a transfer with a peer failed by its own fault.
func (c *Core) failedBy(id PeerID) {}
