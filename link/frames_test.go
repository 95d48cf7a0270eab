package link_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/link/wire"
	"packhorse/radio/phy"
	"packhorse/testbench/world"
)

// The bytes report, docs/FRAMES.md: what every frame, message and conversation costs on the air. A change that grows a
// frame shows there: go test ./link -run=Frames -rewrite.

var framesFile = filepath.Join("..", "docs", "FRAMES.md")

// frameKind is a line of the report.
type frameKind struct {
	first  byte // octet of the frame: type and variant
	name   string
	octets int
	what   string
}

const (
	rnodeMTU  = 254
	symbol    = 61
	fourOf    = 4 * symbol
	oneSymbol = wire.DataOverhead + symbol
)

var frameKinds = []frameKind{
	{0x10, "beacon", wire.BeaconSize, "now and then (Trickle)"},
	{0x20, "query", wire.QuerySize, "who is that? to a beacon of a stranger"},
	{0x21, "clear", wire.ClearSize, "a turn for one of two stations that do not hear each other"},
	{0x30, "record", wire.RecordOverhead + wire.MaxRecord, "its answer, a membership record of at most 200 octets"},
	{0x40, "handshake 1", wire.Handshake1Size, "opens a session"},
	{0x50, "handshake 2", wire.Handshake2Size, "answers"},
	{0x60, "control, empty", wire.ControlOverhead, "confirms a session"},
	{0x60, "control, full", rnodeMTU, "messages, as many as fit"},
	{0x61, "alive", wire.AliveSize, "the short answer within a burst"},
	{0x70, "data, 4 symbols", wire.DataOverhead + fourOf, "on a radio"},
	{0x70, "data, 1 symbol", oneSymbol, ""},
	{0x80, "data, what came?", wire.DataOverhead + fourOf, "the last of a burst"},
	{0xB0, "data, alive?", wire.DataOverhead + fourOf, "every few frames of a burst"},
	{0x90, "data, whole tag", wire.DataFullOverhead + fourOf - symbol, "on serial lines and datagrams; here three symbols"},
	{0xA0, "the same, what came?", wire.DataFullOverhead + fourOf - symbol, ""},
	{0x00, "group data, 4 symbols", wire.CastOverhead + fourOf, "to several neighbours at once"},
	{0xC0, "PAKE 1", wire.PAKESize, "pairing by code"},
	{0xD0, "PAKE 2", wire.PAKE2Size, ""},
	{0xD1, "reject", wire.RejectSize, "the code was wrong"},
	{0xE0, "pairing 1, code", wire.PairingOverhead + wire.NoiseNN, ""},
	{0xE0, "pairing 1, invite", wire.PairingOverhead + wire.NoiseIK1, ""},
	{0xF0, "pairing 2", wire.PairingOverhead + wire.NoiseNN, ""},
}

// messageKinds is one of each.
var messageKinds = []struct {
	name string
	m    wire.Message
}{
	{"offer of 10 kB", wire.Message{Kind: wire.KindOffer, Size: 10_000, Lifetime: 1440}},
	{"answer", wire.Message{Kind: wire.KindAnswer}},
	{"answer with an account of one block", wire.Message{Kind: wire.KindAnswer, Flags: wire.FlagHeld, Upto: 3, Needs: []wire.BlockNeed{{Block: 1, N: 9}}}},
	{"need, one block", wire.Message{Kind: wire.KindNeed, Upto: 3, Needs: []wire.BlockNeed{{Block: 1, N: 9}}}},
	{"need, each block more", wire.Message{Kind: wire.KindNeed, Upto: 3, Needs: []wire.BlockNeed{{Block: 1, N: 9}, {Block: 2, N: 4}}}},
	{"push, around the body", wire.Message{Kind: wire.KindPush, Lifetime: 1440}},
	{"custody", wire.Message{Kind: wire.KindCustody}},
	{"cancel", wire.Message{Kind: wire.KindCancel}},
	{"poll", wire.Message{Kind: wire.KindPoll, Upto: 3}},
	{"bye", wire.Message{Kind: wire.KindBye}},
	{"symbols", wire.Message{Kind: wire.KindSymbols, Body: make([]byte, 3*59)}},
	{"cast", wire.Message{Kind: wire.KindCast}},
	{"cast with the key", wire.Message{Kind: wire.KindCast, Flags: wire.FlagKey}},
	{"move", wire.Message{Kind: wire.KindMove}},
	{"move back", wire.Message{Kind: wire.KindMove, Flags: wire.FlagBack}},
	{"urgent", wire.Message{Kind: wire.KindUrgent}},
	{"moved", wire.Message{Kind: wire.KindMoved}},
}

// onAir are the settings of the report: SF7, SF10 and SF12 at BW125, CR4/5.
var onAir = []uint8{7, 10, 12}

func setting(sf uint8) phy.Modulation {
	return phy.Modulation{FrequencyHz: 917_500_000, BandwidthHz: 125_000, SpreadingFactor: sf, CodingRate: 5, PreambleSymbols: 8}
}

// rnodeAir is a frame's airtime through an RNode, which adds an octet and has its own preamble.
func rnodeAir(sf uint8, octets int) time.Duration {
	return phy.RNodeModulation(setting(sf)).TimeOnAir(octets + 1)
}

func ownAir(sf uint8, octets int) time.Duration { return setting(sf).TimeOnAir(octets) }

// airs are the columns of airtimes in ms: RNode, then a chip with a preamble of 8.
func airs(sizes ...int) string {
	s := ""
	for _, air := range []func(uint8, int) time.Duration{rnodeAir, ownAir} {
		for _, sf := range onAir {
			var sum time.Duration
			for _, n := range sizes {
				sum += air(sf, n)
			}
			s += fmt.Sprintf(" %.0f |", sum.Seconds()*1000)
		}
	}
	return s
}

