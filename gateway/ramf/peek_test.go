package ramf_test

import (
	"testing"
	"time"

	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/ramf/ramftest"
)

func TestPeekSeesWhatParseSees(t *testing.T) {
	c := pkitest.NewChain(t)
	var all [][]byte
	for _, size := range []int{0, 100, 200_000} {
		m := parcel(c)
		m.Type, m.InternetAddress, m.TTL, m.Payload = ramf.Cargo, "example.com", 14*24*time.Hour, make([]byte, size)
		all = append(all, sign(t, m))
	}
	for _, raw := range append(all, ramftest.Load(t).Octets()...) {
		m, err := ramf.Parse(raw)
		if err != nil {
			continue
		}
		typ, at, ok := ramf.Peek(raw[:min(len(raw), ramf.PeekSize)])
		if !ok || typ != m.Type || !at.Equal(m.Expires()) {
			t.Errorf("%d octets: got %v, %v, %v; want %v, %v", len(raw), typ, at, ok, m.Type, m.Expires())
		}
		for n := range 120 {
			if _, _, ok := ramf.Peek(raw[:n]); ok {
				t.Fatalf("%d octets are enough to see the expiry", n)
			}
		}
	}
}

func FuzzPeek(f *testing.F) {
	f.Add([]byte("AwalaC\x00\x30\x80\x06\x01\x01\xa0\x80\x30\x80\x02\x01\x01\x31\x00\x30\x80\x06\x01\x01\xa0\x80\x24\x80\x04\x80"))
	f.Fuzz(func(t *testing.T, b []byte) { ramf.Peek(b) })
}
