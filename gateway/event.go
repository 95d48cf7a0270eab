package gateway

import (
	"time"

	"packhorse/gateway/domain"
	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/store"
)

// Event is what goes into and comes out of a Core besides frames. The concrete types of this
// file are the whole set.
type Event interface{ gatewayEvent() }

// Token names a request; its Answer carries the same. The shell chooses it, never twice.
type Token uint64

// From the shell into the core.
type (
	// FromPort passes an event of a transport to the link: PortUp, PortDown, PortClear, PortBudget, Tuned
	// or Probe. Others are ignored.
	FromPort struct{ Event link.Event }
	// PortBlocked tells that a port may not send before Until (airtime budget); the zero time means it may.
	PortBlocked struct {
		Port  link.Port
		Until time.Time
	}
	// Persisted answers Persist, in the order of Seq. With an Err nothing of the batch counts.
	Persisted struct {
		Seq uint64
		Err error
	}
	// Loaded answers Load. With an Err the record could not be read.
	Loaded struct {
		Kind  store.Kind
		Key   string
		Value []byte
		Err   error
	}
	// Room tells by how many octets the store may grow. The shell tells at the start, after batches and
	// now and then, since other programs fill disks too. Until the first, nothing is refused for room.
	Room struct{ Bytes int64 }
	// Clock tells how far the wall clock reading of `now` can be trusted from here on.
	Clock struct{ Quality pki.Quality }
	// Up names the gateway and gives it a domain. Empty fields leave things as they are; Owner
	// is made by the shell with domain.NewOwner, since making keys takes seconds on a small
	// board, and is only taken when there is no domain yet. Answer value: nil.
	Up struct {
		Token Token
		Name  string
		Owner *domain.Owner
	}
	// Deliver takes a parcel of a local endpoint. It is durable when the Answer comes.
	// Answer value: Parcel. Errors: *ramf.Error, *Error.
	Deliver struct {
		Token  Token
		Parcel []byte
	}
	// Register takes PNRR octets. Answer value: []byte, the PNR octets, durable.
	Register struct {
		Token Token
		PNRR  []byte
	}
	// Collect opens a subscription to what waits and arrives for these endpoints; Sub is chosen
	// by the shell. It has no Answer.
	Collect struct {
		Sub uint64
		IDs []pki.NodeID
	}
	// Next asks for the next parcel of a subscription. Answer value: *Collected, nil when
	// nothing waits and Wait is false. With Wait the Answer may come much later.
	Next struct {
		Token Token
		Sub   uint64
		Wait  bool
	}
	// Ack tells that the endpoint has the parcel named Key. Answer value: nil, once durable.
	Ack struct {
		Token Token
		Sub   uint64
		Key   string
	}
	// CloseCollect ends a subscription; a waiting Next is answered with nil.
	CloseCollect struct{ Sub uint64 }
	// Send makes a parcel from the built-in endpoint to a contact, by name or endpoint id. TTL 0
	// means 14 days. Answer value: Parcel, durable.
	Send struct {
		Token    Token
		To       string
		Type     string
		Filename string
		Priority link.Priority
		TTL      time.Duration
		Content  []byte
	}
	// ReadLetter asks for a letter by id or unique prefix and marks it read. Answer value:
	// Letter with Content.
	ReadLetter struct {
		Token Token
		ID    string
	}
	// DeleteLetter deletes a letter for good, by id or unique prefix; with ID empty all that were read.
	// What waited for room in the inbox comes in. Answer value: int, how many.
	DeleteLetter struct {
		Token Token
		ID    string
	}
	// OpenPairing lets one stranger in by code or by invite until ten minutes from now. Answer
	// value: PairOffer. JoinPairing goes looking for who opened it; its Answer comes when the
	// pairing ended, as that of AwaitPairing does: value PairResult.
	OpenPairing struct{ Token Token }
	JoinPairing struct {
		Token Token
		Text  string // code or invite
	}
	AwaitPairing struct{ Token Token }
	// ClosePairing ends a pairing in either role; those who wait get an error.
	ClosePairing struct{}
	// ContactCard asks for the built-in endpoint's public card, ExportContact authorises the
	// endpoint of a card to write to us, AddContact takes what another exported. Answer values:
	// string, string, nil.
	ContactCard   struct{ Token Token }
	ExportContact struct {
		Token Token
		Card  string
	}
	AddContact struct {
		Token Token
		Name  string
		Text  string
	}
	// Revoke takes a gateway, by name or hex id, out of the domain. Only the owner can. Answer value: nil, once durable.
	Revoke struct {
		Token Token
		Name  string
	}
	// Forget drops a waiting request: its Answer will not come.
	Forget struct{ Token Token }
)

