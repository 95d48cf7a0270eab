package node

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/store"
)

// Store tells what the store holds and has done.
func (a adminAPI) Store(context.Context) (admin.StoreInfo, error) {
	s := a.n.store
	m := s.Stats()
	out := admin.StoreInfo{Running: true, Values: m.Records, LiveBytes: m.Live, DeadBytes: m.Disk - m.Live, DiskBytes: m.Disk,
		MaxBytes: m.Max, RoomBytes: s.Room(), FreeBytes: max(0, m.Free), KeptBytes: m.Reserve, LifeBytes: m.Life,
		Quarantine: len(m.Quarantine), Damaged: m.Damaged,
		Work: &admin.Work{UptimeS: int64(time.Since(a.n.start).Seconds()), WrittenBytes: m.Written + m.SnapshotBytes, Snapshots: m.Snapshots, MovedBytes: m.Moved,
			TakenBytes: m.Taken, Syncs: m.Syncs, SyncMedianS: m.Sync.Median.Seconds(),
			SyncP99S: m.Sync.P99.Seconds(), SyncWorstS: m.Sync.Max.Seconds(), Repairs: m.Repairs, Failures: m.Failures}}
	u := s.Usage()
	out.Kinds, out.Buckets = StoreKinds(u.Kinds), StoreBuckets(u.Buckets)
	return out, nil
}

// storeProblems is what a person should do about the disk.
func storeProblems(m store.Stats) (list []admin.Problem) {
	if m.Damaged > 0 {
		list = append(list, admin.Problem{Level: "fail", What: fmt.Sprintf("the store is damaged in %d places: what is whole is used", m.Damaged), Fix: "packhorse store check"})
	}
	if n := len(m.Quarantine); n > 0 {
		list = append(list, admin.Problem{Level: "warn", What: fmt.Sprintf("repair put %d damaged files aside", n), Fix: "packhorse store check names them: keep what you want of them, then remove them"})
	}
	return list
}

// StoreKinds is what each kind takes, in the order of their numbers.
func StoreKinds(all map[store.Kind]store.Share) (out []admin.StoreKind) {
	for _, k := range slices.Sorted(maps.Keys(all)) {
		out = append(out, admin.StoreKind{Kind: gateway.KindName(k), Values: all[k].Values, SizeBytes: all[k].Octets})
	}
	return out
}

// StoreBuckets is the files of the log.
func StoreBuckets(all []store.BucketReport) (out []admin.StoreBucket) {
	for _, b := range all {
		out = append(out, admin.StoreBucket{Name: b.Name, SizeBytes: b.Bytes, LiveBytes: b.Live, Damaged: b.Damaged, Written: b.Written.UTC()})
	}
	return out
}
