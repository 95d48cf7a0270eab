package wire

import "encoding/binary"

// Kind names a message inside a control frame.
type Kind uint8

// The kinds of messages. Stream ids are the body's sender's.
const (
	KindOffer   Kind = 1  // sender: will you take this body?
	KindAnswer  Kind = 2  // receiver: yes, no, or who is that
	KindNeed    Kind = 3  // receiver: so many more symbols of these blocks
	KindPush    Kind = 4  // sender: a small body, whole
	KindCustody Kind = 5  // receiver: it is on disk here, or it is turned away
	KindCancel  Kind = 6  // sender: forget this stream
	KindPoll    Kind = 7  // sender: what of this stream do you hold?
	KindBye     Kind = 8  // this session is over
	KindSymbols Kind = 9  // sender: symbols of the first block
	KindCast    Kind = 10 // sender: the stream also goes to a group, under this name

	KindMove  Kind = 11 // sender of symbols: change to another setting for a while
	KindMoved Kind = 12 // the answer
	// KindUrgent says that the sender has an emergency for somebody else.
	KindUrgent Kind = 13
)

// Flag qualifies a kind.
type Flag uint8

// Flags by kind, in the high nibble of a message's first octet.
const (
	FlagFollows Flag = 0x10 // offer: the data follows without waiting for an answer
	FlagHeld    Flag = 0x10 // answer: an account of what is held already is attached
	FlagHad     Flag = 0x10 // custody: it was in custody before
	FlagVain    Flag = 0x40 // offer, poll, push: asked before, more than once and in vain
	FlagAlone   Flag = 0x20 // answer, need: not as one of a group, please
	FlagKey     Flag = 0x10 // cast: the key is attached
)

// Answers; a refusal adds its reason to CodeRefuse.
const (
	CodeAccept uint8 = 0
	CodeHave   uint8 = 1
	CodeAgain  uint8 = 2 // the stream is unknown here: offer it again
	CodeRefuse uint8 = 16
)

// Limits of one message.
const (
	MaxNeeds  = 64
	MaxSize   = 1 << 28
	OfferSize = 32 // at most
	PushHead  = 14 // at most, around the body
)

// BlockNeed asks for N more symbols of a block.
type BlockNeed struct {
	Block uint16
	N     uint8
}

// Message is the union of all messages; the table names the fields of each kind.
//
//	octet 0: flags in the high nibble, kind in the low
//	offer    stream 2, digest 16, item kind 1, priority 1, size v, lifetime v, cost 2
//	answer   stream 2, code 1, with FlagHeld: the account of need
//	need     stream 2, account: upto v, count 1, count times (block v, n 1)
//	push     stream 2, item kind 1, priority 1, lifetime v, cost 2, length v, body
//	custody  stream 2, code 1 (a reason, 0 = stored)
//	cancel   stream 2
//	poll     stream 2, upto v
//	bye      -
//	urgent   -
//	symbols  stream 2, index of the first 1 (in Code), length v, symbols (in Body)
//	cast     stream 2, group stream 2, place 1, with FlagKey: key 16
//	move     excursion
//	moved    excursion
//
// v is an unsigned varint. In an account, blocks rise and are written as the distance
// from the one before; blocks below Upto that are not listed are complete.
type Message struct {
	Kind     Kind
	Flags    Flag
	Stream   uint16
	Digest   [16]byte
	ItemKind uint8
	Priority uint8
	Size     uint32
	Lifetime uint32 // minutes
	Cost     uint16
	Code     uint8
	Upto     uint16 // at most MaxBlocks
	Needs    []BlockNeed
	Body     []byte // borrowed after ParseMessage
	Cast     Membership
	Excursion
}

