// Package inet is the core of the Internet gateway role (RS-000, RS-004, RS-016): private gateways register with it,
// give it parcels and collect theirs, directly or by courier, and it exchanges parcels with other Internet nodes. Pure:
// events, answers of the store and the time go in; batches, loads and answers come out.
//
//	PoWeb    Register, Deliver, Collect, Next, Ack     private gateways
//	CogRPC   TakeCargo, OpenCCA, NextCargo             couriers
//	PoHTTP   Deliver without By, Outgoing, Sent        other Internet nodes
//
// A parcel for one of its private gateways is authorised by the whole chain sender <- endpoint <- private gateway <-
// this gateway, and waits for the private gateway in that chain. One for another address is only taken from private
// gateways, and waits for PoHTTP. What was delivered is remembered until it expires, so that it is not delivered again.
//
// Nothing is kept of a registration: the certificate that it issues is what a private gateway proves itself with.
package inet
