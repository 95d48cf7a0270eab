package admin

import (
	"context"
	"net/http"
	"time"
)

// StoreInfo is what the store holds and has done. Arrays are never null.
type StoreInfo struct {
	Running    bool  `json:"running"` // a gateway answers: counters are since it started
	Values     int   `json:"values"`
	LiveBytes  int64 `json:"live_bytes"`
	DeadBytes  int64 `json:"dead_bytes"`
	DiskBytes  int64 `json:"disk_bytes"`
	MaxBytes   int64 `json:"max_bytes"`             // most that may be live
	RoomBytes  int64 `json:"room_bytes"`            // by how much it may grow now
	FreeBytes  int64 `json:"free_bytes,omitempty"`  // of the file system; absent: unknown
	KeptBytes  int64 `json:"reserve_bytes"`         // of those: what is left free for others
	LifeBytes  int64 `json:"life_bytes,omitempty"`  // about what was written in the store's life
	Quarantine int   `json:"quarantined"`           // damaged files put aside
	Damaged    int   `json:"damaged"`               // damaged places
	Work       *Work `json:"since_start,omitempty"` // absent when none runs

	Kinds   []StoreKind   `json:"kinds"`
	Buckets []StoreBucket `json:"buckets"` // in the order of the log
}

// Work is what a running gateway's store has done since it started.
type Work struct {
	UptimeS      int64   `json:"uptime_s"`
	WrittenBytes int64   `json:"written_bytes"` // to the log and index snapshots
	Snapshots    int     `json:"snapshots"`     // of the index
	MovedBytes   int64   `json:"moved_bytes"`   // of them to empty files that were half dead or more
	TakenBytes   int64   `json:"taken_bytes"`   // of keys and values that were asked to be kept
	Syncs        int64   `json:"syncs"`
	SyncMedianS  float64 `json:"sync_median_s"` // at most
	SyncP99S     float64 `json:"sync_p99_s"`    // at most
	SyncWorstS   float64 `json:"sync_worst_s"`
	Repairs      int     `json:"repairs"`  // torn or failed writes that were cut off
	Failures     int     `json:"failures"` // writes that the disk refused
}

// StoreKind is what the values of a kind take.
type StoreKind struct {
	Kind      string `json:"kind"`
	Values    int    `json:"values"`
	SizeBytes int64  `json:"size_bytes"`
}

// StoreBucket is one file of the log.
type StoreBucket struct {
	Name      string    `json:"name"`
	SizeBytes int64     `json:"size_bytes"`
	LiveBytes int64     `json:"live_bytes"`
	Damaged   bool      `json:"damaged"`
	Written   time.Time `json:"written,omitzero"` // when last; absent: unknown
}

// StoreReply answers GET /v1/store.
type StoreReply struct {
	Head
	StoreInfo
}

// SchemaStore is the schema of StoreReply.
const SchemaStore = "packhorse.store_stats/1"

// NewStoreReply has no null arrays.
func NewStoreReply(h Head, s StoreInfo) StoreReply {
	s.Kinds, s.Buckets = list(s.Kinds), list(s.Buckets)
	return StoreReply{h, s}
}

func (s *server) store(r *http.Request) (any, error) {
	v, err := s.b.Store(r.Context())
	return NewStoreReply(s.head(SchemaStore), v), err
}

func (c *client) Store(ctx context.Context) (StoreInfo, error) {
	var v StoreReply
	err := c.call(ctx, "GET", "/v1/store", nil, &v)
	return v.StoreInfo, err
}
