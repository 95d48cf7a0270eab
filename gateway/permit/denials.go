package permit

import (
	"fmt"
	"math/big"
	"slices"
	"time"

	"packhorse/gateway/pki"
)

// Bounds of the table of denials.
const (
	maxDenials       = 4096           // PDDs
	maxDeniedSerials = 65536          // in all PDDs
	maxEndpointPDDs  = 16             // of one endpoint by one signer; MaxSerials in them
	maxGatewayPDDs   = maxDenials / 8 // of one gateway and its endpoints
)

// Denials is the PDAs that endpoints took back, each until the PDD expires.
type Denials struct {
	rows    map[pki.NodeID][]*denial
	under   map[pki.NodeID]int // how many there are by gateway
	pdds    int
	serials int
}

// denial is a PDD in force.
type denial struct {
	key     string
	by      pki.NodeID // who signed it
	under   pki.NodeID // the gateway that did, or whose endpoint did
	expires time.Time
	serials []string // sorted; none: all
}

// NewDenials makes an empty table.
func NewDenials() *Denials {
	return &Denials{rows: map[pki.NodeID][]*denial{}, under: map[pki.NodeID]int{}}
}

// Load takes a record that Add gave. Who signed it was verified then. A damaged one is an error and left out.
func (d *Denials) Load(key string, value []byte) error {
	p, err := Parse(value)
	if err != nil {
		return err
	}
	d.put(p.Recipient, newDenial(key, p))
	return nil
}

// Add takes a PDD and returns what to make durable: its octets, and that of others it makes needless. The same
// PDD again brings its record again, for that of the first time may not have become durable; one that says no more
// than another brings none. It is enforced at once; answer for it when it is durable.
// Errors are ErrDenial and ErrFull.
func (d *Denials) Add(pdd []byte, t pki.Terms, anchors []*pki.Certificate) ([]Record, error) {
	p, err := Parse(pdd)
	if err != nil {
		return nil, err
	}
	if err := p.Verify(t, anchors); err != nil {
		return nil, err
	}
	if t.Quality != pki.ClockNone && p.Expires.Before(t.Now) {
		return nil, fmt.Errorf("%w: it expired on %s", ErrDenial, p.Expires.Format(time.RFC3339))
	}
	n := newDenial(hashOf(pdd), p)
	if i := slices.IndexFunc(d.rows[p.Recipient], n.within); i >= 0 {
		if d.rows[p.Recipient][i].key == n.key {
			return []Record{{Key: n.key, Value: slices.Clone(pdd)}}, nil
		}
		return nil, nil
	}
	if err := d.room(p.Recipient, n); err != nil {
		return nil, err
	}
	changes := d.drop(p.Recipient, func(old *denial) bool { return old.within(n) })
	d.put(p.Recipient, n)
	return append(changes, Record{Key: n.key, Value: slices.Clone(pdd)}), nil
}

// room tells whether one more fits. What a gateway says of an endpoint takes no room from the endpoint's own word.
func (d *Denials) room(id pki.NodeID, n *denial) error {
	own, serials, under, pdds, all := 1, len(n.serials), d.under[n.under]+1, d.pdds+1, d.serials+len(n.serials)
	for _, o := range d.rows[id] {
		switch {
		case o.within(n):
			pdds, all = pdds-1, all-len(o.serials)
			if o.under == n.under {
				under--
			}
		case o.by == n.by:
			own, serials = own+1, serials+len(o.serials)
		}
	}
	switch {
	case own > maxEndpointPDDs || serials > MaxSerials:
		return fmt.Errorf("%w: %d authorisations in %d PDDs; take back all with an empty set", ErrFull, serials, own)
	case under > maxGatewayPDDs:
		return fmt.Errorf("%w: %d PDDs of endpoints of one gateway are in force", ErrFull, d.under[n.under])
	case pdds > maxDenials || all > maxDeniedSerials:
		return fmt.Errorf("%w: %d PDDs are in force", ErrFull, d.pdds)
	}
	return nil
}

func (d *Denials) put(id pki.NodeID, n *denial) {
	d.rows[id] = append(d.rows[id], n)
	d.under[n.under]++
	d.pdds, d.serials = d.pdds+1, d.serials+len(n.serials)
}

// drop forgets denials of one endpoint.
func (d *Denials) drop(id pki.NodeID, gone func(*denial) bool) (out []Record) {
	keep := make([]*denial, 0, len(d.rows[id]))
	for _, n := range d.rows[id] {
		if !gone(n) {
			keep = append(keep, n)
			continue
		}
		d.pdds, d.serials = d.pdds-1, d.serials-len(n.serials)
		if d.under[n.under]--; d.under[n.under] == 0 {
			delete(d.under, n.under)
		}
		out = append(out, Record{Key: n.key, Delete: true})
	}
	if d.rows[id] = keep; len(keep) == 0 {
		delete(d.rows, id)
	}
	return out
}

// Denied tells whether the PDA that path, of ramf.Message.Check, begins with was taken back. What a gateway
// signed counts for PDAs that lead through it: a gateway can take nothing back that it does not carry. Without a
// clock nothing has expired.
func (d *Denials) Denied(path []*pki.Certificate, now time.Time, q pki.Quality) bool {
	if len(path) < 2 {
		return false
	}
	serial := serialOf(path[0].X509.SerialNumber)
	for _, n := range d.rows[path[1].ID] {
		speaks := n.by == path[1].ID || len(path) > 2 && n.by == path[2].ID
		if speaks && n.names(serial) && (q == pki.ClockNone || !n.expires.Before(now)) {
			return true
		}
	}
	return false
}

// Expire forgets what has expired by now. Only call it with a time that can be trusted.
func (d *Denials) Expire(now time.Time) (out []Record) {
	ids := make([]pki.NodeID, 0, len(d.rows))
	for id := range d.rows {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		out = append(out, d.drop(id, func(n *denial) bool { return n.expires.Before(now) })...)
	}
	return out
}

func newDenial(key string, p *PDD) *denial {
	n := &denial{key: key, by: p.Signer.ID, under: p.Signer.ID, expires: p.Expires}
	if n.by == p.Recipient {
		n.under = p.Signer.Issuer
	}
	for _, s := range p.Serials {
		n.serials = append(n.serials, serialOf(s))
	}
	slices.Sort(n.serials)
	n.serials = slices.Compact(n.serials)
	return n
}

func serialOf(n *big.Int) string { return string(n.Bytes()) }

func (n *denial) names(serial string) bool {
	_, found := slices.BinarySearch(n.serials, serial)
	return found || len(n.serials) == 0
}

// within tells whether another denial forbids all that n does, for as long.
func (n *denial) within(o *denial) bool {
	if n.by != o.by || n.expires.After(o.expires) || len(n.serials) == 0 && len(o.serials) > 0 {
		return false
	}
	return !slices.ContainsFunc(n.serials, func(s string) bool { return !o.names(s) })
}
