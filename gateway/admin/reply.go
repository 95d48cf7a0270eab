package admin

import "time"

// The answers of the API that are not one of the Backend's types by itself. Each
// names its schema; version 1 only grows. Arrays are never null.
type (
	// QueueReply answers GET /v1/queue.
	QueueReply struct {
		Head
		Parcels []Parcel `json:"parcels"`
	}
	// ParcelReply answers POST /v1/send and GET /v1/parcels/ID.
	ParcelReply struct {
		Head
		Parcel
	}
	// InboxReply answers GET /v1/inbox.
	InboxReply struct {
		Head
		Letters []Letter `json:"letters"`
	}
	// LetterReply answers POST /v1/inbox/ID.
	LetterReply struct {
		Head
		Letter
	}
	// DeletedReply answers DELETE /v1/inbox/ID, and DELETE /v1/inbox, which deletes what was read.
	DeletedReply struct {
		Head
		Letters int `json:"letters"`
	}
	// ContactsReply answers GET /v1/contacts.
	ContactsReply struct {
		Head
		Contacts []string `json:"contacts"`
	}
	// TextReply answers GET /v1/contacts/card and POST /v1/contacts/export.
	TextReply struct {
		Head
		Text string `json:"text"`
	}
	// PairOfferReply answers POST /v1/pairing.
	PairOfferReply struct {
		Head
		PairOffer
	}
	// PairResultReply answers GET /v1/pairing and POST /v1/pairing/join.
	PairResultReply struct {
		Head
		PairResult
	}
	// DoneReply answers POST /v1/contacts.
	DoneReply struct {
		Head
	}
	// ErrorReply is the body of every answer that is not a success.
	ErrorReply struct {
		Error *Error `json:"error"`
	}
)

// The schemas of the answers.
const (
	SchemaStatus   = "packhorse.status/1"
	SchemaQueue    = "packhorse.queue/1"
	SchemaParcel   = "packhorse.parcel/1"
	SchemaInbox    = "packhorse.inbox/1"
	SchemaLetter   = "packhorse.letter/1"
	SchemaDeleted  = "packhorse.deleted/1"
	SchemaContacts = "packhorse.contacts/1"
	SchemaText     = "packhorse.text/1"
	SchemaOffer    = "packhorse.pair_offer/1"
	SchemaPaired   = "packhorse.pair_result/1"
	SchemaDone     = "packhorse.done/1"
	SchemaEvent    = "packhorse.event/1"
)

// The requests that are not one of the Backend's types by itself.
type (
	joinRequest struct {
		CodeOrInvite string `json:"code_or_invite"`
	}
	exportRequest struct {
		Card string `json:"card"`
	}
	contactRequest struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
)

// NewHead is the head of an answer given now; clock may be empty.
func NewHead(schema, clock string) Head {
	return Head{Schema: schema, At: time.Now().UTC().Truncate(time.Millisecond), Clock: clock}
}

// said is how a client learns of the clock from any answer.
func (h Head) said() string { return h.Clock }

// head begins an answer of the server.
func (s *server) head(schema string) Head {
	if c, ok := s.b.(ClockTeller); ok {
		return NewHead(schema, c.ClockQuality())
	}
	return NewHead(schema, "")
}

// whole makes arrays of st that are never null, and its head.
func (s *server) whole(st Status) Status {
	h := s.head(SchemaStatus)
	if st.Clock != "" {
		h.Clock = st.Clock
	}
	st.Head = h
	st.fill()
	return st
}

// fill makes arrays that are never null.
func (s *Status) fill() {
	s.Problems = list(s.Problems)
	s.Radios = list(s.Radios)
	s.Peers = list(s.Peers)
	s.Uplinks = list(s.Uplinks)
	if s.Dropped == nil {
		s.Dropped = map[string]uint64{}
	}
	for i := range s.Peers {
		s.Peers[i].Ports, s.Peers[i].Paths = list(s.Peers[i].Ports), list(s.Peers[i].Paths)
	}
}

// list is never nil, so that JSON shows [] and not null.
func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
