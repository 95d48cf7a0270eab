package domain

import (
	"bytes"
	"testing"
	"time"
)

func TestRenewal(t *testing.T) {
	f := setup(t)
	later, err := admit(f.owner, f.alice, testNow.Add(25*24*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.aliceM.Renewed(later.Renewal())
	if err != nil || !bytes.Equal(got.Marshal(), later.Marshal()) || !got.Fits(f.alice) {
		t.Fatalf("got %v, %v; want the later membership", got, err)
	}
	parse := func(b []byte) error { _, err := f.aliceM.Renewed(b); return err }
	refusesEveryCut(t, later.Renewal(), parse)
	for name, raw := range map[string][]byte{"ours again": f.aliceM.Renewal(), "another gateway's": f.bobM.Renewal(),
		"another's certificate": (&Membership{Record: later.Record, Cert: f.bobM.Cert}).Renewal(),
		"another version":       append([]byte{2}, later.Renewal()[1:]...)} {
		if parse(raw) == nil {
			t.Errorf("%s was taken", name)
		}
	}
	if _, err := got.Renewed(f.aliceM.Renewal()); err == nil {
		t.Error("an earlier one was taken back")
	}
}

func TestRenewalIsDueTenDaysBeforeTheEnd(t *testing.T) {
	f := setup(t)
	end := f.aliceM.Record.NotAfter
	for _, c := range []struct {
		at   time.Time
		want bool
	}{{end.Add(-RenewBefore - time.Second), false}, {end.Add(-RenewBefore), true}, {end.Add(time.Hour), true}} {
		if got := f.aliceM.Record.Due(c.at); got != c.want {
			t.Errorf("%v before the end: due %t, want %t", end.Sub(c.at), got, c.want)
		}
	}
}

func FuzzRenewal(f *testing.F) {
	x := setup(f)
	later, err := admit(x.owner, x.alice, testNow.Add(25*24*time.Hour))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(later.Renewal())
	f.Fuzz(func(t *testing.T, b []byte) {
		if m, err := x.aliceM.Renewed(b); err == nil && !bytes.Equal(m.Renewal(), b) {
			t.Fatal("accepted octets that differ from the renewal")
		}
	})
}
