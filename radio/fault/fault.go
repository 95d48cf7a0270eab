// Package fault injures a radio: it loses, repeats, damages and delays frames, refuses settings and vanishes, by a plan
// that depends on its seed alone. It is for benches and tests, around a simulated radio or a real one.
package fault

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"

	"packhorse/radio"
)

// ErrInjected is inside every error that this package makes up.
var ErrInjected = errors.New("fault: injected")

// Plan is how often what goes wrong: probabilities from 0 to 1, of each frame on its own.
type Plan struct {
	Seed uint64
	// LoseSent frames reach the modem's owner as sent and never the modem; LoseReceived ones never come up.
	LoseSent, LoseReceived float64
	Damage                 float64 // one bit of a received frame flips, as past a checksum that was not looked at
	Repeat                 float64 // a received frame comes up twice
	Refuse                 float64 // Transmit fails although the modem is well
	// GoneAfter calls of Transmit or Receive the radio is gone, as if unplugged: what waits in it ends then. 0: never.
	GoneAfter int
}

func (p Plan) validate() error {
	for _, x := range []float64{p.LoseSent, p.LoseReceived, p.Damage, p.Repeat, p.Refuse} {
		if !(x >= 0 && x <= 1) {
			return fmt.Errorf("fault: a probability of %v: give 0 to 1", x)
		}
	}
	if p.LoseReceived == 1 {
		return errors.New("fault: a radio that loses all that it receives would never return from Receive: give less than 1")
	}
	return nil
}

// Counts is what has gone wrong so far.
type Counts struct{ LostSent, LostReceived, Damaged, Repeated, Refused int }

// Radio is an injured radio.
type Radio struct {
	radio.Radio
	plan Plan

	ended context.Context // done when the radio is gone
	end   context.CancelFunc

	mu     sync.Mutex // guards what follows
	tx, rx *rand.Rand // apart, so that what is sent does not move the fate of what is received
	calls  int
	again  *radio.Packet
	counts Counts
}

// Wrap injures r by a plan. The radio returned can whatever r can; Radio counts the injuries.
func Wrap(r radio.Radio, p Plan) (radio.Radio, *Radio, error) {
	if err := p.validate(); err != nil {
		return nil, nil, err
	}
	f := &Radio{Radio: r, plan: p, tx: rand.New(rand.NewPCG(p.Seed, 0)), rx: rand.New(rand.NewPCG(p.Seed, 1))}
	f.ended, f.end = context.WithCancel(context.Background())
	return radio.Forward(f, r), f, nil
}

// Counts is safe for concurrent use.
func (f *Radio) Counts() Counts {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.counts
}

// Transmit may lose or refuse the frame.
func (f *Radio) Transmit(ctx context.Context, frame []byte) error {
	defer f.called()
	lost, err := f.sending()
	if err != nil || lost {
		return err
	}
	ctx, stop := f.while(ctx)
	defer stop()
	return f.because(f.Radio.Transmit(ctx, frame))
}

func (f *Radio) sending() (lost bool, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.gone(); err != nil {
		return false, err
	}
	refused, lost := f.tx.Float64() < f.plan.Refuse, f.tx.Float64() < f.plan.LoseSent
	switch {
	case refused:
		f.counts.Refused++
		return false, fmt.Errorf("%w: the modem refuses a frame", ErrInjected)
	case lost:
		f.counts.LostSent++
	}
	return lost, nil
}

// Receive may lose, damage or repeat what comes.
func (f *Radio) Receive(ctx context.Context) (radio.Packet, error) {
	defer f.called()
	ctx, stop := f.while(ctx)
	defer stop()
	for {
		if p, err := f.waiting(); p != nil || err != nil {
			return *p, err
		}
		p, err := f.Radio.Receive(ctx)
		if err != nil || f.injure(&p) {
			return p, f.because(err)
		}
	}
}

// waiting is a repetition, or an error when the radio is gone.
func (f *Radio) waiting() (*radio.Packet, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if err := f.gone(); err != nil {
		return &radio.Packet{}, err
	}
	p := f.again
	f.again = nil
	return p, nil
}

// injure decides what becomes of a frame; false: it is lost.
func (f *Radio) injure(p *radio.Packet) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	lost, damaged, repeated := f.rx.Float64() < f.plan.LoseReceived, f.rx.Float64() < f.plan.Damage, f.rx.Float64() < f.plan.Repeat
	if lost {
		f.counts.LostReceived++
		return false
	}
	if damaged && len(p.Data) > 0 {
		f.counts.Damaged++
		p.Data[f.rx.IntN(len(p.Data))] ^= 1 << f.rx.IntN(8)
	}
	if repeated {
		f.counts.Repeated++
		twin := *p
		twin.Data = append([]byte(nil), p.Data...)
		f.again = &twin
	}
	return true
}

var errGone = fmt.Errorf("%w: the radio is gone", ErrInjected)

// gone counts a call.
func (f *Radio) gone() error {
	f.calls++
	if f.plan.GoneAfter > 0 && f.calls > f.plan.GoneAfter {
		return errGone
	}
	return nil
}

// called ends what waits when the last call is over.
func (f *Radio) called() {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.plan.GoneAfter > 0 && f.calls >= f.plan.GoneAfter {
		f.end()
	}
}

// while is done with ctx, or when the radio is gone.
func (f *Radio) while(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	unhook := context.AfterFunc(f.ended, cancel)
	return ctx, func() { unhook(); cancel() }
}

// because prefers the reason for which a call was broken off.
func (f *Radio) because(err error) error {
	if err != nil && f.ended.Err() != nil {
		return errGone
	}
	return err
}
