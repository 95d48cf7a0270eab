package node

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	files "packhorse/gateway/courier"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/session"
)

// export writes onto a stick, and tells what.
func (r running) export(t *testing.T, stick map[string][]byte, room int64) (kinds []string, left admin.CourierLeft) {
	t.Helper()
	q := admin.CourierExport{RoomBytes: room, BlockBytes: 4096}
	for name, raw := range stick {
		q.Files = append(q.Files, admin.StickFile{Name: name, SizeBytes: int64(len(raw)), Head: raw[:min(len(raw), gateway.StickHead)]})
	}
	err := r.CourierExport(t.Context(), q, func(p admin.CourierPart) error {
		for _, name := range p.Over {
			delete(stick, name)
		}
		if len(p.Content) > 0 {
			kinds = append(kinds, p.Kind)
			stick[nameOf(p)] = p.Content
		}
		if p.End {
			left = *p.Left
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return kinds, left
}

func nameOf(p admin.CourierPart) string {
	sum := sha256.Sum256(p.Content)
	switch p.Kind {
	case "cargo":
		return gateway.CargoName(ramf.Cargo, sum)
	case "cca":
		return gateway.CargoName(ramf.CCA, sum)
	}
	return files.Name(p.Content, files.Bundle)
}

// bring imports all files of a stick, by content.
func (r running) bring(t *testing.T, stick map[string][]byte) (fates []string) {
	t.Helper()
	var all [][]byte
	for _, raw := range stick {
		all = append(all, raw)
	}
	slices.SortFunc(all, bytes.Compare)
	for _, raw := range all {
		v, err := r.CourierImport(t.Context(), raw)
		if err != nil {
			t.Fatal(err)
		}
		if fates = append(fates, v.Fate); len(v.Ack) > 0 {
			stick["ack"] = v.Ack
		}
		if v.Fate == admin.FateDone {
			delete(stick, files.Name(raw, files.Bundle))
		}
	}
	return fates
}

// Two nodes that met once, and that only a stick joins from then on.
func TestALetterByStickBetweenNodes(t *testing.T) {
	dirs := [2]string{t.TempDir(), t.TempDir()}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		x, y := newCable()
		a, b := start(t, Config{StateDir: dirs[0], Name: "ada"}, x), start(t, Config{StateDir: dirs[1], Name: "ben"}, y)
		must[admin.Status](t)(a.Up(ctx, admin.Up{Region: "NZ915", Domain: "ridge"}))
		must[admin.Status](t)(b.Up(ctx, admin.Up{Region: "NZ915"}))
		offer := must[admin.PairOffer](t)(a.OpenPairing(ctx))
		must[admin.PairResult](t)(b.JoinPairing(ctx, offer.Code))
		time.Sleep(5 * time.Minute)
		a.stop()
		b.stop()
		a, b = start(t, Config{StateDir: dirs[0]}, nil), start(t, Config{StateDir: dirs[1]}, nil)
		p := must[admin.Parcel](t)(a.Send(ctx, admin.Send{To: "ben", Type: "text/plain", Content: []byte("by mule")}))
		stick := map[string][]byte{}
		if kinds, left := a.export(t, stick, 300); len(kinds) != 0 || left.Parcels != 1 {
			t.Errorf("with room for 300 octets it wrote %v and left %+v, want one parcel left", kinds, left)
		}
		if kinds, left := a.export(t, stick, 1<<20); !slices.Equal(kinds, []string{"bundle"}) || left != (admin.CourierLeft{}) {
			t.Fatalf("wrote %v, left %+v; want one bundle", kinds, left)
		}
		if fates := b.bring(t, stick); !slices.Equal(fates, []string{admin.FateDone}) {
			t.Fatalf("fates %v, want done", fates)
		}
		time.Sleep(time.Second)
		if inbox := must[[]admin.Letter](t)(b.Inbox(ctx)); len(inbox) != 1 || inbox[0].From != "ada" {
			t.Fatalf("inbox %+v, want a letter from ada", inbox)
		}
		b.export(t, stick, 1<<20)
		a.bring(t, stick)
		if p = must[admin.Parcel](t)(a.Parcel(ctx, p.ID)); p.State != admin.Delivered {
			t.Errorf("the parcel is %s, want delivered", p.State)
		}
		for _, junk := range []string{"", "x", "PKHBNDL\x01", "AwalaC\x00", "AwalaP\x00zzzz"} {
			if v, err := a.CourierImport(ctx, []byte(junk)); err != nil || v.Fate != admin.FateDamaged {
				t.Errorf("%q: fate %q, %v; want damaged", junk, v.Fate, err)
			}
		}
		a.stop()
		b.stop()
	})
}

// issue makes a certificate that is good now; a nil issuer makes it self-issued.
func issue(t *testing.T, subject string, issuer *pki.Certificate, by string, pathLen int) *pki.Certificate {
	t.Helper()
	c, err := pki.Issue(pki.Template{Subject: pkitest.Key(t, subject).Public(), Issuer: issuer, IssuerKey: pkitest.Key(t, by), CA: true, PathLen: pathLen,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour), Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// sendOnline hands a node a parcel for the Internet.
func (r running) sendOnline(t *testing.T, id string) {
	t.Helper()
	m := &ramf.Message{Type: ramf.Parcel, Recipient: "0b", InternetAddress: "ping.example.com", ID: id, Created: time.Now().UTC().Truncate(time.Second), TTL: 24 * time.Hour,
		Payload: []byte(id), Sender: issue(t, "app", nil, "app", 0)}
	raw, err := ramf.Sign(m, pkitest.Key(t, "app"), rand.Reader)
	if err == nil {
		_, err = r.n.ask(t.Context(), func(t gateway.Token) gateway.Event { return gateway.Deliver{Token: t, Parcel: raw} })
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Cargo is sealed anew each time: what is on the stick and all of it stays, what is not is replaced.
func TestCargoForTheInternetOnAStick(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"app", "cloud"} {
		pkitest.Key(t, name)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx := t.Context()
		a := start(t, Config{StateDir: dir, Name: "ada"}, nil)
		must[admin.Status](t)(a.Up(ctx, admin.Up{Domain: "ridge"}))
		stick := map[string][]byte{}
		a.sendOnline(t, "p1")
		if kinds, _ := a.export(t, stick, 1<<20); len(kinds) != 0 {
			t.Errorf("registered nowhere it wrote %v", kinds)
		}
		cloud := issue(t, "cloud", nil, "cloud", 2)
		k, err := session.NewKey(rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		public := k.Public()
		cert, err := pki.Issue(pki.Template{Subject: a.n.identity.RSA.Public(), Issuer: cloud, IssuerKey: pkitest.Key(t, "cloud"), CA: true, PathLen: 1,
			NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(100 * 24 * time.Hour), Rand: rand.Reader})
		if err != nil {
			t.Fatal(err)
		}
		r := registration.Result{Node: cert, Gateway: cloud, Address: "cloud.example.com", Session: &public}
		if _, err := a.n.ask(ctx, func(t gateway.Token) gateway.Event {
			return gateway.Registered{Token: t, Address: r.Address, PNR: r.Marshal()}
		}); err != nil {
			t.Fatal(err)
		}
		for _, step := range []struct {
			what  string
			room  int64
			do    func()
			kinds []string
			files int
		}{
			{"no room for cargo", 1000, func() {}, nil, 0},
			{"the first time", 1 << 20, func() {}, []string{"cca", "cargo"}, 2},
			{"again", 1 << 20, func() {}, nil, 2},
			{"with another parcel", 1 << 20, func() { a.sendOnline(t, "p2") }, []string{"cargo"}, 2},
			{"a week later", 1 << 20, func() { time.Sleep(8 * 24 * time.Hour); a.sendOnline(t, "p3") }, []string{"cca", "cargo"}, 2},
		} {
			step.do()
			if kinds, _ := a.export(t, stick, step.room); !slices.Equal(kinds, step.kinds) || len(stick) != step.files {
				t.Errorf("%s: wrote %v, %d files there; want %v, %d", step.what, kinds, len(stick), step.kinds, step.files)
			}
		}
		if kinds, _ := a.export(t, map[string][]byte{}, 1<<20); !slices.Equal(kinds, []string{"cca", "cargo"}) {
			t.Errorf("onto another stick it wrote %v, want both", kinds)
		}
		a.stop()
	})
}
