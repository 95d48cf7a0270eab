package link

// ETA tells of one transfer of ours as Transfers does; false: there is none such.
func (c *Core) ETA(peer PeerID, d Digest) (TransferInfo, bool) {
	p := c.peer(peer)
	if p == nil {
		return TransferInfo{}, false
	}
	for i, o := range p.outs {
		if o.item.Digest == d {
			info := c.transferInfo(o, i)
			if o.path != nil {
				c.tellETA(&info, o, c.etas(o.path.port)[o])
			}
			return info, true
		}
	}
	return TransferInfo{}, false
}
