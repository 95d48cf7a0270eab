package inet

import (
	"packhorse/gateway/ramf"
	"packhorse/store/queue"
)

// Limits bound what others can make us keep. Zero values mean the defaults.
type Limits struct {
	Parcels      int   // records of parcels, a sixteenth of them of one private gateway or sender, a quarter where not everybody may register; 20,000
	Bytes        int64 // octets of parcels that wait; 512 MiB
	GatewayBytes int64 // of those for, or from, one private gateway; the same part of Bytes, at least two of the largest parcels
	SenderBytes  int64 // of those that one endpoint wrote; as of one private gateway
	CargoBytes   int   // octets of one cargo that we make; 8,397,056, what a phone takes as courier
	Subs         int   // collections at once; 1,000
	Sessions     int   // keys of sessions, and as many private gateways; 20,000
	Owed         int   // acknowledgements that cargo brings, and CCAs that were served, each; 50,000
}

const (
	phoneCargo = 8_397_056
	minShare   = 3 // parcels of one private gateway
)

// part is what one private gateway may have of the whole, as a divisor: little where anybody may register.
func part(open bool) int {
	if open {
		return 16
	}
	return 4
}

func (l *Limits) fill(open bool) {
	fill(&l.Parcels, 20_000)
	fill(&l.Bytes, 512<<20)
	fill(&l.GatewayBytes, min(l.Bytes, max(l.Bytes/int64(part(open)), 2*ramf.MaxMessage)))
	fill(&l.SenderBytes, l.GatewayBytes)
	fill(&l.CargoBytes, phoneCargo)
	fill(&l.Subs, 1_000)
	fill(&l.Sessions, 20_000)
	fill(&l.Owed, 50_000)
}

func fill[T int | int64](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}

// quotas are those of the queue; nothing here is more urgent than anything else.
func (l *Limits) quotas(open bool) queue.Limits {
	share := min(l.Parcels, max((l.Parcels+3)/part(open), minShare))
	return queue.Limits{All: queue.Limit{Octets: l.Bytes, Items: l.Parcels}, Peer: queue.Limit{Octets: l.GatewayBytes, Items: share},
		Sender: queue.Limit{Octets: l.SenderBytes, Items: share}, Bulk: 100, Messages: 100}
}
