package admin

import (
	"context"
	"net/http"
	"time"
)

// CourierState is what this gateway does as a courier, and with couriers. Counts are since the start.
type CourierState struct {
	Listen    string    `json:"listen"`            // where phones and laptops bring cargo; empty: off
	Found     string    `json:"found,omitempty"`   // a courier on this network; absent: none
	Waiting   int       `json:"waiting"`           // cargo and collection authorisations of others that are here
	Bytes     int64     `json:"size_bytes"`        // of these
	Delivered int       `json:"delivered"`         // cargo taken to Internet gateways
	Collected int       `json:"collected"`         // cargo fetched from there
	Internet  time.Time `json:"internet,omitzero"` // when an Internet gateway was last reached; absent: never
	Synced    time.Time `json:"synced,omitzero"`   // when we last visited a courier; absent: never
	Problem   string    `json:"problem,omitempty"` // why cargo was not taken to the Internet
}

// CourierSync is what a visit to a courier came to.
type CourierSync struct {
	Courier    string `json:"courier"`     // its address
	CargoIn    int    `json:"cargo_in"`    // ours, fetched
	ParcelsIn  int    `json:"parcels_in"`  // in it
	AcksIn     int    `json:"acks_in"`     // acknowledgements of our parcels in it
	CargoOut   int    `json:"cargo_out"`   // ours, that the courier took
	ParcelsOut int    `json:"parcels_out"` // in it
	AcksOut    int    `json:"acks_out"`
	RelayedOut int    `json:"relayed_out"` // cargo of others that the courier took
	RelayedIn  int    `json:"relayed_in"`  // cargo for others that it had
	Refused    int    `json:"refused"`     // passed over because it was no good
}

// CargoRequest is a collection authorisation of ours that goes to the Internet over the mesh.
type CargoRequest struct {
	ID        string    `json:"id,omitempty"` // in the queue; absent, as To and Expires: it was answered at once
	To        string    `json:"to,omitempty"` // Internet gateway, by its Awala address
	Exit      string    `json:"exit"`         // gateway of the domain that tells of an uplink
	SizeBytes int       `json:"size_bytes"`
	AirtimeS  float64   `json:"airtime_s,omitempty"` // estimate for the first hop; absent: unknown
	Expires   time.Time `json:"expires,omitzero"`    // no cargo comes for it after that
}

// CourierReply answers GET /v1/courier, CourierSyncReply POST /v1/courier/sync, CargoRequestReply POST /v1/courier/request.
type (
	CourierReply struct {
		Head
		CourierState
	}
	CourierSyncReply struct {
		Head
		CourierSync
	}
	CargoRequestReply struct {
		Head
		CargoRequest
	}
)

// Schemas of these.
const (
	SchemaCourier     = "packhorse.courier/1"
	SchemaCourierSync = "packhorse.courier_sync/1"
	SchemaCargo       = "packhorse.courier_request/1"
)

type syncRequest struct {
	To string `json:"to"`
}

func (s *server) courier(r *http.Request) (any, error) {
	c, err := s.b.Courier(r.Context())
	return CourierReply{s.head(SchemaCourier), c}, err
}

func (s *server) syncCourier(r *http.Request) (any, error) {
	var q syncRequest
	if err := decode(r, maxBody, &q); err != nil {
		return nil, err
	}
	c, err := s.b.SyncCourier(r.Context(), q.To)
	return CourierSyncReply{s.head(SchemaCourierSync), c}, err
}

func (s *server) requestCargo(r *http.Request) (any, error) {
	q, err := s.b.RequestCargo(r.Context())
	return CargoRequestReply{s.head(SchemaCargo), q}, err
}

func (c *client) Courier(ctx context.Context) (CourierState, error) {
	var r CourierReply
	err := c.call(ctx, "GET", "/v1/courier", nil, &r)
	return r.CourierState, err
}

func (c *client) SyncCourier(ctx context.Context, to string) (CourierSync, error) {
	var r CourierSyncReply
	err := c.call(ctx, "POST", "/v1/courier/sync", syncRequest{to}, &r)
	return r.CourierSync, err
}

func (c *client) RequestCargo(ctx context.Context) (CargoRequest, error) {
	var r CargoRequestReply
	err := c.call(ctx, "POST", "/v1/courier/request", nil, &r)
	return r.CargoRequest, err
}