// From the core to the shell.
type (
	// Persist asks to make a batch durable: first the operations, all or nothing, then each secret
	// to its own file, in order. The last secret is what makes the batch count: until it is there, a
	// crash leaves only records that nobody looks at. The slices belong to the shell. Batches are
	// applied in order of Seq, each answered with Persisted.
	Persist struct {
		Seq     uint64
		Secrets []Secret
		Ops     []store.Op
	}
	// Load asks for a record that the core does not hold in memory. It sees every batch of
	// a lower Seq: answer after those.
	Load struct {
		Kind store.Kind
		Key  string
	}
	// Tune asks a port for another setting, as link.Tune; its answer is FromPort with link.Tuned.
	Tune struct {
		Port link.Port
		Rate int
	}
	// Answer ends the request of its Token. Err is *Error or *ramf.Error where a caller can act on it.
	Answer struct {
		Token Token
		Value any
		Err   error
	}
	// ParcelChanged, PeerChanged, LetterArrived and PairingEnded are notices for people.
	ParcelChanged struct{ Parcel Parcel }
	PeerChanged   struct{ Peer Peer }
	LetterArrived struct{ Letter Letter }
	PairingEnded  struct {
		Result PairResult
		Err    error
	}
	// Notice is something worth a log line: a refused item, a failed store, a join turned down.
	Notice struct {
		Text string
		Warn bool
	}
)

// Secret is a file of mode 0600 outside the log: keys, and what holds keys.
type Secret struct {
	Name  string // one of the Secret... names
	Value []byte
}

// Names of secrets.
const (
	SecretIdentity   = "identity.key" // domain.Identity
	SecretOwner      = "owner.key"    // domain.Owner
	SecretMembership = "membership"   // domain.Membership: it holds the pre-shared key
	SecretEndpoint   = "endpoint.key" // PKCS #8 of the built-in endpoint's identity key
	SecretInternet   = "internet.key" // PKCS #8 of the identity key of the Internet gateway role
)

func (FromPort) gatewayEvent()      {}
func (PortBlocked) gatewayEvent()   {}
func (Persisted) gatewayEvent()     {}
func (Loaded) gatewayEvent()        {}
func (Room) gatewayEvent()          {}
func (Clock) gatewayEvent()         {}
func (Up) gatewayEvent()            {}
func (Deliver) gatewayEvent()       {}
func (Register) gatewayEvent()      {}
func (Collect) gatewayEvent()       {}
func (Next) gatewayEvent()          {}
func (Ack) gatewayEvent()           {}
func (CloseCollect) gatewayEvent()  {}
func (Send) gatewayEvent()          {}
func (ReadLetter) gatewayEvent()    {}
func (DeleteLetter) gatewayEvent()  {}
func (OpenPairing) gatewayEvent()   {}
func (JoinPairing) gatewayEvent()   {}
func (AwaitPairing) gatewayEvent()  {}
func (ClosePairing) gatewayEvent()  {}
func (ContactCard) gatewayEvent()   {}
func (ExportContact) gatewayEvent() {}
func (AddContact) gatewayEvent()    {}
func (Revoke) gatewayEvent()        {}
func (Forget) gatewayEvent()        {}
func (Persist) gatewayEvent()       {}
func (Load) gatewayEvent()          {}
func (Tune) gatewayEvent()          {}
func (Answer) gatewayEvent()        {}
func (ParcelChanged) gatewayEvent() {}
func (PeerChanged) gatewayEvent()   {}
func (LetterArrived) gatewayEvent() {}
func (PairingEnded) gatewayEvent()  {}
func (Notice) gatewayEvent()        {}
