package link

import "time"

// PeerID names a gateway: its Ed25519 public key.
type PeerID [32]byte

// Digest names a body on the air: the first 16 octets of SHA-256(kind || body).
// It finds and deduplicates; whoever takes custody checks the whole body again.
type Digest [16]byte

// Port numbers one transport of this gateway. A radio is one port with many
// neighbours; each DTLS connection is a port of its own.
type Port uint16

// Medium is the kind of transport behind a port; it is part of the handshake
// prologue, so a frame of one medium never opens on another.
type Medium uint8

const (
	Radio    Medium = 1 // shared, half duplex, lossy, slow: 4-octet tags on bulk
	Serial   Medium = 2 // point to point, may lose octets: full tags
	Datagram Medium = 3 // DTLS or UDP, point to point: full tags
)

// Priority orders what waits. Lower is sooner.
type Priority uint8

const (
	Emergency Priority = iota
	Message
	Bulk
)

// Item describes a body that moves from one gateway's custody to another's.
type Item struct {
	Digest   Digest
	Kind     uint8 // the gateway's word for what it is; opaque here
	Priority Priority
	Size     int           // octets of the body
	Lifetime time.Duration // what is left of it; whole minutes on the air, rounded up
	Cost     uint16        // set anew at each hop by the gateway; opaque here
	// Ask offers a small item and waits for the answer, because the peer probably has it. It
	// does not travel.
	Ask bool
}

// Member is a gateway of our domain whose membership the gateway has verified.
type Member struct {
	ID     PeerID
	Static [32]byte // X25519 public key
}

// Reason is why an offer, a body or a peer was turned away. It travels on the air.
type Reason uint8

const (
	ReasonNone         Reason = iota
	ReasonFull                // no room under the quota
	ReasonUnauthorised        // the parcel's path does not allow it
	ReasonExpired
	ReasonMalformed
	ReasonLoop // passed on already: try another way
	ReasonPolicy
	ReasonBusy // later
	ReasonUnknown
)

// Verdict answers an offer.
type Verdict uint8

const (
	Accept Verdict = iota
	Have           // in custody here or known to be delivered
	Refuse
)

// Rate is a setting that a shared port can change to for a while, besides the common one
// that PortUp describes and where all stations meet.
type Rate struct {
	Name string // for people
	// Code names the setting among gateways: equal codes mean that both hear each other.
	Code    [6]byte
	MTU     int
	Airtime func(n int) time.Duration // as in PortUp
	Access  time.Duration             // as in PortUp
	// NeedsSNRdB is the SNR, as measured on the common setting, below which nothing is
	// received on this one: narrower margins of wider bandwidths and other powers are in it.
	NeedsSNRdB float64
}

// ClockQuality is how far a gateway trusts its wall clock, as its beacons tell.
type ClockQuality uint8

// Clock qualities, worst first.
const (
	ClockNone ClockQuality = iota
	ClockNeighbour
	ClockNTP
	ClockGPS
	ClockRTC
)

// Refund is airtime that counts against the law until At.
type Refund struct {
	At  time.Time
	Air time.Duration
}

// Event is what goes into and comes out of a Core besides frames. The concrete
// types below are the whole set.
type Event interface{ event() }

