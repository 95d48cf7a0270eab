package gateway

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"runtime"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// loaded is a gateway with so many parcels waiting: one in five for a neighbour that is there, the others for gateways
// that nobody knows the way to.
func loaded(t testing.TB, n, recipients int) (s *site, one *entry) {
	b := newBench(t)
	a, c := b.site("ada"), b.site("cleo")
	b.found(a, "ridge")
	b.member(a, c)
	b.join(a, c)
	b.run(time.Minute, func() bool { return false })
	a.pipes[0].set(false)
	to, now := c.core.box.id(), b.now
	for i := range n {
		if i%1000 == 0 {
			b.settle()
		}
		r := parcelRecord{Type: ramf.Parcel, State: Saved, Held: true, Priority: link.Message, Arrival: uint64(i + 1), Size: 5000, BodySize: 4000, Since: now.Truncate(time.Second),
			Expires: now.Add(10*day + time.Duration(i)*time.Second).Truncate(time.Second), Sender: someone(1), Recipient: to, Gateway: someone(2), ID: fmt.Sprintf("%036d", i)}
		if i%5 > 0 {
			r.Recipient = someone(10 + i%recipients)
		}
		r.Sum = sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
		copy(r.Digest[:], r.Sum[:])
		a.disk[KindParcel] = put(a.disk[KindParcel], r.key(), r.append(nil))
		if i == n/2 {
			defer func(sum [32]byte) { one = a.core.queue.bySum[sum] }(r.Sum)
		}
	}
	a.limits = Limits{Parcels: 4 * n, Bytes: 1 << 40}
	a.boot()
	a.known(c.core.self)
	a.core.settle(b.now)
	b.settle()
	return a, one
}

func put(m map[string][]byte, key string, v []byte) map[string][]byte {
	if m == nil {
		m = map[string][]byte{}
	}
	m[key] = v
	return m
}

func someone(n int) pki.NodeID {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(n)))
	return pki.NodeID("0" + hex.EncodeToString(sum[:]))
}

// BenchmarkChange is a changed parcel becoming durable, with all that follows, while so many wait.
func BenchmarkChange(b *testing.B) {
	for _, c := range []struct{ n, recipients int }{{100, 20}, {10_000, 20}, {100_000, 20}, {10_000, 10_000}} {
		b.Run(fmt.Sprintf("waiting=%d/recipients=%d", c.n, c.recipients), func(b *testing.B) {
			s, x := loaded(b, c.n, c.recipients)
			for b.Loop() {
				s.core.change(x, func(r *parcelRecord) { r.Turns ^= 1 }, nil, ignoreResult)
				s.core.settle(s.b.now)
				s.carryOut()
			}
		})
	}
}

// BenchmarkParcelMemory is what a waiting parcel costs in memory, all told.
func BenchmarkParcelMemory(b *testing.B) {
	for b.Loop() {
		const n = 20_000
		s, _ := loaded(b, n, 20)
		with := heapAlloc()
		s.core = nil
		b.ReportMetric(float64(with-heapAlloc())/n, "B/parcel")
		runtime.KeepAlive(s)
	}
}

func heapAlloc() uint64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// BenchmarkChangeAmongNotes is the same with receipts for a gateway that nobody knows the way to.
func BenchmarkChangeAmongNotes(b *testing.B) {
	for _, n := range []int{100, 10_000} {
		b.Run(fmt.Sprint("notes=", n), func(b *testing.B) {
			s, x := loaded(b, 100, 20)
			for i := range n {
				var d link.Digest
				sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, uint64(i)))
				copy(d[:], sum[:])
				s.core.keepNote(&note{kind: ItemReceipt, digest: d, body: make([]byte, 200), from: link.PeerID{5}, to: link.PeerID{77}, expires: s.b.now.Add(30 * day)})
			}
			for b.Loop() {
				s.core.change(x, func(r *parcelRecord) { r.Turns ^= 1 }, nil, ignoreResult)
				s.core.settle(s.b.now)
				s.carryOut()
			}
		})
	}
}