const airColumns = " SF7 | SF10 | SF12 | SF7 | SF10 | SF12 |\n"

func framesReport(t *testing.T) string {
	var b strings.Builder
	b.WriteString(`# Octets and milliseconds

Written by ` + "`go test ./link -run=Frames -rewrite`" + `; do not edit. BW125, CR4/5. The first three columns of milliseconds are through an RNode,
which adds an octet to each packet and has a preamble of 18 symbols, or 24 ms if that is more; the last three are of a chip that we drive, with a preamble of 8.
Octets are those that the link gives to the port.

## Frames
| first octet | frame | octets |` + airColumns + "| --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, f := range frameKinds {
		name := f.name
		if f.what != "" {
			name += ": " + f.what
		}
		fmt.Fprintf(&b, "| %02X | %s | %d |%s\n", f.first, name, f.octets, airs(f.octets))
	}
	b.WriteString("\n## Messages\nInside a control frame, which is " + fmt.Sprint(wire.ControlOverhead) + " octets itself; the milliseconds are of a frame with this message alone.\n\n" +
		"| message | octets |" + airColumns + "| --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, k := range messageKinds {
		n := len(wire.AppendMessage(nil, &k.m))
		fmt.Fprintf(&b, "| %s | %d |%s\n", k.name, n, airs(wire.ControlOverhead+n))
	}
	b.WriteString(`
## Conversations
Both sides together, without loss, as they went over two simulated RNodes at SF7; the other columns are the airtime of the same frames. Offers, answers,
encryption and custody are in, beacons are not.

| what | frames | octets | share payload |` + airColumns + "| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n")
	for _, c := range conversations {
		sizes := c.run(t)
		octets := 0
		for _, n := range sizes {
			octets += n
		}
		share := "-"
		if c.payload > 0 {
			share = fmt.Sprintf("%.2f", float64(c.payload)/float64(octets))
		}
		fmt.Fprintf(&b, "| %s | %d | %d | %s |%s\n", c.name, len(sizes), octets, share, airs(sizes...))
	}
	b.WriteString(`
Reticulum 1.4.2, two nodes on the same kind of channel, counted on the air: a link set up takes 290 octets in 3 frames, an announce 168, a packet of 80
octets with its proof 280. What stands beside them here is the session, the beacon, and the push of 80 octets with its custody: add one octet a packet for
the RNode's own to compare.
`)
	return b.String()
}

// conversation is a play of which the frames are counted, from a word on.
type conversation struct {
	name    string
	payload int
	play    string
}

const opened = "world seed=1\nnode a b\nquiet until a hears b and b hears a\nquiet 30s\n"

var conversations = []conversation{
	{"session", 0, "world seed=1\nnode a b\nrun until a hears b and b hears a\n"},
	{"push of 80 octets", 80, opened + "send a b x 80\nrun until a gave x\n"},
	{"push of 200 octets", 200, opened + "send a b x 200\nrun until a gave x\n"},
	{"1 kB, unasked", 1000, opened + "send a b x 1kB\nrun until a gave x\n"},
	{"10 kB, offered", 10_000, opened + "send a b x 10kB\nrun until a gave x\n"},
	{"50 kB, offered", 50_000, opened + "send a b x 50kB\nrun until a gave x\n"},
}

// run answers the octets of each frame but beacons.
func (c conversation) run(t *testing.T) (sizes []int) {
	t.Helper()
	p := newPlay(t, c.name)
	p.watch = func(f world.OnAir) {
		if !p.silent && wire.TypeOf(f.Frame) != wire.TypeBeacon {
			sizes = append(sizes, len(f.Frame))
		}
	}
	p.perform(c.play)
	return sizes
}

func TestFramesReport(t *testing.T) {
	got := framesReport(t)
	if *rewrite {
		if err := os.WriteFile(framesFile, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(framesFile)
	if err != nil || got != string(want) {
		t.Errorf("docs/FRAMES.md is stale: %v\n%s\nif it is right: go test ./link -run=Frames -rewrite", err, firstDifference(got, string(want)))
	}
}

// TestFramesReportHasEveryFrame holds the report to the types of package wire, and every frame to what an RNode carries.
func TestFramesReportHasEveryFrame(t *testing.T) {
	have := map[wire.Type]bool{}
	for _, f := range frameKinds {
		have[wire.Type(f.first>>4)] = true
		if f.octets > rnodeMTU {
			t.Errorf("%s: %d octets do not fit an RNode", f.name, f.octets)
		}
	}
	for typ := range wire.Type(16) {
		if !have[typ] {
			t.Errorf("type %X is not in the report", uint8(typ))
		}
	}
	kinds := map[wire.Kind]bool{}
	for _, k := range messageKinds {
		kinds[k.m.Kind] = true
	}
	for kind := range wire.Kind(16) {
		var m wire.Message
		b := append([]byte{byte(kind)}, make([]byte, 64)...)
		if _, err := wire.ParseMessage(b, &m); err == nil && !kinds[kind] {
			t.Errorf("message %d is not in the report", kind)
		}
	}
}

// TestSessionFitsItsAim: 140 octets on the air, confirming frame included.
func TestSessionFitsItsAim(t *testing.T) {
	octets := 0
	for _, n := range conversations[0].run(t) {
		octets += n
	}
	if octets > 140 {
		t.Errorf("a session takes %d octets, want 140 at most", octets)
	}
}