// AppendMessage appends m.
func AppendMessage(b []byte, m *Message) []byte {
	b = append(b, byte(m.Flags)&0xf0|byte(m.Kind))
	if m.Kind == KindBye || m.Kind == KindUrgent {
		return b
	}
	if m.Kind.excursion() {
		return appendExcursion(b, m)
	}
	b = binary.BigEndian.AppendUint16(b, m.Stream)
	switch m.Kind {
	case KindOffer:
		b = append(b, m.Digest[:]...)
		b = append(b, m.ItemKind, m.Priority)
		b = binary.AppendUvarint(b, uint64(m.Size))
		b = binary.AppendUvarint(b, uint64(m.Lifetime))
		b = binary.BigEndian.AppendUint16(b, m.Cost)
	case KindAnswer:
		b = append(b, m.Code)
		if m.Flags&FlagHeld != 0 {
			b = appendNeeds(b, m)
		}
	case KindNeed:
		b = appendNeeds(b, m)
	case KindPush:
		b = append(b, m.ItemKind, m.Priority)
		b = binary.AppendUvarint(b, uint64(m.Lifetime))
		b = binary.BigEndian.AppendUint16(b, m.Cost)
		b = binary.AppendUvarint(b, uint64(len(m.Body)))
		b = append(b, m.Body...)
	case KindCustody:
		b = append(b, m.Code)
	case KindPoll:
		b = binary.AppendUvarint(b, uint64(m.Upto))
	case KindSymbols:
		b = binary.AppendUvarint(append(b, m.Code), uint64(len(m.Body)))
		b = append(b, m.Body...)
	case KindCast:
		b = m.appendCast(b)
	}
	return b
}

// SymbolsHead is what a message of symbols has around them, at most.
const SymbolsHead = 6

// AppendSymbols appends the head of a message of symbols; n octets of them follow.
func AppendSymbols(b []byte, stream uint16, first uint8, n int) []byte {
	b = binary.BigEndian.AppendUint16(append(b, byte(KindSymbols)), stream)
	return binary.AppendUvarint(append(b, first), uint64(n))
}

func appendNeeds(b []byte, m *Message) []byte {
	b = binary.AppendUvarint(b, uint64(m.Upto))
	b = append(b, byte(len(m.Needs)))
	last := uint16(0)
	for _, n := range m.Needs {
		b = binary.AppendUvarint(b, uint64(n.Block-last))
		b = append(b, n.N)
		last = n.Block
	}
	return b
}

// ParseMessage reads the first message of b into m, whose Needs it reuses, and returns what follows.
func ParseMessage(b []byte, m *Message) (rest []byte, err error) {
	needs := m.Needs[:0]
	*m = Message{Needs: needs}
	r := reader{b: b}
	first := r.octet()
	m.Kind, m.Flags = Kind(first&15), Flag(first&0xf0)
	if m.Kind < KindOffer || m.Kind > KindCast && m.Kind != KindUrgent && !m.Kind.excursion() {
		return nil, ErrFrame
	}
	if m.Kind != KindBye && m.Kind != KindUrgent && !m.Kind.excursion() {
		m.Stream = r.uint16()
	}
	m.parseFields(&r)
	if r.bad {
		return nil, ErrFrame
	}
	return r.b, nil
}

func (m *Message) parseFields(r *reader) {
	switch m.Kind {
	case KindOffer:
		copy(m.Digest[:], r.take(16))
		m.ItemKind, m.Priority = r.octet(), r.octet()
		m.Size = r.varint(MaxSize)
		m.Lifetime = r.varint(1<<32 - 1)
		m.Cost = r.uint16()
	case KindAnswer:
		m.Code = r.octet()
		if m.Flags&FlagHeld != 0 {
			m.parseNeeds(r)
		}
	case KindNeed:
		m.parseNeeds(r)
	case KindPush:
		m.ItemKind, m.Priority = r.octet(), r.octet()
		m.Lifetime = r.varint(1<<32 - 1)
		m.Cost = r.uint16()
		m.Body = r.take(int(r.varint(1 << 16)))
	case KindCustody:
		m.Code = r.octet()
	case KindPoll:
		m.Upto = uint16(r.varint(MaxBlocks))
	case KindSymbols:
		m.Code = r.octet()
		m.Body = r.take(int(r.varint(1 << 16)))
	case KindCast:
		m.parseCast(r)
	case KindMove, KindMoved:
		m.parseExcursion(r)
	}
}

func (m *Message) parseNeeds(r *reader) {
	m.Upto = uint16(r.varint(MaxBlocks))
	count := int(r.octet())
	if count > MaxNeeds {
		r.bad = true
	}
	last := uint32(0)
	for i := 0; i < count && !r.bad; i++ {
		delta := r.varint(MaxBlocks)
		last += delta
		n := r.octet()
		if last >= uint32(m.Upto) || n == 0 || (i > 0 && delta == 0) {
			r.bad = true
			return
		}
		m.Needs = append(m.Needs, BlockNeed{uint16(last), n})
	}
}
