package radios

import (
	"context"

	"packhorse/board"
	"packhorse/link/port"
	"packhorse/radio"
	"packhorse/radio/trace"
)

// Side is what a radio has beside it: all may be left out.
type Side struct {
	Stamp func() radio.Stamp // what is known of the time (port.RadioSpec)
	// Warn is told what does not work and does not matter to the radio: a trace, a lamp.
	Warn func(what string, err error)
	LEDs func(board.LEDMap) (board.LEDs, error)
	App  string // names the program in traces
}

// Transport makes a transport of a plan, without starting anything.
func Transport(p Plan, h Host, s Side) (port.Transport, error) {
	t := &station{plan: p, host: h, side: s}
	r, err := port.NewRadio(port.RadioSpec{
		Name: p.Radio.Name, Open: t.open, Modulation: p.Modulation, PowerDBm: p.PowerDBm, Rule: p.Rule, Ladder: p.Ladder, Stamp: s.Stamp,
	})
	if err != nil {
		return nil, err
	}
	t.Radio = r
	return t, nil
}

// station is a radio with its trace and its lamps.
type station struct {
	*port.Radio
	plan Plan
	host Host
	side Side
	// These are Run's.
	file *trace.File
	leds board.LEDs
}

// Run is the radio's life. Trace and lamps last as long.
func (t *station) Run(ctx context.Context, h port.Host) error {
	t.begin()
	defer t.end()
	return t.Radio.Run(ctx, alarmed{h, t.leds.Alarm, t.plan})
}

func (t *station) begin() {
	var err error
	if c := t.plan.Radio; c.Trace != "" {
		t.file, err = trace.Create(c.Trace, c.TraceMaxBytes, t.side.App)
		t.warn("nothing is traced", err)
	}
	if b := t.plan.Board; b != nil && t.side.LEDs != nil {
		t.leds, err = t.side.LEDs(b.LEDs)
		t.warn("a lamp stays dark", err)
	}
}

func (t *station) end() {
	if t.file != nil {
		t.warn("the trace ends", t.file.Close())
	}
	for _, led := range []*board.LED{t.leds.Rx, t.leds.Tx, t.leds.Alarm} {
		t.warn("a lamp may stay on", led.Close())
	}
	t.file, t.leds = nil, board.LEDs{}
}

func (t *station) warn(what string, err error) {
	if err != nil && t.side.Warn != nil {
		t.side.Warn(t.plan.Radio.Name+": "+what, err)
	}
}

// open is called by the port, inside Run.
func (t *station) open(ctx context.Context) (radio.Radio, error) {
	r, err := t.plan.Open(ctx, t.host)
	if err != nil {
		return nil, err
	}
	if t.file != nil {
		r = trace.Wrap(r, t.file, t.plan.Radio.Name)
	}
	if t.leds.Rx != nil || t.leds.Tx != nil {
		r = radio.Forward(&lit{r, t.leds}, r)
	}
	return r, nil
}

// lit blinks with each frame.
type lit struct {
	radio.Radio
	leds board.LEDs
}

func (l *lit) Transmit(ctx context.Context, frame []byte) error {
	l.leds.Tx.Blink()
	return l.Radio.Transmit(ctx, frame)
}

func (l *lit) Receive(ctx context.Context) (radio.Packet, error) {
	p, err := l.Radio.Receive(ctx)
	if err == nil {
		l.leds.Rx.Blink()
	}
	return p, err
}

// alarmed lights a lamp while the radio does not work, and says what is to be known of one that does.
type alarmed struct {
	port.Host
	led  *board.LED
	plan Plan
}

func (a alarmed) Health(v port.Health) {
	a.led.Set(!v.OK)
	v.Note, v.NoteFix = a.plan.Unverified()
	a.Host.Health(v)
}
