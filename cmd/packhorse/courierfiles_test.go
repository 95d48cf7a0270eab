//go:build linux

package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/courier"
	"packhorse/gateway/courier/bundle"
	"packhorse/link"
)

// carrier is a gateway with files for a stick.
type carrier struct {
	fake
	parts []admin.CourierPart
	takes func(content []byte) admin.CourierTaken
	asked admin.CourierExport
	err   error
}

func (c *carrier) CourierExport(_ context.Context, q admin.CourierExport, each func(admin.CourierPart) error) error {
	c.asked = q
	for _, p := range c.parts {
		if err := each(p); err != nil {
			return err
		}
	}
	return c.err
}

func (c *carrier) CourierImport(_ context.Context, content []byte) (admin.CourierTaken, error) {
	return c.takes(content), nil
}

// fileFor is a bundle for the gateway with an id.
func fileFor(t *testing.T, id link.PeerID, seed byte) []byte {
	t.Helper()
	s := bundle.Sealer{Self: link.PeerID{9}, Static: [32]byte{8}}
	raw, err := s.Seal(bundle.Recipient{ID: id, Static: [32]byte{9}}, bundle.Contents{Expires: time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)}, bytes.NewReader(bytes.Repeat([]byte{seed}, 56)))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func part(kind, to string, parcels int, content []byte) admin.CourierPart {
	return admin.CourierPart{Kind: kind, To: to, Parcels: parcels, SizeBytes: int64(len(content)), Content: content}
}

// loaded is a carrier with files of each kind.
func loaded(t *testing.T) *carrier {
	return &carrier{fake: fake{status: admin.Status{ID: strings.Repeat("5f", 32)}}, parts: []admin.CourierPart{{WaitBytes: 900, WaitParcels: 12},
		part("cca", "example.com", 0, []byte("a cca")), part("cargo", "example.com", 0, []byte("some cargo")),
		part("bundle", "clinic", 7, fileFor(t, link.PeerID{1}, 1)), part("bundle", "hq", 5, fileFor(t, link.PeerID{2}, 2)),
		{End: true, Left: &admin.CourierLeft{}}},
		takes: func([]byte) admin.CourierTaken {
			return admin.CourierTaken{Fate: admin.FateDone, Kind: "cargo", Parcels: 1}
		}}
}

func TestCourierExportWritesFilesAndSaysForWhom(t *testing.T) {
	c := loaded(t)
	b := newBench(t, c)
	dir := t.TempDir()
	b.want(0, []string{"exported 12 parcels, 1 cargo and 1 request for cargo, ", "for example.com, clinic and hq; still kept here until acknowledged"}, "courier", "export", dir)
	var found []string
	filepath.Walk(filepath.Join(dir, courier.Dir), func(p string, i os.FileInfo, _ error) error {
		if i.Mode().IsRegular() {
			found = append(found, filepath.Ext(p))
		}
		return nil
	})
	if len(found) != 5 || c.asked.RoomBytes <= 0 || len(c.asked.Files) != 0 {
		t.Errorf("found %v, asked for %d octets beside %d files; want four files and a README", found, c.asked.RoomBytes, len(c.asked.Files))
	}
	c.parts = []admin.CourierPart{{Over: []string{courier.Name([]byte("a cca"), courier.CCA)}}, {End: true, Left: &admin.CourierLeft{}}}
	b.want(0, []string{"nothing new to export; 3 files on the stick"}, "courier", "export", dir)
	if len(c.asked.Files) != 4 {
		t.Errorf("the gateway was told of %d files, want 4", len(c.asked.Files))
	}
}

