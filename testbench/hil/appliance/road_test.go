//go:build linux

package appliance

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"packhorse/gateway/admin"
)

// letterFile lies on the boot partition.
const letterFile = "letter.bin"

// letter is random octets, the same for the same seed.
func letter(octets int) []byte {
	r := rand.New(rand.NewPCG(*seed, 1))
	b := make([]byte, octets)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// TestParcelArrivesOnceThroughPowerCuts lets two boxes that were just flashed join a domain and write to each other. The
// receiver of a larger file loses its power five times while that is on its way.
func TestParcelArrivesOnceThroughPowerCuts(t *testing.T) {
	t.Parallel()
	content := letter(20_000)
	b := open(t, func(name string) string {
		if name == "anna" {
			return withRadio(name, "[setup]\ndomain = \"valley\"\n")
		}
		return withRadio(name, "")
	}, "anna", "bert")
	anna, bert := b.boxes[0], b.boxes[1]
	anna.must(anna.WriteBoot(anna.ctx, letterFile, content))
	anna.must(anna.Power().On(anna.ctx))
	bert.must(bert.Power().On(bert.ctx))
	anna.ready()
	bert.ready()
	anna.until("domain", func() bool { return ask[admin.Status](anna, "status").Domain != "" })
	pair(anna, bert)

	p := ask[admin.ParcelReply](bert, "send", "anna", "--text", "are you there?", "--wait", "delivered")
	if p.State != admin.Delivered {
		t.Fatalf("a text is %s", p.State)
	}
	arrived(anna, "bert", []byte("are you there?"))

	begun := time.Now()
	anna.must(anna.Console().Type(anna.ctx, "send bert --file /boot/"+letterFile+" --wait delivered --json"))
	for cut := range 5 {
		bert.must(b.Channel().Heard(bert.ctx, "bert", uint64(8+4*cut)))
		if in := ask[admin.InboxReply](bert, "inbox").Letters; len(in) > 0 {
			t.Fatalf("the file arrived before power cut %d: make it longer", cut+1)
		}
		bert.must(bert.OffAtWrite(bert.ctx, 1+cut))
		bert.on()
	}
	if p := line[admin.ParcelReply](anna); p.State != admin.Delivered {
		t.Errorf("the file is %s", p.State)
	}
	anna.finish()
	t.Logf("20 kB and five power cuts took %v", time.Since(begun).Round(time.Second))
	arrived(bert, "anna", content)
}

// pair lets joiner into host's domain, as two people at their consoles do.
func pair(host, joiner *box) {
	host.t.Helper()
	host.must(host.Console().Type(host.ctx, "pair --json"))
	offer := line[admin.PairOfferReply](host)
	joined := ask[admin.PairResultReply](joiner, "pair", offer.Code)
	let := line[admin.PairResultReply](host)
	host.finish()
	if joined.Peer != host.Name() || let.Peer != joiner.Name() || joined.Domain != "valley" {
		host.t.Fatalf("joined %+v, let in %+v", joined.PairResult, let.PairResult)
	}
}

// arrived checks that one letter is in the inbox, from somebody, with just this content.
func arrived(b *box, from string, content []byte) {
	b.t.Helper()
	in := ask[admin.InboxReply](b, "inbox").Letters
	if len(in) != 1 || in[0].From != from {
		b.t.Fatalf("%s: in the inbox: %+v", b.Name(), in)
	}
	if l := ask[admin.LetterReply](b, "inbox", "read", in[0].ID); !bytes.Equal(l.Content, content) {
		b.t.Errorf("%s: %d octets arrived, not the %d that left", b.Name(), len(l.Content), len(content))
	}
}
