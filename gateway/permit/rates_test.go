package permit

import (
	"crypto/rand"
	"errors"
	mrand "math/rand/v2"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

// limited issues a path that begins with a PDA with a rate limit.
func limited(t testing.TB, limit int, period time.Duration) []*pki.Certificate {
	t.Helper()
	c := pkitest.NewChain(t)
	pda, err := pki.Issue(pki.Template{Subject: pkitest.Key(t, "sender").Public(), Issuer: c.Endpoint, IssuerKey: pkitest.Key(t, "endpoint"),
		NotBefore: pkitest.Now, NotAfter: c.Endpoint.X509.NotAfter, RateLimit: &pki.RateLimit{Limit: limit, Period: period}, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return []*pki.Certificate{pda, c.Endpoint, c.Gateway, c.Root}
}

// most is the largest number of times that are less than a period apart.
func most(times []int64, period int64) (n int) {
	for i, k := 0, 0; i < len(times); i++ {
		for k < len(times) && times[k]-times[i] < period {
			k++
		}
		n = max(n, k-i)
	}
	return n
}

func sorted(times []int64, t int64) []int64 {
	i, _ := slices.BinarySearch(times, t)
	return slices.Insert(slices.Clone(times), i, t)
}

func TestWindowEdges(t *testing.T) {
	path := limited(t, 2, time.Minute)
	for _, tt := range []struct {
		name string
		at   []time.Duration
		want []bool
	}{
		{"period apart", []time.Duration{0, 0, time.Minute, time.Minute}, []bool{true, true, true, true}},
		{"a millisecond less", []time.Duration{0, 1, time.Minute - time.Millisecond, time.Minute + 2*time.Millisecond}, []bool{true, true, false, true}},
		{"less by half a millisecond", []time.Duration{500_000, 500_000, time.Minute}, []bool{true, true, false}},
		{"between two", []time.Duration{0, 30 * time.Second, 15 * time.Second}, []bool{true, true, false}},
		{"before two", []time.Duration{0, 30 * time.Second, -time.Second, -31 * time.Second}, []bool{true, true, false, true}},
		{"refused ones do not count", []time.Duration{0, 0, 30 * time.Second, 30 * time.Second, time.Minute}, []bool{true, true, false, false, true}},
	} {
		r := NewRates(24 * time.Hour)
		for i, at := range tt.at {
			if _, err := r.Take(path, pkitest.Now.Add(at)); (err == nil) != tt.want[i] || err != nil && !errors.Is(err, ErrRate) {
				t.Errorf("%s: parcel %d: %v, want let through %v", tt.name, i, err, tt.want[i])
			}
		}
	}
	if got, err := NewRates(0).Take(plain(t), pkitest.Now); got != nil || err != nil {
		t.Errorf("without a limit: %v, %v", got, err)
	}
}

// Small limits are exact in any order, and a restart at any moment changes nothing.
func TestRatesAreExact(t *testing.T) {
	r := mrand.New(mrand.NewPCG(6, 2))
	for range 60 {
		limit, period := 1+r.IntN(6), time.Duration(1+r.IntN(20))*time.Second
		path := limited(t, limit, period)
		table, taken := NewRates(time.Hour), []int64{}
		var stored []Record
		for i := range 80 {
			at := int64(r.IntN(200))*500 + pkitest.Now.UnixMilli()
			with := sorted(taken, at)
			want := most(with, period.Milliseconds()) <= limit
			records, err := table.Take(path, time.UnixMilli(at))
			if (err == nil) != want {
				t.Fatalf("%d in %v: parcel %d at %d after %v: %v, want let through %v", limit, period, i, at, taken, err, want)
			}
			if want {
				taken, stored = with, records
			}
			if r.IntN(8) == 0 && len(stored) > 0 {
				table = NewRates(time.Hour)
				if err := table.Load(stored[0].Key, stored[0].Value); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
}

// Large limits lose exactness, never the limit, and take bounded room; what comes at an even rate is let through.
func TestRatesNeverLetMoreThrough(t *testing.T) {
	r := mrand.New(mrand.NewPCG(6, 3))
	for _, reach := range []time.Duration{0, 2 * time.Hour} {
		const limit, period = 700, time.Hour
		path := limited(t, limit, period)
		table, taken, asked := NewRates(reach), []int64{}, 0
		for i := range 6000 {
			at := pkitest.Now.Add(time.Duration(i) * 4 * time.Second)
			if reach > 0 {
				at = at.Add(-time.Duration(r.IntN(int(reach/time.Millisecond))) * time.Millisecond)
			}
			records, err := table.Take(path, at)
			if asked++; err != nil {
				continue
			}
			taken = sorted(taken, at.UnixMilli())
			if n := len(records[0].Value); n > rateHead+maxSpans*spanSize {
				t.Fatalf("a record has %d octets", n)
			}
		}
		if n := most(taken, period.Milliseconds()); n > limit {
			t.Errorf("reach %v: %d in %v, the limit is %d", reach, n, period, limit)
		}
		if len(taken) < asked/3 {
			t.Errorf("reach %v: only %d of %d were let through", reach, len(taken), asked)
		}
	}
}

func TestReceiptsDoNotGoBack(t *testing.T) {
	path, r := limited(t, 1, time.Hour), NewRates(0)
	for i, want := range []bool{true, false, true} {
		at := pkitest.Now.Add([]time.Duration{0, -2 * time.Hour, time.Hour}[i])
		if _, err := r.Take(path, at); (err == nil) != want {
			t.Errorf("parcel %d: %v, want let through %v", i, err, want)
		}
	}
}

// A creation date far ahead drops what is known, so nothing behind it is let through any more.
func TestForgettingLetsNothingThrough(t *testing.T) {
	path, r := limited(t, 1, time.Hour), NewRates(24*time.Hour)
	for i, tt := range []struct {
		at   time.Duration
		want bool
	}{{0, true}, {1000 * time.Hour, true}, {0, false}, {500 * time.Hour, false}, {980 * time.Hour, true}} {
		if _, err := r.Take(path, pkitest.Now.Add(tt.at)); (err == nil) != tt.want {
			t.Errorf("parcel %d: %v, want let through %v", i, err, tt.want)
		}
	}
}

func TestRatesExpireAndAreBounded(t *testing.T) {
	path, r := limited(t, 5, time.Hour), NewRates(0)
	records, err := r.Take(path, pkitest.Now)
	if err != nil {
		t.Fatal(err)
	}
	ends := path[0].X509.NotAfter
	if gone := r.Expire(ends); gone != nil {
		t.Errorf("at its end: %v", gone)
	}
	if gone := r.Expire(ends.Add(time.Second)); len(gone) != 1 || gone[0].Key != records[0].Key || !gone[0].Delete || len(r.rows)+len(r.issued) != 0 {
		t.Errorf("after its end: %v", gone)
	}
	for i := range maxIssued {
		if err := r.Load(string(rune('a'+i)), records[0].Value); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.Take(path, pkitest.Now); !errors.Is(err, ErrFull) {
		t.Errorf("an endpoint with %d limited PDAs: %v", maxIssued, err)
	}
}

func FuzzRate(f *testing.F) {
	r := NewRates(time.Hour)
	for _, at := range []time.Duration{0, time.Minute, time.Second} {
		records, err := r.Take(limited(f, 5, time.Hour), pkitest.Now.Add(at))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(records[0].Value, int64(at))
	}
	f.Fuzz(func(t *testing.T, b []byte, at int64) {
		row, err := parseRate(b)
		if err != nil {
			return
		}
		if string(row.append(nil)) != string(b) {
			t.Fatalf("written again: %x, want %x", row.append(nil), b)
		}
		row.take(pki.RateLimit{Limit: 5, Period: time.Hour}, time.Hour, time.Unix(at%(1<<33), at%1e9))
	})
}

// What could not be stored does not count, wherever it was counted.
func TestReturnedParcelsDoNotCount(t *testing.T) {
	path, plain := limited(t, 2, time.Minute), plain(t)
	r := NewRates(24 * time.Hour)
	r.Return(path, pkitest.Now) // nothing was taken
	take := func(at time.Duration) error { _, err := r.Take(path, pkitest.Now.Add(at)); return err }
	for _, at := range []time.Duration{0, 1500 * time.Microsecond} {
		if err := take(at); err != nil {
			t.Fatal(err)
		}
	}
	r.Return(plain, pkitest.Now)
	r.Return(path, pkitest.Now.Add(time.Hour))
	if err := take(time.Second); !errors.Is(err, ErrRate) {
		t.Fatalf("others' parcels were given back: %v", err)
	}
	r.Return(path, pkitest.Now.Add(1500*time.Microsecond))
	if err := take(time.Second); err != nil {
		t.Errorf("after one was given back: %v", err)
	}
	if err := take(time.Second); !errors.Is(err, ErrRate) {
		t.Errorf("a third: %v", err)
	}
}
