package ramf_test

import (
	"crypto/rand"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

// BenchmarkKnownSender compares parcels of a sender who wrote before with bare verifications of RSA-2048
// signatures, taken by turns: "of-RSA" is parcels a second over verifications a second, both of processor time, so that
// a busy machine changes little.
func BenchmarkKnownSender(b *testing.B) {
	c := pkitest.NewChain(b)
	key := pkitest.Key(b, "sender")
	var parcels, signatures [][]byte
	const payload = 1000
	for range 64 {
		m := parcel(c)
		m.Payload = make([]byte, payload)
		rand.Read(m.Payload)
		octets := sign(b, m)
		sig, err := pki.SignPSS(key, m.Payload, rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		parcels, signatures = append(parcels, octets), append(signatures, append(m.Payload, sig...))
	}
	terms := pki.Terms{Now: pkitest.Now, Quality: pki.ClockGPS, Links: pki.NewLinks(64)}
	whole, bare, n := time.Duration(0), time.Duration(0), 0
	b.ReportAllocs()
	for b.Loop() {
		begun := processor(b)
		for _, octets := range parcels {
			if _, err := parse(b, octets).CheckBy(terms, certs{c.Root}); err != nil {
				b.Fatal(err)
			}
		}
		between := processor(b)
		for _, s := range signatures {
			if pki.VerifyPSS(&key.PublicKey, s[:payload], s[payload:]) != nil {
				b.Fatal("signature is wrong")
			}
		}
		whole, bare, n = whole+between-begun, bare+processor(b)-between, n+len(parcels)
	}
	b.ReportMetric(float64(bare)/float64(whole), "of-RSA")
	b.ReportMetric(float64(n)/whole.Seconds(), "parcels/s")
	b.ReportMetric(float64(n)/bare.Seconds(), "RSA/s")
}

// processor is the processor time of this process, collection of garbage included.
func processor(b *testing.B) time.Duration {
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t); err != nil {
		b.Fatal(err)
	}
	return time.Duration(t.Nano())
}
