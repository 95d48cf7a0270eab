package admin

// The answers of the API that are not one of the Backend's types by itself. Each
// names its schema; version 1 only grows. Arrays are never null.
type (
	// QueueReply answers GET /v1/queue.
	QueueReply struct {
		Schema  string   `json:"schema"`
		Parcels []Parcel `json:"parcels"`
	}
	// ParcelReply answers POST /v1/send and GET /v1/parcels/ID.
	ParcelReply struct {
		Schema string `json:"schema"`
		Parcel
	}
	// InboxReply answers GET /v1/inbox.
	InboxReply struct {
		Schema  string   `json:"schema"`
		Letters []Letter `json:"letters"`
	}
	// LetterReply answers POST /v1/inbox/ID.
	LetterReply struct {
		Schema string `json:"schema"`
		Letter
	}
	// ContactsReply answers GET /v1/contacts.
	ContactsReply struct {
		Schema   string   `json:"schema"`
		Contacts []string `json:"contacts"`
	}
	// TextReply answers GET /v1/contacts/card and POST /v1/contacts/export.
	TextReply struct {
		Schema string `json:"schema"`
		Text   string `json:"text"`
	}
	// PairOfferReply answers POST /v1/pairing.
	PairOfferReply struct {
		Schema string `json:"schema"`
		PairOffer
	}
	// PairResultReply answers GET /v1/pairing and POST /v1/pairing/join.
	PairResultReply struct {
		Schema string `json:"schema"`
		PairResult
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
	SchemaContacts = "packhorse.contacts/1"
	SchemaText     = "packhorse.text/1"
	SchemaOffer    = "packhorse.pair_offer/1"
	SchemaPaired   = "packhorse.pair_result/1"
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

// whole makes arrays of s that are never null, and names the schema.
func whole(s Status) Status {
	s.Schema = SchemaStatus
	s.Problems = list(s.Problems)
	s.Radios = list(s.Radios)
	s.Peers = list(s.Peers)
	for i := range s.Peers {
		s.Peers[i].Ports = list(s.Peers[i].Ports)
	}
	return s
}

// list is never nil, so that JSON shows [] and not null.
func list[T any](in []T) []T {
	if in == nil {
		return []T{}
	}
	return in
}
