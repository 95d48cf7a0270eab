package link

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"packhorse/link/wire"
)

// Reader says in words what a core's own frames hold. It opens them with the core's keys, just after
// the core handed them out.
type Reader struct {
	Core    *Core
	Body    func(Digest) string // names a body
	Gateway func(PeerID) string

	streams map[streamName]Digest // also of those that ended
}

type streamName struct {
	session uint16
	stream  uint16
	ours    bool
}

// WearOut makes a core's sessions old, so that they are replaced at their next use.
func WearOut(c *Core, now time.Time) {
	for _, s := range c.sessions {
		s.since = now.Add(-rekeyAge)
	}
}

// Falsify makes a core lie about a body that it sends: one octet is another from now on. It reports whether the body is
// loaded, which is when its digest is checked.
func Falsify(c *Core, d Digest, octet int) bool {
	b := c.bodies[d]
	if b == nil || b.data == nil {
		return false
	}
	b.data = bytes.Clone(b.data)
	b.data[octet%len(b.data)] ^= 1
	return true
}

// Read answers whom the frame is for and what it is.
func (r *Reader) Read(f []byte) (to, what string) {
	switch t := wire.TypeOf(f); t {
	case wire.TypeBeacon:
		return "*", "beacon" + r.beacon(f)
	case wire.TypeQuery:
		return "*", r.query(f)
	case wire.TypeRecord:
		return "*", "record"
	case wire.TypeHandshake1:
		h, _ := wire.ParseHandshake1(f)
		if pa := r.Core.openings[h.Index]; pa != nil {
			to = r.Gateway(pa.peer.id)
		}
		return to, "handshake 1"
	case wire.TypeHandshake2:
		h, _ := wire.ParseHandshake2(f)
		if s := r.Core.sessions[h.Index]; s != nil {
			to = r.Gateway(s.path.peer.id)
		}
		return to, "handshake 2"
	case wire.TypeControl:
		return r.control(f)
	case wire.TypeCast:
		return r.cast(f)
	case wire.TypePAKE1, wire.TypePAKE2, wire.TypePairing1, wire.TypePairing2:
		return "*", fmt.Sprintf("pairing, type %X", uint8(t))
	}
	return r.data(f)
}

// beacon tells the low nibble.
func (r *Reader) beacon(f []byte) string {
	var s string
	if f[0]&8 != 0 {
		s += ", an emergency waits here"
	}
	if q := f[0] & 7; q != 0 {
		s += fmt.Sprintf(", clock %d", q)
	}
	return s
}

func (r *Reader) query(f []byte) string {
	if f[0]&15 == 1 {
		return "clear to send"
	}
	return "who is that?"
}

// session is the one that sends to that index and can open the frame.
func (r *Reader) session(to uint16, opens func(*session) bool) *session {
	for _, s := range r.Core.sessions {
		if s.remote == to && opens(s) {
			return s
		}
	}
	return nil
}

// only is the neighbour, where there is one: a sign of life does not say whom it is for.
func (r *Reader) only() (name string) {
	for _, p := range r.Core.peers {
		if p.up() && name != "" {
			return ""
		} else if p.up() {
			name = r.Gateway(p.id)
		}
	}
	return name
}

func (r *Reader) control(f []byte) (to, what string) {
	if wire.IsAlive(f) {
		a, _ := wire.ParseAlive(f)
		return r.only(), fmt.Sprintf("alive, %d frames came", a.Heard)
	}
	h, sealed, err := wire.ParseControl(f)
	if err != nil {
		return "", fmt.Sprintf("control, variant %d", f[0]&15)
	}
	var plain []byte
	s := r.session(h.To, func(s *session) (ok bool) {
		counter := s.counter - 1
		for uint16(counter) != h.Counter && counter > 0 {
			counter--
		}
		plain, ok = s.sendControl.open(wire.ControlNonce(counter), sealed, f[:wire.ControlHeader], wire.TagSize)
		return ok
	})
	if s == nil {
		return "", "control"
	}
	return r.Gateway(s.path.peer.id), r.messages(s, plain)
}

// messages lists them.
func (r *Reader) messages(s *session, b []byte) string {
	var all []string
	var m wire.Message
	for len(b) > 0 {
		rest, err := wire.ParseMessage(b, &m)
		if err != nil {
			return "control that does not parse"
		}
		all, b = append(all, r.message(s, &m)), rest
	}
	if len(all) == 0 {
		return "control, empty"
	}
	return strings.Join(all, "; ")
}

// stream names the body that a stream carries. Ours and the peer's have names of their own.
func (r *Reader) stream(s *session, id uint16, ours bool) string {
	if r.streams == nil {
		r.streams = map[streamName]Digest{}
	}
	name := streamName{s.index, id, ours}
	if o := s.out[id]; ours && o != nil {
		r.streams[name] = o.item.Digest
	}
	if st := s.in[id]; !ours && st != nil {
		r.streams[name] = st.item.Digest
	}
	if d, ok := r.streams[name]; ok {
		return r.Body(d)
	}
	return "something"
}

var priorities = [...]string{"emergency", "message", "bulk"}

var reasons = [...]string{"none", "full", "unauthorised", "expired", "malformed", "loop", "policy", "busy", "unknown"}