// Into the core.
type (
	// PortUp adds a transport. Airtime is how long n octets occupy it, preamble and
	// modem overhead included; Access is how long a station typically waits before
	// its first frame leaves (carrier sense, turnaround).
	PortUp struct {
		Port    Port
		Medium  Medium
		MTU     int
		Airtime func(n int) time.Duration
		Access  time.Duration
		// Peer names the only gateway that can be behind a point-to-point port,
		// when known; zero otherwise.
		Peer PeerID
		// OwnAccess tells that the port's medium access is ours: a frame taken is the next on
		// the air. Otherwise a modem may hold several that cannot be called back.
		OwnAccess bool
		// Rates are the further settings, at most 16, and Retune how long a change takes.
		Rates  []Rate
		Retune time.Duration
	}
	// Tuned answers Tune. With Failed the port is where it was.
	Tuned struct {
		Port   Port
		Rate   int
		Failed bool
	}
	// PortBudget tells how much airtime the law leaves: Left now, of PerHour in any hour. PerHour
	// zero: without limit. It is told after PortUp and again whenever it has changed by a few frames.
	PortBudget struct {
		Port          Port
		Left, PerHour time.Duration
		// Refunds are when the airtime used so far stops counting, in order of time. Borrowed.
		Refunds []Refund
		// Accounts are those of all settings, numbered as in Tune; none: they are as this one. Borrowed.
		Accounts []Account
	}
	// Clock tells how far our wall clock is trusted, for our beacons.
	Clock struct{ Quality ClockQuality }
	// Suspect tells that a peer's custody of an item came to nothing, as far as we know.
	Suspect struct {
		Peer   PeerID
		Digest Digest
	}
	// Vouch tells that a peer's custody of an item came to something: a receipt came.
	Vouch struct{ Peer PeerID }
	// PortDown removes a transport and its sessions; transfers go on elsewhere.
	PortDown struct{ Port Port }
	// PortClear tells when the frames handed out so far will have left the air. While the
	// law or a full modem keeps the port from taking frames for long, At is the
	// end of that: transfers then go by another port if there is one.
	PortClear struct {
		Port Port
		At   time.Time
	}
	// AddMember makes a gateway of the domain known. RemoveMember closes its sessions.
	AddMember    struct{ Member Member }
	RemoveMember struct{ ID PeerID }
	// Submit asks to bring an item into a peer's custody. Idempotent by (Peer, Digest).
	Submit struct {
		Peer PeerID
		Item Item
	}
	// Withdraw forgets a Submit; a running transfer is cancelled on the air.
	Withdraw struct {
		Peer   PeerID
		Digest Digest
	}
	// Loaded answers Load. Body is borrowed until the transfer ends or Unload. A nil body
	// means it is gone and withdraws every Submit of it.
	Loaded struct {
		Digest Digest
		Body   []byte
	}
	// Answer is the gateway's verdict on Offered.
	Answer struct {
		Peer    PeerID
		Digest  Digest
		Verdict Verdict
		Reason  Reason
	}
	// Stored answers Received: the body is on disk, custody is ours. With a Reason
	// other than ReasonNone it was turned away instead.
	Stored struct {
		Peer   PeerID
		Digest Digest
		Reason Reason
	}
	// Resume gives back, after a restart, what SavePartial kept.
	Resume struct {
		Item  Item
		Block int
		// Have is a bitmap of the symbols of this block, Symbols the symbols themselves in rising order.
		Have    [32]byte
		Symbols []byte
	}
	// OpenPairing lets one stranger in until the deadline, by code or by invite secret.
	// Exactly one of Code and Secret is set; opening the other way too keeps both open for
	// the same stranger, until the deadline given last.
	OpenPairing struct {
		Code   string
		Secret []byte // 16 octets
		Until  time.Time
	}
	// ClosePairing ends both roles.
	ClosePairing struct{}
	// JoinPairing goes looking for a gateway that has OpenPairing. With a Secret,
	// Static is the inviter's X25519 key from the invite.
	JoinPairing struct {
		Code   string
		Secret []byte
		Static [32]byte
		Until  time.Time
	}
	// SetDomain gives the core its domain (or takes it: zero) after `up` or a join.
	SetDomain struct{ Domain Domain }
	// Probe asks for a beacon soon (a person pressed a button, a port came up).
	Probe struct{}
)

