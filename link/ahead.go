package link

import "packhorse/link/wire"

// An offer of a body that goes unasked has room to spare, and carries the first symbols in it. So small bodies take few
// frames, and all are full.

// patientAhead is how many questions bring no symbols: when one answer is missing, what got lost is most often custody.
const patientAhead = 1

// appendAhead appends symbols of the transfers that the frame offers or asks for.
func (c *Core) appendAhead(buf []byte, limit int) []byte {
	for _, o := range c.said {
		if o.direct && o.group.cast == nil && (o.state == outQueued || o.tries > patientAhead) {
			buf = c.appendFirst(o, buf, limit)
		}
	}
	return buf
}

// appendFirst appends as many symbols as fit: the first ones, or, when nobody has answered to those, further ones.
func (c *Core) appendFirst(o *outgoing, buf []byte, limit int) []byte {
	if o.state == outQueued {
		o.missing = 0
		c.plan(o, 0, nil)
	}
	k, first := o.lay.data(0), int(o.next[0])
	count := min((limit-len(buf)-wire.SymbolsHead)/o.lay.sym, k+repairCount-first, maxData)
	if o.state == outQueued {
		count = min(count, o.left)
	}
	if count <= 0 {
		return buf
	}
	buf = wire.AppendSymbols(buf, o.stream, uint8(first), count*o.lay.sym)
	buf = c.appendSymbols(buf, o, 0, first, count)
	if spare := count - int(o.want[0]); spare > 0 {
		o.want[0], o.left = o.want[0]+uint8(spare), o.left+spare
	}
	o.took(0, k, first, count)
	return buf
}

// unheard reports whether nothing was ever heard of a body that went unasked: its offer may have been lost too.
func (o *outgoing) unheard() bool {
	return o.direct && o.state == outPolled && o.group.cast == nil && o.missing == o.lay.n
}

// ahead takes symbols that came with an offer. The gateway may not have answered that yet.
func (c *Core) ahead(s *session, m *wire.Message) {
	st, h := s.in[m.Stream], wire.Data{Stream: m.Stream, First: uint8(m.Code)}
	switch {
	case st == nil:
		c.drop(DropUnknownStream)
	case st.body == nil && st.state == inPending:
		if len(s.early) < maxEarly {
			s.early = append(s.early, earlyFrame{h, append([]byte(nil), m.Body...)})
		}
	default:
		c.symbols(st, h, m.Body)
	}
}
