package gateway

import "time"

// Limits bound what others can make us keep. Zero values mean the defaults. Of each limit on parcels bulk may take
// three quarters, and bulk and messages together nine tenths.
type Limits struct {
	Parcels      int   // records of parcels, half of them from one neighbour, our apps or one sender; 10,000
	Bytes        int64 // bodies in custody; 256 MiB
	PeerBytes    int64 // bodies from one neighbour; half of Bytes
	SenderBytes  int64 // bodies that one endpoint wrote; half of Bytes
	Notes        int   // receipts and contacts in custody, half of them from one neighbour; 10,000
	Gateways     int   // gateways known by advert; 1,000
	Endpoints    int   // endpoints known by advert or registered, half of them at one gateway; 4,000
	Letters      int   // letters in the inbox; 10,000
	LetterBytes  int64 // their contents; that of Bytes
	PartialBytes int64 // symbols kept across a restart, half of them from one neighbour; 32 MiB
	Subs         int   // open subscriptions; 1,000

	CargoLife  time.Duration // of cargo and CCAs of others here, if they do not expire before; 30 days
	CourierAir int64         // octets a day that go by the mesh of what couriers bring for strangers; 16 MiB
}

// maxLinks is how many links between certificates are remembered as verified: a writer takes one, an endpoint one.
const maxLinks = 4096

// share is how much of a table of n one neighbour, one gateway or all our apps together may take, so that
// none shuts the others out.
func share(n int) int { return (n + 1) / 2 }

func (l *Limits) fill() {
	fill(&l.Parcels, 10_000)
	fill(&l.Bytes, 256<<20)
	fill(&l.PeerBytes, l.Bytes/2)
	fill(&l.SenderBytes, l.Bytes/2)
	fill(&l.Notes, 10_000)
	fill(&l.Gateways, 1_000)
	fill(&l.Endpoints, 4_000)
	fill(&l.Letters, 10_000)
	fill(&l.LetterBytes, l.Bytes)
	fill(&l.PartialBytes, 32<<20)
	fill(&l.Subs, 1_000)
	fill(&l.CargoLife, 30*day)
	fill(&l.CourierAir, 16<<20)
}

func fill[T int | int64 | time.Duration](v *T, def T) {
	if *v <= 0 {
		*v = def
	}
}
