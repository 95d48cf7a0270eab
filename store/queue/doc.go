// Package queue is the custody of items that wait: who may have which next, how long, and how much of each there
// may be, as a state machine.
//
// It keeps no head and no body. What changes on disk comes out as store.Ops; the owner applies them as one batch
// and then says with Settle what became of it:
//
//	Append ---------> fresh ----------> waiting <--------> leased
//	                    | not durable      |  Take, Lease     |
//	                    v                  +--------+---------+
//	                  gone                          | Ack
//	                    ^                           v
//	                    +------- Expire ------- remembered ---- Retake: waiting again
//
// An item has a head, which is the owner's record of it, and a body. Ack deletes the body. The head stays until its
// time is over, and with it the memory that this was here before: an ID that came once is answered with ErrKnown.
//
// # What a crash does
//
// Leases are only in memory. After a crash the owner gives each head on disk to Restore: what had its body waits
// again, what was acknowledged is remembered, what was not durable never came. Each change is one batch, so
// there is no state in between; to ask for it again changes nothing.
//
// # Quotas
//
// Octets of bodies and numbers of heads are counted as a whole, by the neighbour that an item came from and by
// who wrote it. Within each of these counts bulk, and then bulk and messages together, may only take their shares,
// so that a message finds room where bulk has used up its own, and an emergency where both have.
package queue