func TestCourierExportToAFullStick(t *testing.T) {
	c := loaded(t)
	c.parts[0].WaitParcels = 40
	c.parts[len(c.parts)-1].Left = &admin.CourierLeft{Parcels: 28, SizeBytes: 5000}
	b := newBench(t, c)
	b.want(4, []string{"the stick is full: 12 of 40 parcels copied", "fix: "}, "courier", "export", t.TempDir(), "--max", "64kB")
	if c.asked.RoomBytes != 64_000 {
		t.Errorf("room for %d octets was asked for, want 64,000", c.asked.RoomBytes)
	}
	b.want(2, []string{"is no size"}, "courier", "export", t.TempDir(), "--max", "lots")
	b.want(1, []string{"fix: see that the stick is plugged in"}, "courier", "export", filepath.Join(t.TempDir(), "none"))
	c.parts = c.parts[:2]
	c.err = &admin.Error{Code: admin.CodeRefused, Message: "no domain", Fix: "packhorse up"}
	b.want(4, []string{"no domain", "fix: packhorse up"}, "courier", "export", t.TempDir())
}

func TestCourierImportDeletesOnlyWhatWasTaken(t *testing.T) {
	c := loaded(t)
	self := link.PeerID(bytes.Repeat([]byte{0x5f}, 32))
	mine, other, later, bad := fileFor(t, self, 1), fileFor(t, link.PeerID{1}, 1), fileFor(t, self, 2), fileFor(t, self, 3)
	ack := fileFor(t, link.PeerID{3}, 4)
	c.takes = func(b []byte) admin.CourierTaken {
		switch {
		case bytes.Equal(b, mine):
			return admin.CourierTaken{Fate: admin.FateDone, Kind: "bundle", From: "clinic", Parcels: 3, Notes: 2, Ack: ack}
		case bytes.Equal(b, later):
			return admin.CourierTaken{Fate: admin.FateLater, Later: 1}
		case bytes.Equal(b, other):
			t.Error("the file of another gateway was read whole")
		}
		return admin.CourierTaken{Fate: admin.FateDamaged}
	}
	b := newBench(t, c)
	dir := t.TempDir()
	b.want(1, []string{"there is no cargo in"}, "courier", "import", dir)
	names := map[string]string{}
	put := func(all map[string][]byte) {
		s, err := courier.Open(dir, true)
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		for what, content := range all {
			if names[what], err = s.Write(content, courier.Bundle); err != nil {
				t.Fatal(err)
			}
		}
	}
	there := func(what string) bool {
		_, err := os.Stat(filepath.Join(dir, courier.Dir, names[what][:1], names[what]))
		return err == nil
	}
	put(map[string][]byte{"mine": mine, "other": other})
	b.want(0, []string{"imported 3 parcels and 2 notes from clinic", "1 file for others"}, "courier", "import", dir, "--keep")
	if !there("mine") || !there("other") {
		t.Error("--keep deleted something")
	}
	b.want(0, []string{"imported 3 parcels"}, "courier", "import", dir)
	names["ack"] = courier.Name(ack, courier.Bundle)
	if there("mine") || !there("other") || !there("ack") {
		t.Errorf("left: mine %v, other %v, acknowledgement %v; want false, true, true", there("mine"), there("other"), there("ack"))
	}
	put(map[string][]byte{"later": later})
	b.want(5, []string{"1 file not taken now"}, "courier", "import", dir)
	put(map[string][]byte{"bad": bad})
	b.want(6, []string{"fail  " + names["bad"], "damaged", "the next export writes it anew"}, "courier", "import", dir)
	if !there("later") || !there("bad") {
		t.Error("what was not taken was deleted")
	}
}

// sayCourier checks every answer about sticks.
func sayCourier(t *testing.T, s *schemas) {
	t.Helper()
	c := loaded(t)
	b, dir := newBench(t, c), t.TempDir()
	for _, verb := range []string{"export", "import"} {
		b.want(0, nil, "courier", verb, dir, "--json")
		s.check("courier "+verb, b.out)
	}
	c.takes = func([]byte) admin.CourierTaken {
		return admin.CourierTaken{Fate: admin.FateDamaged, Kind: "cca", Ack: []byte("x"), From: "hq"}
	}
	b.want(0, nil, "courier", "export", dir, "--json")
	b.want(6, nil, "courier", "import", dir, "--json")
	s.check("courier import", b.out)
	s.check("take", ask(t, c, "POST", "/v1/courier/import", "x"))
}
