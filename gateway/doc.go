// Package gateway is what one gateway persists, sends and delivers, as a state machine.
//
// A Core owns a link.Core, the roster of its domain, the routes, the parcel queue, the endpoints
// and the receipts. A shell owns the Core: it passes frames and events in, and carries out what
// comes out:
//
//	frame, event, time --> Core --> frames   (PollTransmit)
//	                                events   (PollEvent): Persist, Load, Answer, notices
//	                                deadline (PollTimeout)
//
// # Persist, then act
//
// Whatever promises something (accepted, custody, delivered, receipt, registration) leaves the
// Core as a Persist batch first. The shell applies batches in order, all or nothing, and answers
// each with Persisted. Only then does the Core act on it; after an error the promise is not made.
// New rebuilds the whole state from the records of the store, so a crash between any two batches
// loses nothing that was promised.
//
// # A parcel's states
//
//	           custody at the        receipt of the
//	saved ---- next hop ---> carried ---- recipient's gateway ---> delivered
//	  |                        |
//	  +--- lifetime over ------+---> expired
//	  +--- turned away for good ---> refused
//
// A state never moves back, but for one case: when the way breaks behind the next hop, that may hand custody
// back, and the parcel is saved here again (hands.go). The origin keeps the body until delivered, expired or refused; a
// gateway in between deletes it once the next hop has custody, and remembers the parcel until it
// expires.
package gateway
