package cargo_test

import (
	"bytes"
	"strings"
	"testing"

	"packhorse/gateway/cargo"
	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

func parse(t testing.TB, set []byte) []cargo.Item {
	t.Helper()
	items, skipped, err := cargo.Parse(set)
	if err != nil || skipped != 0 {
		t.Fatalf("skipped %d, %v", skipped, err)
	}
	return items
}

func set(t testing.TB, items ...[]byte) []byte {
	t.Helper()
	b := cargo.NewBatch(0)
	for _, i := range items {
		if !b.Add(i) {
			t.Fatalf("an item of %d octets does not fit", len(i))
		}
	}
	return b.Marshal()
}

func TestRoundTrip(t *testing.T) {
	c := pkitest.NewChain(t)
	pca := cargo.PCA{Sender: c.PDA.ID, Recipient: c.Endpoint.ID, ID: strings.Repeat("/", 64)}
	rotation := cargo.Rotation{Leaf: c.Endpoint, Authorities: []*pki.Certificate{c.Gateway, c.Root}}
	items := parse(t, set(t, pca.Marshal(), []byte("Awala\x50\x00..."), nil, []byte("Awala\x11\x00"), rotation.Marshal()))
	if len(items) != 5 || items[0].PCA == nil || *items[0].PCA != pca || items[0].Parcel != nil {
		t.Fatalf("got %+v", items)
	}
	for i, want := range map[int]string{1: "Awala\x50\x00...", 2: "", 3: "Awala\x11\x00"} {
		if got := items[i]; string(got.Parcel) != want || got.PCA != nil || got.Rotation != nil {
			t.Errorf("item %d: got %+v, want %q", i, got, want)
		}
	}
	r := items[4].Rotation
	if r == nil || !r.Leaf.Equal(c.Endpoint) || len(r.Authorities) != 2 || !r.Authorities[1].Equal(c.Root) {
		t.Errorf("got rotation %+v", r)
	}
	if len(parse(t, set(t))) != 0 {
		t.Error("found something in an empty set")
	}
	cda, err := cargo.ParseRequest(cargo.EncodeRequest(c.PDA))
	if err != nil || !cda.Equal(c.PDA) {
		t.Errorf("collection request: %v", err)
	}
}

// What cannot be read is passed over, and the rest is taken.
func TestSkips(t *testing.T) {
	c := pkitest.NewChain(t)
	pca := cargo.PCA{Sender: c.PDA.ID, Recipient: c.Endpoint.ID, ID: "1"}.Marshal()
	many := cargo.Rotation{Leaf: c.Endpoint, Authorities: make([]*pki.Certificate, pki.MaxCandidates+1)}
	for i := range many.Authorities {
		many.Authorities[i] = c.Root
	}
	item := func(b []byte) []byte { return ber.Bytes(0x04, b).Join() }
	header := func(typ string, parts ...ber.Pieces) []byte {
		return item(append(ber.Pieces{[]byte("Awala" + typ + "\x00")}, ber.Encode(0x30, parts...)...).Join())
	}
	text := func(n byte, s string) ber.Pieces { return ber.Bytes(0x80+n, []byte(s)) }
	leaf := ber.Bytes(0x80, c.Endpoint.Raw())
	for name, bad := range map[string][]byte{
		"INTEGER":                  ber.Bytes(0x02, []byte{1}).Join(),
		"string of INTEGERs":       ber.Encode(0x24, ber.Bytes(0x02, []byte{1})).Join(),
		"cut PCA":                  item(pca[:len(pca)-1]),
		"PCA and more":             item(append(pca, 0)),
		"PCA without id":           header("\x51", text(0, "0a"), text(1, "0b")),
		"PCA with four fields":     header("\x51", text(0, "0a"), text(1, "0b"), text(2, "c"), text(3, "d")),
		"PCA with long id":         header("\x51", text(0, "0a"), text(1, "0b"), text(2, strings.Repeat("c", 65))),
		"PCA with long sender":     header("\x51", text(0, strings.Repeat("a", 1025)), text(1, "0b"), text(2, "c")),
		"PCA with line feed":       header("\x51", text(0, "0a"), text(1, "0b"), text(2, "a\nb")),
		"PCA that is no SEQUENCE":  item([]byte("Awala\x51\x00\x04\x00")),
		"rotation without leaf":    header("\x10", ber.Encode(0xa1)),
		"rotation, no authorities": header("\x10", leaf),
		"rotation, bad leaf":       header("\x10", ber.Bytes(0x80, c.Endpoint.Raw()[1:]), ber.Encode(0xa1)),
		"rotation, bad authority":  header("\x10", leaf, ber.Encode(0xa1, ber.Bytes(0x04, []byte("x")))),
		"rotation, many of them":   item(many.Marshal()),
	} {
		items, skipped, err := cargo.Parse(ber.Encode(0x30, ber.Pieces{item([]byte("one")), bad, item(pca)}).Join())
		if err != nil || skipped != 1 || len(items) != 2 || string(items[0].Parcel) != "one" || items[1].PCA == nil {
			t.Errorf("%s: %d items, %d skipped, %v; want 2, 1", name, len(items), skipped, err)
		}
	}
}

// Pieces and indefinite lengths, at every level.
func TestReadsBER(t *testing.T) {
	c := pkitest.NewChain(t)
	pca := "Awala\x51\x00\x30\x80\xa0\x80\x04\x01a\x04\x01b\x00\x00\x81\x01c\x82\x81\x01d\x00\x00"
	b := append([]byte("\x30\x80\x24\x80\x04\x02on\x04\x01e\x00\x00"), ber.Bytes(0x04, []byte(pca)).Join()...)
	items := parse(t, append(b, 0, 0))
	if len(items) != 2 || string(items[0].Parcel) != "one" || *items[1].PCA != (cargo.PCA{Sender: "ab", Recipient: "c", ID: "d"}) {
		t.Errorf("got %+v", items)
	}
	half := c.PDA.Raw()[:700]
	request := append(append([]byte{0x30, 0x80, 0xa0, 0x80}, ber.Bytes(0x04, half).Join()...), ber.Bytes(0x04, c.PDA.Raw()[700:]).Join()...)
	if cda, err := cargo.ParseRequest(append(request, 0, 0, 0, 0)); err != nil || !cda.Equal(c.PDA) {
		t.Errorf("collection request: %v", err)
	}
}

func TestRefusesSets(t *testing.T) {
	whole := set(t, []byte("one"), []byte("two"))
	for n := range whole {
		if _, _, err := cargo.Parse(whole[:n]); err == nil {
			t.Errorf("read %d of %d octets", n, len(whole))
		}
	}
	inner := bytes.Clone(whole)
	inner[len(inner)-4]++ // the second item's length
	crowd := bytes.Repeat([]byte{4, 0}, cargo.MaxItems)
	for name, b := range map[string][]byte{
		"a SET":               ber.Bytes(0x31, nil).Join(),
		"primitive":           ber.Bytes(0x10, nil).Join(),
		"more behind":         append(bytes.Clone(whole), 0),
		"an item beyond":      inner,
		"more items than may": ber.Bytes(0x30, append(crowd, 4, 0)).Join(),
	} {
		if items, _, err := cargo.Parse(b); err == nil || items != nil {
			t.Errorf("%s: %d items, %v; want a refusal", name, len(items), err)
		}
	}
	if got := len(parse(t, ber.Bytes(0x30, crowd).Join())); got != cargo.MaxItems {
		t.Errorf("%d items, want %d", got, cargo.MaxItems)
	}
	for _, b := range [][]byte{nil, {0x30, 0}, ber.Encode(0x30, ber.Bytes(0x80, []byte("x"))).Join()} {
		if _, err := cargo.ParseRequest(b); err == nil {
			t.Errorf("read the collection request %x", b)
		}
	}
}

func TestBatchSizes(t *testing.T) {
	b := cargo.NewBatch(0)
	if b.Add(make([]byte, cargo.MaxItem+1)) {
		t.Error("took more than the largest item")
	}
	if !b.Add(make([]byte, cargo.MaxItem)) || b.Add(nil) || b.Len() != 1 {
		t.Errorf("the largest item does not just fit: %d items", b.Len())
	}
	if got := len(b.Marshal()); got != cargo.MaxSet {
		t.Errorf("%d octets, want %d", got, cargo.MaxSet)
	}
	for _, limit := range []int{1, 5, 9, 10, 20, 21, 300} {
		b := cargo.NewBatch(limit)
		for n := 0; b.Add(make([]byte, n)); n++ {
		}
		if got := len(b.Marshal()); got > limit && b.Len() > 0 || b.Len() > 0 != (limit >= 2*cargo.ItemOverhead) {
			t.Errorf("limit %d: %d items, %d octets", limit, b.Len(), got)
		}
	}
	b = cargo.NewBatch(cargo.MaxSet + 1)
	for b.Add(nil) {
	}
	if b.Len() != cargo.MaxItems {
		t.Errorf("%d empty items, want %d", b.Len(), cargo.MaxItems)
	}
}

// FuzzParse: what is read can be written and read again.
func FuzzParse(f *testing.F) {
	js := load(f)
	f.Add(js.Set)
	f.Add(js.Request)
	f.Add([]byte("\x30\x80\x24\x80\x04\x02on\x04\x01e\x00\x00\x00\x00"))
	f.Add(set(f, cargo.PCA{Sender: "0a", Recipient: "0b", ID: "c"}.Marshal(), nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		if cda, err := cargo.ParseRequest(b); err == nil {
			if again, err := cargo.ParseRequest(cargo.EncodeRequest(cda)); err != nil || !again.Equal(cda) {
				t.Fatalf("collection request: %v", err)
			}
		}
		items, _, err := cargo.Parse(b)
		if err != nil {
			return
		}
		again := parse(t, set(t, encode(items)...))
		if len(again) != len(items) {
			t.Fatalf("%d items, then %d", len(items), len(again))
		}
		for i, raw := range encode(again) {
			if !bytes.Equal(raw, encode(items)[i]) {
				t.Fatalf("item %d changed", i)
			}
		}
	})
}

func encode(items []cargo.Item) (out [][]byte) {
	for _, i := range items {
		switch {
		case i.PCA != nil:
			out = append(out, i.PCA.Marshal())
		case i.Rotation != nil:
			out = append(out, i.Rotation.Marshal())
		default:
			out = append(out, i.Parcel)
		}
	}
	return out
}
