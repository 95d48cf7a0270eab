package gateway

import (
	"errors"
	"fmt"

	"packhorse/gateway/pki"
	"packhorse/link"
	"packhorse/store/queue"
)

// quotas are the limits of what waits.
func (l *Limits) quotas() queue.Limits {
	return queue.Limits{All: queue.Limit{Octets: l.Bytes, Items: l.Parcels}, Peer: queue.Limit{Octets: l.PeerBytes, Items: share(l.Parcels)},
		Own: queue.Limit{Items: share(l.Parcels)}, Sender: queue.Limit{Octets: l.SenderBytes, Items: share(l.Parcels)}}
}

// offerRoom tells why an item that a neighbour offers does not fit. Who wrote it is not known yet.
func (c *Core) offerRoom(from link.PeerID, it link.Item) error {
	return c.queue.Room(queue.Priority(it.Priority), peerName(from), "", it.Size, 1)
}

// roomAgain tells why the body of a parcel that is only remembered does not fit.
func (c *Core) roomAgain(x *entry) error {
	return c.queue.Room(queue.Priority(x.Priority), x.account(), string(x.Sender), x.BodySize, 0)
}

// ownRoom tells why a letter of the built-in endpoint does not fit.
func (c *Core) ownRoom(p link.Priority, octets int) error {
	return c.queue.Room(queue.Priority(p), "", string(c.box.id()), octets, 1)
}

// quotaError says to people which quota is full and what to do.
func (c *Core) quotaError(err error) error {
	var f *queue.Full
	if !errors.As(err, &f) {
		return errAgain
	}
	unit, wait := "octets", "wait until some are delivered, or raise store.max_parcel_bytes"
	if f.Items { // a delivered one is remembered until it expires
		unit, wait = "parcels", "wait until some expire, or raise store.max_parcels"
	}
	return &Error{Code: "quota", Message: fmt.Sprintf("no room for another parcel: of %d %s for %s, %d are used", f.Limit, unit, c.quotaName(f), f.Used),
		Fix: wait + ": packhorse queue" + instead[f.Priority]}
}

var instead = [...]string{queue.Emergency: "", queue.Message: "; emergencies still go", queue.Bulk: "; what is more urgent still goes"}

// isQuota tells that a quota is full, or the store.
func isQuota(err error) bool {
	var g *Error
	return errors.As(err, &g) && g.Code == "quota"
}

// quotaName says whose quota is meant.
func (c *Core) quotaName(f *queue.Full) string {
	whose := f.What()
	switch f.Scope {
	case queue.ScopePeer:
		if f.Name == couriers || f.Name == strangers {
			return whose + " (" + f.Name + ")"
		}
		var id link.PeerID
		copy(id[:], f.Name)
		return whose + " (" + c.peerName(id) + ")"
	case queue.ScopeSender:
		return whose + " (" + c.endpointName(pki.NodeID(f.Name)) + ")"
	}
	return whose
}
