// Package poweb is Awala's binding between endpoints and their gateway over HTTP and
// WebSocket (RS-016). The server speaks HTTP and asks a Backend for everything else; the Client is the other end.
//
//	POST /v1/pre-registrations   digest of a key -> PNRA
//	POST /v1/nodes               PNRR -> PNR
//	POST /v1/parcels             parcel with countersignature -> 202
//	GET  /v1/parcel-collection   WebSocket: challenge, response, then deliveries and acks
//	POST /v1/deauthorisations    PDD -> 202; ours, see Deauthoriser
//
// Names that the specification spells Awala- and the libraries in use spell Relaynet- are
// accepted both ways.
package poweb

import (
	"context"
	"time"

	"packhorse/gateway/internal/web"
	"packhorse/gateway/pki"
)

// Backend is the gateway behind the server. Safe for concurrent use.
type Backend interface {
	// PreRegister makes the PNRA octets for a key digest (32 octets).
	PreRegister(ctx context.Context, digest [32]byte) ([]byte, error)
	// Register takes PNRR octets and answers PNR octets. Durable when it returns.
	Register(ctx context.Context, pnrr []byte) ([]byte, error)
	// Anchors are the certificates that countersigners' certificates must be issued by.
	Anchors() []*pki.Certificate
	// Deliver takes a parcel an endpoint posted. Durable when it returns nil.
	Deliver(ctx context.Context, parcel []byte) error
	// Collect opens a subscription to the parcels of these endpoints: what waits first, then
	// what arrives. Close it when done.
	Collect(ctx context.Context, ids []pki.NodeID) (Subscription, error)
}

// Clock is what a Backend also has when it knows the time: the certificates of
// countersigners are then checked for their dates. Without it they are not.
type Clock interface {
	Clock() (now time.Time, quality pki.Quality)
}

// Receiver is what a Backend also is when it wants to know who countersigned: DeliverFrom is then called in the place of
// Deliver.
type Receiver interface {
	DeliverFrom(ctx context.Context, signer pki.NodeID, parcel []byte) error
}

// Subscription hands out parcels one at a time.
type Subscription interface {
	// Next waits for the next parcel; ok is false when nothing waits and wait is false.
	Next(ctx context.Context, wait bool) (d Delivery, ok bool, err error)
	// Ack tells that the endpoint has it. Durable when it returns.
	Ack(ctx context.Context, d Delivery) error
	Close()
}

// Delivery is one parcel for an endpoint.
type Delivery struct {
	Key    string // the gateway's name for it
	Parcel []byte
}

// StatusError makes the server answer an HTTP status other than 500.
type StatusError = web.StatusError
