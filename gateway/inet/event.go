package inet

import (
	"packhorse/gateway/pki"
	"packhorse/store"
)

// Event is what goes into and comes out of a Core. The concrete types of this file are the whole set.
type Event interface{ inetEvent() }

// Token names a request; its Answer carries the same. The shell chooses it, never twice and never 0.
type Token uint64

// From the shell into the core. Slices in them belong to the core.
type (
	// Persisted answers Persist, in the order of Seq. With an Err nothing of the batch counts.
	Persisted struct {
		Seq uint64
		Err error
	}
	// Loaded answers Load.
	Loaded struct {
		Kind  store.Kind
		Key   string
		Value []byte
		Err   error
	}
	// Clock tells how far the wall clock reading of `now` can be trusted from here on.
	Clock struct{ Quality pki.Quality }
	// Register takes PNRR octets. Answer value: []byte, the PNR octets. Errors: *registration.Error, *gateway.Error.
	Register struct {
		Token Token
		PNRR  []byte
	}
	// Deliver takes a parcel or, of a private gateway, a PDD (package permit). Answer value: nil, durable. Errors:
	// *ramf.Error, *gateway.Error.
	Deliver struct {
		Token  Token
		By     pki.NodeID // the private gateway that countersigned it; empty: an Internet node
		Parcel []byte
	}
	// Collect opens a subscription to what waits and arrives for a private gateway. It has no Answer.
	Collect struct {
		Sub uint64
		ID  pki.NodeID
	}
	// Next asks for the next parcel of a subscription. Answer value: *Collected, nil when nothing waits and Wait is
	// false. With Wait the Answer may come much later.
	Next struct {
		Token Token
		Sub   uint64
		Wait  bool
	}
	// Ack tells that the private gateway has the parcel named Key. Answer value: nil, durable.
	Ack struct {
		Token Token
		Sub   uint64
		Key   string
	}
	// TakeCargo takes a cargo from a courier. Answer value: CargoTaken, durable. A *ramf.Error says that it will
	// never be taken; other errors, that it may be later.
	TakeCargo struct {
		Token Token
		Raw   []byte
	}
	// OpenCCA opens a subscription to cargo for who signed the CCA. Answer value: nil. Errors: *CCAError.
	OpenCCA struct {
		Token Token
		Sub   uint64
		CCA   []byte
	}
	// NextCargo makes the next cargo. Answer value: *CargoMade; nil at the end, when the CCA is used up, durable.
	NextCargo struct {
		Token Token
		Sub   uint64
	}
	// Close ends a subscription of either sort; a waiting Next is answered with nil.
	Close struct{ Sub uint64 }
	// Outgoing waits for a parcel to another Internet node. Answer value: *Outbound.
	Outgoing struct{ Token Token }
	// Sent tells what became of an Outbound. Answer value: nil, durable.
	Sent struct {
		Token   Token
		Key     string
		Outcome Outcome
	}
	// Forget drops a waiting Next or Outgoing: its Answer will not come.
	Forget struct{ Token Token }
)

// From the core to the shell.
type (
	// Persist asks to make a batch durable, all or nothing. Batches are applied in order of Seq, each answered with
	// Persisted. The slices belong to the shell.
	Persist struct {
		Seq uint64
		Ops []store.Op
	}
	// Load asks for a record. It sees every batch of a lower Seq: answer after those.
	Load struct {
		Kind store.Kind
		Key  string
	}
	// Answer ends the request of its Token.
	Answer struct {
		Token Token
		Value any
		Err   error
	}
	// Notice is something worth a log line.
	Notice struct {
		Text string
		Warn bool
	}
)

// Outcome is what became of an Outbound.
type Outcome uint8

const (
	Failed    Outcome = iota // try again later
	Delivered                // the other node has it
	Refused                  // the other node will never take it
	Postponed                // the other node does not take this one now: others before it again
)

// Collected is a parcel for a private gateway. The slice belongs to who asked.
type Collected struct {
	Key    string
	Parcel []byte
}

// Outbound is a parcel for the Internet node at Address. The slice belongs to who asked.
type Outbound struct {
	Key     string
	Address string
	Parcel  []byte
}

// CargoTaken counts what was in a cargo.
type CargoTaken struct {
	Parcels int // that are here now
	Acks    int
	Skipped int // items that cannot be read or are not valid, and parcels for which there is no room
}

// CargoMade is a cargo for a private gateway. The slice belongs to who asked.
type CargoMade struct {
	Raw     []byte
	Parcels int
	Acks    int
}

// CCARefusal is the typed reason why a CCA is not served.
type CCARefusal uint8

const (
	BadCCA         CCARefusal = iota + 1 // malformed, invalid, or not of a private gateway of ours
	OtherRecipient                       // it is for another Internet gateway
	Fulfilled                            // it was served before
)

// CCAError carries a CCARefusal and what was wrong, in words.
type CCAError struct {
	Refusal CCARefusal
	Detail  string
}

func (e *CCAError) Error() string { return "inet: " + e.Detail }

func (Persisted) inetEvent() {}
func (Loaded) inetEvent()    {}
func (Clock) inetEvent()     {}
func (Register) inetEvent()  {}
func (Deliver) inetEvent()   {}
func (Collect) inetEvent()   {}
func (Next) inetEvent()      {}
func (Ack) inetEvent()       {}
func (TakeCargo) inetEvent() {}
func (OpenCCA) inetEvent()   {}
func (NextCargo) inetEvent() {}
func (Close) inetEvent()     {}
func (Outgoing) inetEvent()  {}
func (Sent) inetEvent()      {}
func (Forget) inetEvent()    {}
func (Persist) inetEvent()   {}
func (Load) inetEvent()      {}
func (Answer) inetEvent()    {}
func (Notice) inetEvent()    {}
