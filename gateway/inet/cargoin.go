package inet

import (
	"errors"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
)

// takeCargo opens a cargo and takes what is in it. It is answered once all of that is durable.
func (c *Core) takeCargo(now time.Time, e TakeCargo) {
	from, items, skipped, err := c.open(now, e.Raw)
	if err != nil {
		c.answer(e.Token, CargoTaken{}, err)
		return
	}
	t := &taking{core: c, token: e.Token, from: from, items: items, left: 1}
	t.Skipped = skipped
	if c.takings = append(c.takings, t); len(c.takings) == 1 {
		c.takeSome(now)
	}
}

const (
	// takeTurn is how many octets of cargo are looked at in one go: a whole one may have thousands of signatures to
	// verify, and nothing else would move meanwhile.
	takeTurn  = 256 << 10
	takeRest  = time.Millisecond // between turns
	smallItem = 512              // what an item costs at least, in octets
)

// takeSome goes on with the oldest cargo, and leaves the rest for another turn.
func (c *Core) takeSome(now time.Time) {
	for left := takeTurn; len(c.takings) > 0 && left > 0; {
		t := c.takings[0]
		if len(t.items) > 0 {
			it := t.items[0]
			t.items = t.items[1:]
			left -= max(len(it.Parcel), smallItem)
			t.item(now, it)
		}
		if len(t.items) == 0 {
			c.takings = c.takings[1:]
			t.done(now, nil)
		}
	}
	c.takeAt = time.Time{}
	if len(c.takings) > 0 {
		c.takeAt = now.Add(takeRest)
	}
}

// takeMore takes the next turn when it is time.
func (c *Core) takeMore(now time.Time) {
	if !c.takeAt.IsZero() && !c.takeAt.After(now) {
		c.takeSome(now)
	}
}

// open verifies and decrypts a cargo. The key that came with it is durable before the answer, as all batches are in
// order.
func (c *Core) open(now time.Time, raw []byte) (pki.NodeID, []cargo.Item, int, error) {
	if !c.trusted() {
		return "", nil, 0, errNotReady
	}
	m, err := ramf.Parse(raw)
	if err != nil {
		return "", nil, 0, err
	}
	if m.Type != ramf.Cargo {
		return "", nil, 0, refuse(ramf.WrongType, "this is a %v, not a cargo", m.Type)
	}
	if m.Recipient != c.id || !c.ours(m.InternetAddress) {
		return "", nil, 0, refuse(ramf.NotAuthorised, "the cargo is for another gateway, %.80s at %.80s", m.Recipient, m.InternetAddress)
	}
	if err := c.checkPrivate(now, m); err != nil {
		return "", nil, 0, err
	}
	plain, err := c.unseal(m)
	if err != nil {
		return "", nil, 0, err
	}
	items, skipped, err := cargo.Parse(plain)
	if err != nil {
		return "", nil, 0, refuse(ramf.Malformed, "%v", err)
	}
	return m.Sender.ID, items, skipped, nil
}

// checkPrivate wants a message that a private gateway signed, with a certificate that this gateway issued itself.
func (c *Core) checkPrivate(now time.Time, m *ramf.Message) error {
	path, err := m.CheckBy(c.terms(now), c.authority.certs)
	if err == nil && len(path) != 2 {
		err = refuse(ramf.NotAuthorised, "%v of %s, which is no private gateway of %s", m.Type, m.Sender.ID, c.cfg.Address)
	}
	return err
}

// unseal decrypts a payload and keeps the key that came with it.
func (c *Core) unseal(m *ramf.Message) ([]byte, error) {
	plain, records, err := c.ring.Open(m.Payload, m.Sender.ID, m.Created)
	if err != nil {
		return nil, refuse(ramf.Malformed, "%v", err)
	}
	if len(records) > 0 {
		c.persist(sessionOps(records), func(_ time.Time, err error) {
			if err != nil {
				c.notice(true, "a session key could not be saved: "+err.Error())
			}
		})
	}
	return plain, nil
}

// taking is a cargo on its way into the store.
type taking struct {
	CargoTaken
	core  *Core
	token Token
	from  pki.NodeID   // the private gateway
	items []cargo.Item // not looked at yet
	left  int
	err   error // of the store
}

// item takes one thing. What is not valid is passed over.
func (t *taking) item(now time.Time, it cargo.Item) {
	c := t.core
	switch {
	case it.Parcel != nil:
		t.left++
		c.take(now, it.Parcel, t.from, true, t.taken)
	case it.PCA != nil:
		x := c.known[parcelID(it.PCA.Sender, it.PCA.Recipient, it.PCA.ID)]
		if x == nil || x.Line != (lane{toGateway, string(t.from)}) || !x.Held || x.busy {
			t.Skipped++
			return
		}
		t.left++
		if !c.finish(x, t.acknowledged) {
			t.left--
			t.Skipped++
		}
	default:
		t.Skipped++
	}
}

func (t *taking) acknowledged(now time.Time, err error) {
	if err == nil {
		t.Acks++
	}
	t.done(now, err)
}

func (t *taking) taken(now time.Time, err error) {
	var refused *ramf.Error
	switch {
	case err == nil:
		t.Parcels++
	case errors.As(err, &refused), isLater(err): // who sent it keeps it until it is acknowledged
		t.Skipped++
		err = nil
	}
	t.done(now, err)
}

// done answers once nothing is left.
func (t *taking) done(_ time.Time, err error) {
	if t.err = errors.Join(t.err, err); err != nil {
		t.Skipped++
	}
	if t.left--; t.left == 0 {
		t.core.answer(t.token, t.CargoTaken, t.err)
	}
}
