package gateway

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/ramf"
	"packhorse/link"
)

// carried hands something in as a caller from a network address does.
func (s *site) carried(raw []byte, source string) error {
	_, err := s.call(func(t Token) Event { return Carry{Token: t, Raw: raw, Source: source} })
	return err
}

// sealedHere counts the cargo and CCAs that are known here.
func (s *site) sealedHere() (n int) {
	for _, x := range s.core.queue.byID {
		if x.Type != ramf.Parcel {
			n++
		}
	}
	return n
}

// gathering is a gateway by itself that is a courier for strangers.
func gathering(t testing.TB, l Limits) (b *bench, s *site) {
	b = newBench(t)
	s = b.site("ada")
	s.limits = l
	s.boot()
	b.found(s, "ridge")
	return b, s
}

func TestOnlyTheNewestCCAOfAGatewayIsKept(t *testing.T) {
	b, s := gathering(t, Limits{})
	phone, other := b.stranger("phone"), b.stranger("other")
	cca := func(g stranger, address, id string) []byte { return g.write(ramf.CCA, "0aa", address, id, text(10)) }
	first := cca(phone, frankfurt, "first")
	b.run(time.Hour, func() bool { return false })
	for _, raw := range [][]byte{cca(phone, frankfurt, "second"), first, cca(phone, "paris.example.com", "elsewhere"), cca(other, frankfurt, "another's")} {
		if err := s.carried(raw, ""); err != nil {
			t.Fatal(err)
		}
	}
	b.run(time.Minute, func() bool { return false })
	if n := s.sealedHere(); n != 3 {
		t.Errorf("%d rows are left, want the newest of each, 3", n)
	}
	s.boot()
	var got []string
	for _, c := range s.sendUp(UpCargo) {
		m, err := ramf.Parse(c.Parcel)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, m.ID)
	}
	slices.Sort(got)
	if want := []string{"another's", "elsewhere", "second"}; !slices.Equal(got, want) {
		t.Errorf("handed out %q, want %q", got, want)
	}
}

func TestCargoOfStrangersEndsEarly(t *testing.T) {
	b, s := gathering(t, Limits{CargoLife: 2 * day})
	if err := s.carried(b.stranger("phone").write(ramf.Cargo, "0aa", frankfurt, "c", text(10)), ""); err != nil {
		t.Fatal(err)
	}
	b.run(2*day-time.Minute, func() bool { return false })
	if s.sealedHere() != 1 {
		t.Error("it ended before its time")
	}
	b.run(time.Hour, func() bool { return false })
	if s.sealedHere() != 0 || s.bodies() != 0 {
		t.Error("it is kept as long as its sender wants")
	}
}

func TestOneAddressDoesNotFillTheRoomForCouriers(t *testing.T) {
	b, s := gathering(t, Limits{Bytes: 80_000})
	bring := func(g, source string, n int) (taken int) {
		for i := range n {
			if s.carried(b.stranger(g).write(ramf.Cargo, "0aa", frankfurt, fmt.Sprint(source, g, i), noise(2000)), source) == nil {
				taken++
			}
		}
		return taken
	}
	if a, b := bring("phone", "192.0.2.1", 3), bring("other", "192.0.2.1", 3); a+b != 3 {
		t.Errorf("one address brought %d under two keys, want 3 of 10,000 octets", a+b)
	}
	if n := bring("phone", "192.0.2.2", 3); n != 3 {
		t.Errorf("the next address brought %d, want 3", n)
	}
	if n := bring("phone", "", 1); n != 1 {
		t.Error("a stick has no room")
	}
}

func TestStrangersHaveLittleOfTheAir(t *testing.T) {
	b, x, y := pairedBench(t)
	x.limits = Limits{CourierAir: 5000}
	x.boot()
	y.uplink(true)
	b.run(10*time.Minute, func() bool { return false })
	phone := b.stranger("phone")
	for i := range 4 { // each has a little more than the 5,000 octets of a day
		if err := x.carried(phone.write(ramf.Cargo, "0aa", frankfurt, fmt.Sprint(i), noise(4000)), ""); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range x.core.queue.all() {
		if e.Type == ramf.Cargo && e.Priority != link.Bulk {
			t.Errorf("cargo of a stranger is %v", e.Priority)
		}
	}
	var got []int
	for range 4 {
		b.run(12*time.Hour, func() bool { return false })
		got = append(got, y.waitsUp())
	}
	if want := []int{2, 2, 3, 3}; !slices.Equal(got, want) {
		t.Errorf("after each half day %v crossed, want %v", got, want)
	}
}
