package admin

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
)

// carrier makes and takes what a test put into it.
type carrier struct {
	fake
	parts []CourierPart
	fails error // after the parts
	asked CourierExport
	took  []byte
}

func (c *carrier) CourierExport(_ context.Context, q CourierExport, each func(CourierPart) error) error {
	c.asked = q
	for _, p := range c.parts {
		if err := each(p); err != nil {
			return err
		}
	}
	return c.fails
}

func (c *carrier) CourierImport(_ context.Context, content []byte) (CourierTaken, error) {
	c.took = content
	return CourierTaken{Fate: FateDone, Parcels: 2, Ack: []byte("thanks")}, nil
}

func TestCourierFilesCrossTheSocketWhole(t *testing.T) {
	large := bytes.Repeat([]byte("mule\n"), 1_700_000)
	c := &carrier{parts: []CourierPart{{Over: []string{"a.bnd"}, WaitParcels: 3}, {Kind: "bundle", To: "hq", Parcels: 3, SizeBytes: int64(len(large)), Content: large},
		{Kind: "cca", SizeBytes: 1, Content: []byte("x")}, {End: true, Left: &CourierLeft{Parcels: 1}}}}
	client := dial(t, c)
	var got []CourierPart
	q := CourierExport{Files: []StickFile{{Name: "b.bnd", SizeBytes: 9, Head: []byte{0, 1}}}, RoomBytes: 7, BlockBytes: 3}
	err := client.CourierExport(t.Context(), q, func(p CourierPart) error { got = append(got, p); return nil })
	if err != nil || len(got) != 4 || !bytes.Equal(got[1].Content, large) || string(got[2].Content) != "x" || got[3].Left.Parcels != 1 || got[0].Over[0] != "a.bnd" {
		t.Fatalf("%d parts, %v; want all four", len(got), err)
	}
	if c.asked.RoomBytes != 7 || c.asked.BlockBytes != 3 || len(c.asked.Files) != 1 || !bytes.Equal(c.asked.Files[0].Head, []byte{0, 1}) {
		t.Errorf("asked for %+v", c.asked)
	}
	taken, err := client.CourierImport(t.Context(), large)
	if err != nil || !bytes.Equal(c.took, large) || taken.Parcels != 2 || string(taken.Ack) != "thanks" {
		t.Errorf("took %d octets, answered %+v, %v", len(c.took), taken, err)
	}
	if _, err := client.CourierImport(t.Context(), make([]byte, maxStickFile+1)); err == nil || AsError(err).Code != CodeUsage && AsError(err).Code != CodeOffline {
		t.Errorf("a file that is too large: %v", err)
	}
}

func TestCourierExportThatFailsOnTheWaySaysWhy(t *testing.T) {
	c := &carrier{parts: []CourierPart{{WaitParcels: 3}}, fails: &Error{Code: CodeQuota, Message: "no more", Fix: "later"}}
	client := dial(t, c)
	err := client.CourierExport(t.Context(), CourierExport{}, func(CourierPart) error { return nil })
	if AsError(err).Code != CodeQuota || AsError(err).Fix != "later" {
		t.Errorf("got %v, want the gateway's word", err)
	}
	c.parts = nil
	if err := client.CourierExport(t.Context(), CourierExport{}, nil); AsError(err).Code != CodeQuota {
		t.Errorf("before the first part: got %v", err)
	}
	c.parts, c.fails = []CourierPart{{WaitParcels: 1}, {End: true}}, nil
	stick := errors.New("pulled out")
	if err := client.CourierExport(t.Context(), CourierExport{}, func(CourierPart) error { return stick }); err != stick {
		t.Errorf("got %v, want what the stick said", err)
	}
}

// An answer that ends early, or is none, is an error and no end.
func TestCourierExportKnowsACutAnswer(t *testing.T) {
	for name, text := range map[string]string{"empty": "", "half a line": `{"kind":"bun`, "half a file": "{\"kind\":\"bundle\",\"size_bytes\":5}\nab",
		"a file too large": "{\"size_bytes\":99999999999}\n", "a negative size": "{\"size_bytes\":-1}\n", "a line without end": strings.Repeat("x", maxPart+1)} {
		if _, err := readPart(partReader(text)); err == nil {
			t.Errorf("%s is taken", name)
		}
	}
	p, err := readPart(partReader(`{"over":["` + strings.Repeat("a", 200_000) + "\"]}\n"))
	if err != nil || len(p.Over[0]) != 200_000 {
		t.Errorf("a long line: %v", err)
	}
}

func partReader(s string) *bufio.Reader { return bufio.NewReaderSize(strings.NewReader(s), 64<<10) }
