package link

import (
	"io"
	"slices"

	"packhorse/link/wire"
)

// groupKey is what we seal under for several neighbours of a port at once. It is random for each port and boot, and
// each group has a stream of its own under it, so that a nonce never meets two plaintexts.
type groupKey struct {
	secret [wire.CastKeySize]byte
	seal   *sealer
	next   uint16 // stream
	given  int
	frames uint64
}

// newGroupKey makes both directions' sealer of a secret.
func newGroupKey(secret [wire.CastKeySize]byte) (*groupKey, error) {
	key := derive(secret[:], nil, "group data")
	s, err := newSealer(key[:])
	return &groupKey{secret: secret, seal: s}, err
}

// worn reports whether no further group may use the key.
func (k *groupKey) worn() bool { return k.given >= wire.MaxCasts || k.frames >= rekeyFrames }

// ownKey is the port's key for a new group; nil: none could be made.
func (c *Core) ownKey(p *port) *groupKey {
	if p.group != nil && !p.group.worn() {
		return p.group
	}
	var secret [wire.CastKeySize]byte
	if _, err := io.ReadFull(c.cfg.Rand, secret[:]); err != nil {
		return nil
	}
	k, err := newGroupKey(secret)
	if err != nil {
		return nil
	}
	k.next = c.random16()
	p.group = k
	return k
}

// renewGroups ends the groups that a peer may read: whoever is no member any more shall not read what goes to the others
// from now on.
func (c *Core) renewGroups(p *peer) {
	for _, pa := range p.paths {
		po := pa.port
		for _, g := range slices.Clone(po.casts) {
			for _, o := range slices.Clone(g.members) {
				o.leave()
			}
		}
		po.group = nil
	}
}

// openStream names a group under the key. A name is never given twice.
func (k *groupKey) openStream() uint16 {
	id := k.next % wire.MaxCasts
	k.next++
	k.given++
	return id
}

// groups is what a session's peer has told of its groups.
type groups struct {
	key     *groupKey         // the peer's; nil: none was told
	streams map[uint16]uint16 // of the session, by group stream
	early   []earlyCast
}

// earlyCast is an opened run of a group that we do not know yet.
type earlyCast struct {
	head    wire.Cast
	symbols []byte
}

// take learns the peer's key. A new one ends the groups under the old one.
func (g *groups) take(secret [wire.CastKeySize]byte) {
	if g.key != nil && g.key.secret == secret {
		return
	}
	if k, err := newGroupKey(secret); err == nil {
		*g = groups{key: k, streams: map[uint16]uint16{}}
	}
}

// enter notes which stream goes under a group stream; false: the table is full.
func (g *groups) enter(group, stream uint16, live func(uint16) bool) bool {
	if len(g.streams) >= maxIncoming {
		for name, id := range g.streams {
			if !live(id) {
				delete(g.streams, name)
			}
		}
	}
	if _, known := g.streams[group]; !known && len(g.streams) >= maxIncoming {
		return false
	}
	g.streams[group] = stream
	return true
}
