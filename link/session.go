package link

import (
	"slices"
	"time"

	"github.com/flynn/noise"

	"packhorse/link/wire"
)

// When a session is replaced at its next use, and how much of its streams is remembered.
const (
	rekeyFrames  = 1 << 20
	rekeyAge     = 7 * 24 * time.Hour
	rekeyStreams = 60000
	maxStreams   = 1 << 16
	maxInStreams = 256
	maxEarly     = 8
)

// session is the keys between two gateways on one port, and the streams under them.
type session struct {
	path   *path
	index  uint16 // ours: peers put it in front
	remote uint16 // theirs
	since  time.Time
	boot   uint32 // of the peer, as it said inside the handshake

	sendControl, recvControl *sealer
	sendData, recvData       *sealer
	counter                  uint64
	window                   replay
	frames                   uint64 // sealed, of both kinds

	nextStream uint16
	streams    int
	out        map[uint16]*outgoing
	in         map[uint16]*inStream
	inOrder    []uint16 // as they came, for forgetting
	owed       []uint16 // streams that wait for a word that we can give
	cancels    []uint16
	early      []earlyFrame
	groups     groups    // of the peer
	told       *groupKey // ours that the peer knows
	bye        bool      // to be sent
}

// earlyFrame is an opened run of symbols whose offer is still on its way.
type earlyFrame struct {
	head    wire.Data
	symbols []byte
}

// newSession derives both directions' keys from a finished handshake; send and recv
// are the Noise split in our direction and theirs.
func (c *Core) newSession(pa *path, index, remote uint16, send, recv *noise.CipherState) (*session, error) {
	s := &session{path: pa, index: index, remote: remote, since: c.now,
		out: map[uint16]*outgoing{}, in: map[uint16]*inStream{}, nextStream: c.random16()}
	var err error
	for _, k := range []struct {
		to      **sealer
		from    *noise.CipherState
		purpose string
	}{
		{&s.sendControl, send, "control"}, {&s.recvControl, recv, "control"},
		{&s.sendData, send, "data"}, {&s.recvData, recv, "data"},
	} {
		root := k.from.UnsafeKey()
		key := derive(root[:], nil, k.purpose)
		if *k.to, err = newSealer(key[:]); err != nil {
			return nil, err
		}
	}
	return s, nil
}

// full reports whether data frames carry whole tags on this medium.
func (s *session) full() bool { return s.path.port.medium != Radio }

// unproven reports whether the peer has not shown yet that it holds the keys too; after
// so many frames of ours it is not our confirmation that is missing.
func (s *session) unproven() bool { return s.window.next == 0 && s.counter < 8 }

// worn reports whether the session should be replaced before it is used further.
func (s *session) worn(now time.Time) bool {
	return s.frames >= rekeyFrames || s.streams >= rekeyStreams || now.Sub(s.since) >= rekeyAge
}

// openStream gives a transfer its name under these keys. A name is never given twice.
func (s *session) openStream(o *outgoing) uint16 {
	id := s.nextStream
	s.nextStream++
	s.streams++
	s.out[id] = o
	return id
}

// openControl verifies and opens a control frame; the window moves only now.
func (c *Core) openControl(s *session, h wire.Control, head, sealed []byte) ([]byte, bool) {
	counter := s.window.rebuild(h.Counter)
	if !s.window.fresh(counter) {
		c.drop(DropReplay)
		return nil, false
	}
	plain, ok := s.recvControl.open(wire.ControlNonce(counter), sealed, head, wire.TagSize)
	if !ok {
		c.drop(DropForged)
		return nil, false
	}
	s.window.mark(counter)
	return plain, true
}

// remember keeps what was said on an incoming stream, and forgets the oldest. That it was not known is not to be said any more.
func (s *session) remember(st *inStream) {
	s.settle(st.stream)
	if len(s.inOrder) >= maxInStreams {
		s.forgetOldest()
	}
	s.in[st.stream] = st
	s.inOrder = append(s.inOrder, st.stream)
}

// forgetOldest drops the oldest stream that is finished, or the oldest of all.
func (s *session) forgetOldest() {
	at := 0
	for i, id := range s.inOrder {
		if s.in[id].finished() {
			at = i
			break
		}
	}
	st := s.in[s.inOrder[at]]
	delete(s.in, s.inOrder[at])
	s.inOrder = append(s.inOrder[:at], s.inOrder[at+1:]...)
	if st.body != nil {
		st.body.leave(st)
	}
}

// owe notes that the stream's sender waits for an answer.
func (s *session) owe(stream uint16) {
	for _, id := range s.owed {
		if id == stream {
			return
		}
	}
	if len(s.owed) < maxInStreams {
		s.owed = append(s.owed, stream)
	}
}

// settle takes back what is owed on a stream: there is nothing to say until it is decided or stored, and then it is owed anew.
func (s *session) settle(stream uint16) {
	s.owed = slices.DeleteFunc(s.owed, func(id uint16) bool { return id == stream })
}

// unused finds a session index that nothing holds.
func (c *Core) unusedIndex() uint16 {
	for {
		i := c.random16()
		if _, ok := c.sessions[i]; ok {
			continue
		}
		if _, ok := c.openings[i]; ok {
			continue
		}
		return i
	}
}

// forget removes a session from the tables. Its transfers must have left it.
func (c *Core) forget(s *session) {
	if s == nil {
		return
	}
	delete(c.sessions, s.index)
	for _, id := range s.inOrder {
		if st := s.in[id]; st.body != nil {
			st.body.leave(st)
		}
	}
	s.in, s.inOrder, s.owed = map[uint16]*inStream{}, nil, nil
}
