package interop

import (
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/uplink"
)

// bookkeeper answers cargobook.mjs with a book. What would be stored is loaded into a fresh book at once, so that each
// step follows a restart.
type bookkeeper struct {
	t    *testing.T
	book *uplink.Book
	disk map[string][]byte
}

func (k *bookkeeper) store(records []uplink.Record) {
	for _, r := range records {
		if delete(k.disk, r.Key); !r.Delete {
			k.disk[r.Key] = r.Value
		}
	}
	var all []uplink.Record
	for _, key := range slices.Sorted(maps.Keys(k.disk)) {
		all = append(all, uplink.Record{Key: key, Value: k.disk[key]})
	}
	b, err := uplink.New(pkitest.Key(k.t, "gateway"))
	if err != nil {
		k.t.Fatal(err)
	}
	if skipped := b.Load(all); len(skipped) > 0 {
		k.t.Fatal(skipped)
	}
	k.book = b
}

func (k *bookkeeper) register(address string, pnr []byte) (any, error) {
	c, err := k.book.Register(address, pnr, time.Now(), pki.ClockNTP)
	if err == nil {
		k.store(c.Records)
	}
	return nil, err
}

func (k *bookkeeper) seal(items [][]byte, hours int) (any, error) {
	batch := cargo.NewBatch(0)
	for _, i := range items {
		batch.Add(i)
	}
	expires := time.Now().Add(time.Duration(hours) * time.Hour)
	raw, records, err := k.book.Seal(k.book.Gateways()[0].Address, batch, expires, time.Now(), pki.ClockNTP, rand.Reader)
	if err == nil {
		k.store(records)
	}
	return raw, err
}

// item is one of a cargo, with what it is as its only member.
type item struct {
	Parcel   []byte     `json:"parcel,omitempty"`
	PCA      *cargo.PCA `json:"pca,omitempty"`
	Rotation bool       `json:"rotation,omitempty"`
}

// open opens a cargo and takes the rotations in it.
func (k *bookkeeper) open(raw []byte) (any, error) {
	m, err := ramf.Parse(raw)
	if err != nil {
		return nil, err
	}
	o, err := k.book.Open(m, time.Now(), pki.ClockNTP)
	if err != nil {
		return nil, err
	}
	k.store(o.Records)
	items := []item{}
	for _, i := range o.Items {
		items = append(items, item{i.Parcel, i.PCA, i.Rotation != nil})
		if i.Rotation == nil {
			continue
		}
		c, err := k.book.Rotate(o.From, i.Rotation, time.Now(), pki.ClockNTP)
		if err != nil {
			return nil, err
		}
		k.store(c.Records)
	}
	return map[string]any{"items": items, "skipped": o.Skipped}, nil
}

// TestCargoWithJavaScript: our private gateway's cargo, and that of an Internet gateway made of the library.
func TestCargoWithJavaScript(t *testing.T) {
	t.Parallel()
	k := &bookkeeper{t: t, disk: map[string][]byte{}}
	k.store(nil)
	type args struct {
		Address    string
		PNR, Cargo []byte
		Items      [][]byte
		Hours      int
	}
	verb := func(run func(a args) (any, error)) func(json.RawMessage) (any, error) {
		return func(raw json.RawMessage) (any, error) {
			var a args
			if err := json.Unmarshal(raw, &a); err != nil {
				return nil, err
			}
			return run(a)
		}
	}
	script{name: "cargobook.mjs", least: 32, verbs: verbs{
		"key":      verb(func(args) (any, error) { return pki.EncodeSPKI(pkitest.Key(t, "gateway").Public()) }),
		"register": verb(func(a args) (any, error) { return k.register(a.Address, a.PNR) }),
		"cca": verb(func(args) (any, error) {
			raw, records, err := k.book.MakeCCA(k.book.Gateways()[0].Address, time.Now(), pki.ClockNTP, rand.Reader)
			if err == nil {
				k.store(records)
			}
			return raw, err
		}),
		"seal": verb(func(a args) (any, error) { return k.seal(a.Items, a.Hours) }),
		"open": verb(func(a args) (any, error) { return k.open(a.Cargo) }),
	}}.run(t)
}