func (r *Reader) message(s *session, m *wire.Message) string {
	ours := r.stream(s, m.Stream, true)
	theirs := r.stream(s, m.Stream, false)
	switch m.Kind {
	case wire.KindOffer:
		follows := ""
		if m.Flags&wire.FlagFollows != 0 {
			follows = ", its data follows"
		}
		return fmt.Sprintf("offer of %s: %d octets, %s%s", r.Body(Digest(m.Digest)), m.Size, priorities[min(m.Priority, 2)], follows)
	case wire.KindPush:
		return fmt.Sprintf("push of %s: %d octets, %s", ours, len(m.Body), priorities[min(m.Priority, 2)])
	case wire.KindPoll:
		return "what of " + ours + "?"
	case wire.KindCancel:
		return "forget " + ours
	case wire.KindCast:
		key := ""
		if m.Flags&wire.FlagKey != 0 {
			key = ", with the key"
		}
		return fmt.Sprintf("%s goes to a group, place %d%s", ours, m.Cast.Place, key)
	case wire.KindAnswer:
		return r.answer(theirs, m)
	case wire.KindNeed:
		return fmt.Sprintf("of %s %s", theirs, account(m))
	case wire.KindCustody:
		return custody(theirs, m)
	case wire.KindBye:
		return "bye"
	case wire.KindUrgent:
		return "an emergency for another waits here"
	case wire.KindMove, wire.KindMoved:
		return excursion(m)
	}
	if m.Kind == wire.KindSymbols {
		return fmt.Sprintf("%d octets of symbols from %d on", len(m.Body), m.Code)
	}
	return fmt.Sprintf("message of kind %d", m.Kind)
}

func excursion(m *wire.Message) string {
	switch {
	case m.Kind == wire.KindMove && m.Flags&wire.FlagBack != 0:
		return "back to the common setting"
	case m.Kind == wire.KindMove:
		return fmt.Sprintf("move to setting %x for %d s, SNR %d", m.Setting, m.Span, m.SNRdB)
	}
	if m.Code != wire.MovedYes {
		return fmt.Sprintf("no move: %d", m.Code)
	}
	return fmt.Sprintf("moved for %d s, SNR %d", m.Span, m.SNRdB)
}

func (r *Reader) answer(body string, m *wire.Message) string {
	switch {
	case m.Code == wire.CodeAccept && m.Flags&wire.FlagHeld != 0:
		return fmt.Sprintf("%s is welcome, %s", body, account(m))
	case m.Code == wire.CodeAccept:
		return body + " is welcome"
	case m.Code == wire.CodeHave:
		return body + " is here already"
	case m.Code == wire.CodeAgain:
		return "what is that stream? offer it again"
	}
	return body + " refused: " + reason(m.Code-wire.CodeRefuse)
}

func reason(code uint8) string {
	if int(code) < len(reasons) {
		return reasons[code]
	}
	return fmt.Sprint(code)
}

func custody(body string, m *wire.Message) string {
	switch {
	case m.Code != 0:
		return body + " turned away: " + reason(m.Code)
	case m.Flags&wire.FlagHad != 0:
		return "custody of " + body + ", as before"
	}
	return "custody of " + body
}

// account tells what is missing.
func account(m *wire.Message) string {
	var all []string
	for _, n := range m.Needs {
		all = append(all, fmt.Sprintf("%d of block %d", n.N, n.Block))
	}
	s := "all is here"
	if len(all) > 0 {
		s = "missing " + strings.Join(all, ", ")
	}
	if m.Flags&wire.FlagAlone != 0 {
		s += ", alone please"
	}
	return fmt.Sprintf("%s (of the first %d blocks)", s, m.Upto)
}

func (r *Reader) data(f []byte) (to, what string) {
	h, sealed, err := wire.ParseData(f)
	if err != nil {
		return "*", fmt.Sprintf("type %X", uint8(wire.TypeOf(f)))
	}
	for _, s := range r.Core.sessions {
		o := s.out[h.Stream]
		if o == nil {
			continue
		}
		n := len(sealed) - h.TagSize()
		if _, ok := s.sendData.open(h.Nonce(n), sealed, f[:wire.DataHeader], h.TagSize()); ok {
			asks := map[bool]string{h.Poll: ", what came?", h.Check: ", alive?"}[true]
			return r.Gateway(s.path.peer.id), symbolsOf(r.stream(s, h.Stream, true), o.lay, int(h.Block), int(h.First), n/o.lay.sym) + asks
		}
	}
	return "", "data"
}

func (r *Reader) cast(f []byte) (to, what string) {
	h, sealed, err := wire.ParseCast(f)
	if err != nil {
		return "*", "cast"
	}
	for _, p := range r.Core.ports {
		for _, g := range p.casts {
			if g.stream == h.Stream {
				asks := map[bool]string{true: ", what came?"}[h.Poll]
				return "*", "to a group: " + symbolsOf(r.Body(g.digest), g.lay, int(h.Block), int(h.First), (len(sealed)-wire.ShortTag)/g.lay.sym) + asks
			}
		}
	}
	return "*", "cast"
}

// symbolsOf names a run: s are the symbols of the body, r those that repair.
func symbolsOf(body string, lay layout, block, first, n int) string {
	name := func(i int) string {
		if k := lay.data(block); i >= k {
			return fmt.Sprintf("r%d", i-k)
		}
		return fmt.Sprintf("s%d", i)
	}
	where := body
	if lay.blocks > 1 {
		where = fmt.Sprintf("%s block %d", body, block)
	}
	if n == 1 {
		return fmt.Sprintf("%s %s of %d", where, name(first), lay.data(block))
	}
	return fmt.Sprintf("%s %s-%s of %d", where, name(first), name(first+n-1), lay.data(block))
}

// ReasonName is a reason in a word.
func ReasonName(r Reason) string { return reason(uint8(r)) }
