package gateway

import (
	"time"

	"packhorse/gateway/pki"
)

// From the shell into the core, for the Internet and couriers. An Internet gateway is named by its Awala
// address, a domain name.
type (
	// Registered takes the PNR with which the Internet gateway at Address answered our registration or its
	// renewal. Answer value: nil, once durable.
	Registered struct {
		Token   Token
		Address string
		PNR     []byte
	}
	// Uplink tells whether this gateway reaches the Internet gateway at Address now. While it does, the
	// domain's parcels for the Internet come here. It has no Answer.
	Uplink struct {
		Address string
		Live    bool
	}
	// FromInternet takes a parcel that an Internet gateway delivered. Answer value: Parcel, durable. A
	// *ramf.Error says that it will never be taken: acknowledge and drop it.
	FromInternet struct {
		Token  Token
		Parcel []byte
	}
	// CollectUp opens a subscription, as Collect does, to what waits here for the Internet. Who acknowledges
	// with Ack says that it is there; Drop, that it is not wanted there. Neither: it is kept. It has no Answer.
	CollectUp struct {
		Sub  uint64
		What Outbound
	}
	// Drop ends what was handed out under Key, because it is refused for good where it was to go; what can go by the
	// mesh too is kept for that. Answer
	// value: nil, once durable.
	Drop struct {
		Token Token
		Sub   uint64
		Key   string
		Why   string
	}
	// Keep says that what was handed out under Key did not go: others may have it, a courier for one. The subscription
	// does not get it again. It has no Answer.
	Keep struct {
		Sub uint64
		Key string
	}
	// MakeCCA makes a cargo collection authorisation for the Internet gateway at Address; empty: the one in
	// use. Answer value: []byte, RAMF octets; the key that opens the cargo is durable.
	MakeCCA struct {
		Token   Token
		Address string
	}
	// MakeCargo seals the acknowledgements that we owe, then parcels that wait for the Internet gateway at
	// Address, into one cargo of at most Max octets (0: what Awala allows). The subscription, opened with
	// CollectUp, remembers what was packed: the next MakeCargo goes on behind it. Parcels stay queued until a
	// PCA, delivery by the Internet, or their expiry. Answer value: *CargoMade, nil when nothing is left.
	MakeCargo struct {
		Token   Token
		Sub     uint64
		Address string
		Max     int
	}
	// Carry takes a cargo or a CCA from a courier, a client of ours as courier, an Internet gateway or a
	// file. What is for this gateway is opened; the rest is held for where it is to go. Answer value:
	// CargoTaken, durable. A *ramf.Error says that it will never be taken.
	Carry struct {
		Token  Token
		Raw    []byte
		For    string // Key of the CCA, handed out by CollectUp, that fetched it; empty: none
		Source string // network address of a stranger who brought it, who has a share of the room; empty: none
	}
	// CollectCargo opens a subscription to the cargo held for who signed a CCA, each once while it lasts.
	// The CCA is held for the Internet gateway that it is for, with this gateway as the place where the
	// cargo is to come. Answer value: nil, once that is durable. Errors: *ramf.Error.
	CollectCargo struct {
		Token  Token
		Sub    uint64
		CCA    []byte
		Source string // as of Carry
	}
	// Deauthorise takes a signed PDD (package permit). Answer value: nil, once it is durable and enforced.
	Deauthorise struct {
		Token Token
		PDD   []byte
	}
)

// Outbound is what a subscription of CollectUp hands out.
type Outbound uint8

const (
	UpParcels Outbound = iota + 1 // parcels for Internet endpoints and other gateways' endpoints
	UpCargo                       // cargo and CCAs held for Internet gateways, cargo first
)

// CargoMade is one cargo of ours. The slice belongs to who asked.
type CargoMade struct {
	Raw     []byte
	Address string // of the Internet gateway
	Parcels int
	Acks    int // acknowledgements of parcels that couriers brought
	Expires time.Time
}

// CargoTaken tells what became of a cargo or CCA.
type CargoTaken struct {
	Held    bool // for somebody else
	Parcels int  // taken from it
	Acks    int
	Refused int // items that were passed over
}

// UplinkInfo is what is known of one Internet gateway.
type UplinkInfo struct {
	Address string
	ID      pki.NodeID
	Live    bool
	Until   time.Time // end of our certificate
	Renew   time.Time // when to register anew; not later than Until
	Waiting int       // parcels that wait for the Internet here
	Owed    int       // acknowledgements that the next cargo brings
}

func (Registered) gatewayEvent()   {}
func (Uplink) gatewayEvent()       {}
func (FromInternet) gatewayEvent() {}
func (CollectUp) gatewayEvent()    {}
func (Drop) gatewayEvent()         {}
func (Keep) gatewayEvent()         {}
func (MakeCCA) gatewayEvent()      {}
func (MakeCargo) gatewayEvent()    {}
func (Carry) gatewayEvent()        {}
func (CollectCargo) gatewayEvent() {}
func (Deauthorise) gatewayEvent()  {}
