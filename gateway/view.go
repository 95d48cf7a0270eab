package gateway

import (
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// State is how far a parcel got. It never moves back, but from carried to saved when it is handed back.
type State uint8

const (
	Saved State = iota + 1
	Carried
	Delivered
	Expired
	Refused
)

// String is the state in one lower-case word.
func (s State) String() string {
	return [...]string{"", "saved", "carried", "delivered", "expired", "refused"}[min(s, Refused)]
}

// Parcel is what a person may know of a parcel, or of cargo or a CCA that is held for others.
type Parcel struct {
	Type      ramf.Type
	ID        string // first 12 hex digits of the SHA-256 of its octets, or of the draft that it was
	Travels   string // id by which other gateways know it: the same, unless it was a draft; empty while it is one
	Sender    pki.NodeID
	Recipient pki.NodeID
	To, From  string // contact, endpoint or gateway names, as far as known
	Priority  link.Priority
	Size      int // octets of the parcel
	State     State
	Origin    bool      // handed to us by a local endpoint
	Local     bool      // for a local endpoint
	By        string    // who has it now: another gateway, or "the Internet"
	Since     time.Time // of the state
	Next      string    // name of the next hop, or while there is none of the silent gateway it is for
	Why       string    // no_route budget peer_silent quota clock moving contact no_uplink, or "refused by NAME: reason"
	Done      int
	Total     int // symbols, while it moves
	Port      link.Port
	Expires   time.Time
	Airtime   time.Duration // estimate for one hop on the cheapest port, 0 when no port is up
	// ETA is how long until the next hop has custody, while the link knows; 0: it does not. PerHour is
	// the airtime that the law allows in any hour, where that is what takes so long.
	ETA, PerHour time.Duration
}

// Waiting tells that we still have to do something about it.
func (p Parcel) Waiting() bool { return p.State == Saved || p.Local && p.State == Carried }

// Peer is a gateway of the domain, or a neighbour.
type Peer struct {
	ID        link.PeerID
	Name      string
	Ports     []link.Port // with a working session and not silent, rising
	Silent    bool        // a neighbour, but silent on all of its ports
	Via       string      // name of the next hop when not a neighbour, empty when there is none
	Uplinks   []string    // Internet gateways that it reaches, by its own word
	Heard     time.Time   // last sign of life
	HasSignal bool
	SNRdB     float64
	Parcels   int // waiting for it or for endpoints behind it
	Bytes     int64
	// Paths are what the link knows of it, by port; Clock, ClockKnown and ShunnedUntil as in link.PeerInfo.
	Paths        []link.PathInfo
	Clock        link.ClockQuality
	ClockKnown   bool
	ShunnedUntil time.Time
}

// Member is a gateway of the domain, as its owner sees it.
type Member struct {
	ID      link.PeerID
	Name    string
	Owner   bool      // holds the domain's keys
	Self    bool      // this gateway
	Until   time.Time // end of its record; renewed from ten days before
	Revoked bool
}

// Letter is a parcel opened by the built-in endpoint.
type Letter struct {
	ID       string
	Sender   pki.NodeID
	From     string // contact name, else the sender's id
	Type     string
	Filename string
	Size     int
	Written  time.Time
	Arrived  time.Time
	New      bool
	Content  []byte // only in the answer to ReadLetter
}

// Collected is one parcel for a subscriber.
type Collected struct {
	Key       string
	Parcel    []byte
	Type      ramf.Type // parcel, cargo or CCA
	Address   string    // of the Internet gateway or Internet endpoint that it goes to, empty when it stays in the domain
	Sender    pki.NodeID
	Recipient pki.NodeID
	Expires   time.Time
}

// CargoWay is how our cargo can come where this gateway does not reach the Internet itself.
type CargoWay struct {
	Registered bool          // with an Internet gateway, so that there may be cargo
	Live       bool          // it does reach it
	Exit       string        // name of the nearest gateway of the domain that tells of an uplink; empty: there is no way to one
	Airtime    time.Duration // estimate for asking over the first hop on the way there; 0: not known
	Asked      *Parcel       // our collection authorisation that is under way; nil: none
}

// PairOffer is an open pairing: a code to type, or a text to scan or save.
type PairOffer struct {
	Code   string
	Invite string
	Until  time.Time
}

// PairResult ends a pairing.
type PairResult struct {
	Domain string
	Peer   string
}

// Snapshot is the state of a Core for `packhorse status`. It shares nothing with the Core.
type Snapshot struct {
	ID       link.PeerID
	Name     string
	Domain   string      // empty: none
	Address  string      // of the domain
	Owner    bool        // the domain's private keys are here
	Clock    pki.Quality // as judged by what was known of the time
	ClockWhy string      // why the clock is trusted less than it says, empty: it is not
	Endpoint pki.NodeID  // the built-in endpoint, once it has a certificate
	Peers    []Peer      // by name
	Parcels  int         // waiting, carried or for local endpoints
	Bytes    int64
	Link     link.Stats
}

// Error is a refusal with what to do about it.
type Error struct {
	Code    string // failed not_found usage refused quota not_yet
	Message string
	Fix     string
}

func (e *Error) Error() string { return e.Message }