// Out of the core.
type (
	// PeerUp: a session with this gateway now works on this port.
	PeerUp struct {
		Peer PeerID
		Port Port
		// Again marks a session in place of one that was still good: the peer may live anew, and
		// then remembers what its disk holds. Submits go on.
		Again bool
		// Pairing marks a stranger behind a code or an invite: Peer is then a random
		// name, good for Submit until PeerDown.
		Pairing bool
	}
	// PeerDown: the session on this port is gone. Last tells that no other port of
	// the peer is up: its submits are forgotten and must be made again on PeerUp.
	PeerDown struct {
		Peer   PeerID
		Port   Port
		Last   bool
		Reason string
	}
	// Offered asks the gateway whether it wants an item. Answer it.
	Offered struct {
		Peer PeerID
		Item Item
	}
	// Received is a whole body whose digest fits the offer. Answer with Stored.
	Received struct {
		Peer PeerID
		Item Item
		Body []byte
		// MaxCost is the highest Cost of all offers that Stored will answer: several
		// peers may have sent of the same body.
		MaxCost uint16
	}
	// Custody: the item is on the peer's disk (or it had it already). Early: we have not sent it as
	// much as it needs, so it has the rest from elsewhere, or lies.
	Custody struct {
		Peer   PeerID
		Digest Digest
		Early  bool
	}
	// Refused: the peer turned the item away.
	Refused struct {
		Peer   PeerID
		Digest Digest
		Reason Reason
	}
	// Progress of a transfer in symbols; Out is true for what we send.
	Progress struct {
		Peer        PeerID
		Digest      Digest
		Port        Port
		Out         bool
		Done, Total int
	}
	// Load asks for a submitted body. Answer with Loaded.
	Load struct{ Digest Digest }
	// Unload: the body is no longer needed here.
	Unload struct{ Digest Digest }
	// SavePartial asks to keep received symbols across a restart. The core does not wait.
	// Have and Symbols hold everything received of the block so far. Peer is who offered it
	// first; zero: it was resumed.
	SavePartial struct {
		Peer    PeerID
		Item    Item
		Block   int
		Have    [32]byte
		Symbols []byte
	}
	// DropPartial: nothing saved of this item is needed any more.
	DropPartial struct{ Digest Digest }
	// Tune asks the shell to change a port's setting once the frames handed out so far have left the
	// air: 0 is the common one, i is Rates[i-1]. No frame is handed out until Tuned.
	Tune struct {
		Port Port
		Rate int
	}
	// Shunned tells that several items in a row came to nothing at a peer: none is begun with it
	// before Until, its submits are refused as busy, and what is on its way there should go another.
	Shunned struct {
		Peer  PeerID
		Until time.Time
	}
	// RecordHeard is a membership record of a gateway we did not know, heard under the
	// domain key. The gateway verifies it and answers with AddMember, or not at all.
	RecordHeard struct{ Record []byte }
	// PairingFailed: a wrong code or secret. Left is how many tries remain; at 0 pairing is closed.
	PairingFailed struct{ Left int }
)

func (PortUp) event()        {}
func (PortDown) event()      {}
func (PortClear) event()     {}
func (Tuned) event()         {}
func (PortBudget) event()    {}
func (Clock) event()         {}
func (Suspect) event()       {}
func (Vouch) event()         {}
func (Tune) event()          {}
func (Shunned) event()       {}
func (AddMember) event()     {}
func (RemoveMember) event()  {}
func (Submit) event()        {}
func (Withdraw) event()      {}
func (Loaded) event()        {}
func (Answer) event()        {}
func (Stored) event()        {}
func (Resume) event()        {}
func (OpenPairing) event()   {}
func (ClosePairing) event()  {}
func (JoinPairing) event()   {}
func (SetDomain) event()     {}
func (Probe) event()         {}
func (PeerUp) event()        {}
func (PeerDown) event()      {}
func (Offered) event()       {}
func (Received) event()      {}
func (Custody) event()       {}
func (Refused) event()       {}
func (Progress) event()      {}
func (Load) event()          {}
func (Unload) event()        {}
func (SavePartial) event()   {}
func (DropPartial) event()   {}
func (RecordHeard) event()   {}
func (PairingFailed) event() {}
