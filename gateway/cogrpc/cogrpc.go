// Package cogrpc is Awala's binding between couriers and gateways over gRPC (RS-008). A private gateway is
// the client of a courier, a courier the client of an Internet gateway; this package is both sides of both.
//
//	DeliverCargo   stream of CargoDelivery    -> stream of CargoDeliveryAck
//	CollectCargo   stream of CargoDeliveryAck -> stream of CargoDelivery
//
// A server asks a Backend for all but the protocol. Names that the specification spells awala and the
// libraries in use spell relaynet are accepted both ways.
package cogrpc

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"packhorse/gateway/ramf"
)

// Port is where couriers listen (RS-008).
const Port = 21473

// MaxCargo bounds the octets of one cargo: the largest RAMF message (RS-001).
const MaxCargo = ramf.MaxMessage

const (
	maxID       = 1 << 10            // octets of a delivery's id
	maxMessage  = MaxCargo + 256     // as the libraries have it
	maxMetadata = 6000               // octets of a call's headers, as other servers have it
	streamQuota = 64 << 10           // octets of a call that wait in memory until it is read
	connQuota   = 4 * streamQuota    // the same of a connection
	authKey     = "authorization"    // metadata with the CCA of a collection
	authScheme  = "Relaynet-CCA"     // before it, in base64
	authBySpec  = "Awala-CCA"        // the scheme as RS-008 has it
	serviceName = "CargoRelay"       // behind a package
	packageName = "relaynet.cogrpc." // of the libraries in use
	packageSpec = "awala.cogrpc."    // of RS-008
)

// Backend is what takes and holds cargo behind a server. Safe for concurrent use.
type Backend interface {
	// DeliverCargo takes one cargo, which then belongs to it. Durable when it returns nil. An *Error tells
	// why it never will be taken, or that there is no room.
	DeliverCargo(ctx context.Context, cargo []byte) error
	// Collect opens a subscription to the cargo of who signed the CCA. An *Error refuses the CCA.
	Collect(ctx context.Context, cca []byte) (Subscription, error)
}

// Subscription hands out cargo.
type Subscription interface {
	// Next is the next cargo that waits; ok is false when there is none. It is asked only when all before
	// it is on its way.
	Next(ctx context.Context) (c Cargo, ok bool, err error)
	// Ack tells that the collector has the cargo of this key. Durable when it returns. A server in the role
	// of an Internet gateway does not pass acknowledgements on.
	Ack(ctx context.Context, key string) error
	Close()
}

// Cargo is one cargo under the key that its owner knows it by. Raw is borrowed until the end of the call.
type Cargo struct {
	Key string
	Raw []byte
}

// Refusal is why cargo or a CCA is not taken.
type Refusal uint8

// The refusals that have a status of their own.
const (
	Full    Refusal = iota + 1 // no room for cargo
	Invalid                    // malformed, expired, badly signed
	Foreign                    // a CCA for somebody else
	Spent                      // a CCA that was used before
)

// Error is a refusal by a Backend, or by a server as its client sees it.
type Error struct {
	Refusal Refusal
	Detail  string
}

func (e *Error) Error() string { return e.Detail }

var (
	deliverStream = grpc.StreamDesc{StreamName: "DeliverCargo", ClientStreams: true, ServerStreams: true}
	collectStream = grpc.StreamDesc{StreamName: "CollectCargo", ClientStreams: true, ServerStreams: true}
)

const (
	patience = 2 * time.Minute // with one step of a call: a whole cargo over a bad hotspot
	farewell = 5 * time.Second // of a server when nothing is left to do
)
