package chip

import (
	"fmt"
	"slices"
	"testing"

	"periph.io/x/conn/v3/gpio"
	"periph.io/x/conn/v3/physic"
	"periph.io/x/conn/v3/spi"
)

// wired is a port and a chip select that note what is done to them, and whether another Bus could do something meanwhile.
type wired struct {
	spi.PortCloser
	gpio.PinOut
	spi.Conn
	done []string
}

func (p *wired) note(what string) {
	if wires.TryLock() {
		wires.Unlock()
		what += ", and others may too"
	}
	p.done = append(p.done, what)
}

func (p *wired) String() string { return "port" }
func (p *wired) Name() string   { return "GPIO21" }

func (p *wired) Connect(physic.Frequency, spi.Mode, int) (spi.Conn, error) { return p, nil }

func (p *wired) Out(l gpio.Level) error {
	p.note(fmt.Sprint("select ", l))
	return nil
}

func (p *wired) Tx(w, _ []byte) error {
	p.note(fmt.Sprintf("% X", w))
	return nil
}

// Two chips on the same wires, one of them selected by hand: nothing for one may be sent while the other is selected.
func TestTransactionsOfChipsOnOneBusDoNotMix(t *testing.T) {
	for byHand, want := range map[bool][]string{
		true:  {"select Low", "01 02", "select High"},
		false: {"01 02"},
	} {
		p := &wired{}
		var sel gpio.PinOut
		if byHand {
			sel = p
		}
		b, err := NewBus(p, physic.MegaHertz, sel)
		if err != nil {
			t.Fatal(err)
		}
		p.done = nil
		if err := b.Tx([]byte{1, 2}, nil); err != nil || !slices.Equal(p.done, want) {
			t.Errorf("by hand %v: %q, %v", byHand, p.done, err)
		}
	}
}
