package chip

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"periph.io/x/conn/v3/gpio"

	"packhorse/radio"
	"packhorse/radio/phy"
)

// Opts tunes a Radio. The zero value is good.
type Opts struct {
	// Queue is how many received frames wait for Receive; what comes on top of them is lost and counted. Default 64.
	Queue int
}

const defaultQueue = 64

// Radio is a chip at work: it receives whenever it does nothing else. It implements radio.Radio, radio.Sensor,
// radio.Clearer, radio.Timed and radio.Meter, and is safe for use as those say.
type Radio struct {
	driver Driver
	irq    gpio.PinIn
	frames chan radio.Packet
	result chan result   // of what doing says, from whoever saw it end
	token  chan struct{} // held by whoever talks to the chip; a channel, so that waiting for it can be given up
	ctx    context.Context
	stop   context.CancelFunc
	done   chan struct{} // the goroutine has ended
	ended  chan struct{} // nothing more comes of this Radio: closed with endErr set
	endErr error
	ending sync.Once
	closer sync.Once

	// These belong to the holder of the token.
	set      *setting // nil: not configured yet
	doing    task
	broken   error     // the chip must be brought back before anything else
	faults   int       // in a row
	incoming time.Time // until when a packet that has begun may still be coming in
	told     bool      // the flags told anything since this was set to false
	signal   bool      // something was being received when the flags were read last
	since    time.Time // when reception began

	counts sync.Mutex // guards what follows
	stats  Stats
	began  time.Time // the last transmission
	onAir  time.Duration
	clear  time.Time
	meter  meter
}

// setting is what Configure was last asked for.
type setting struct {
	mod      phy.Modulation
	powerDBm int
}

type task uint8

const (
	idle task = iota
	receiving
	sending
	detecting
)

type result struct {
	detected bool
	err      error
}

var (
	_ radio.Radio   = (*Radio)(nil)
	_ radio.Sensor  = (*Radio)(nil)
	_ radio.Clearer = (*Radio)(nil)
	_ radio.Timed   = (*Radio)(nil)
)

// ErrClosed: the Radio has been closed.
var ErrClosed = errors.New("chip: the radio is closed")

// Open resets the chip and brings it to life in standby; Configure starts reception. The driver belongs to the Radio
// from here on and is closed with it, or at once on error. irq is the line on which the chip tells that something has
// happened: without it there is no Radio.
func Open(ctx context.Context, d Driver, irq gpio.PinIn, o Opts) (*Radio, error) {
	if o.Queue <= 0 {
		o.Queue = defaultQueue
	}
	err := listenTo(irq)
	if err == nil {
		err = d.Reset(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, d.Close())
	}
	r := &Radio{
		driver: d, irq: irq,
		frames: make(chan radio.Packet, o.Queue),
		result: make(chan result, 1),
		token:  make(chan struct{}, 1),
		done:   make(chan struct{}),
		ended:  make(chan struct{}),
	}
	r.ctx, r.stop = context.WithCancel(context.Background())
	go r.watch()
	return r, nil
}

// listenTo arms the interrupt line. A pull-down keeps a line that came loose quiet; not every GPIO controller has one.
func listenTo(irq gpio.PinIn) error {
	if irq == nil {
		return &FaultError{
			What: "chip: the interrupt line (DIO0 of an SX127x, DIO1 of an SX126x) is not wired to a GPIO",
			Fix:  "wire it and name the pin in the board's profile: without it the chip would have to be asked hundreds of times a second",
			Err:  ErrNoInterrupt,
		}
	}
	if irq.In(gpio.PullDown, gpio.RisingEdge) == nil {
		return nil
	}
	if err := irq.In(gpio.PullNoChange, gpio.RisingEdge); err != nil {
		return &FaultError{
			What: fmt.Sprintf("chip: %s gives no interrupts (%v)", irq.Name(), err),
			Fix:  "check that no other program holds this GPIO and that its controller has edge detection",
			Err:  ErrNoInterrupt,
		}
	}
	return nil
}

// Capabilities are those of the driver.
func (r *Radio) Capabilities() radio.Capabilities { return r.driver.Capabilities() }

// Stats is what the Radio has met so far.
func (r *Radio) Stats() Stats {
	r.counts.Lock()
	defer r.counts.Unlock()
	return r.stats
}

// Clear is when the last frame will have left, or has.
func (r *Radio) Clear() time.Time {
	r.counts.Lock()
	defer r.counts.Unlock()
	return r.clear
}

func (r *Radio) count(f func(*Stats)) {
	r.counts.Lock()
	defer r.counts.Unlock()
	f(&r.stats)
}

// Configure sets modulation and power and starts reception. When the chip cannot do what was asked, it goes on as before.
func (r *Radio) Configure(ctx context.Context, m phy.Modulation, powerDBm int) error {
	if err := m.Validate(); err != nil {
		return err
	}
	if m.Stream() {
		return fmt.Errorf("chip: %s is no LoRa modulation: this radio needs a bandwidth, a spreading factor and a coding rate", m)
	}
	if err := r.lock(ctx); err != nil {
		return err
	}
	defer r.unlock()
	old := r.set
	err := r.collect(time.Now(), false)
	if err == nil {
		err = r.apply(setting{m, powerDBm})
	}
	switch {
	case err == nil:
		return nil
	case mendable(err):
		r.set = &setting{m, powerDBm}
		if err = r.mend(ctx, err); err != nil {
			r.set = old // what the caller does not know of must not come into force later
		}
		return err
	case old != nil:
		if again := r.apply(*old); again != nil {
			return errors.Join(err, r.mend(ctx, again))
		}
	}
	return err
}

// apply configures the chip and receives.
func (r *Radio) apply(s setting) error {
	if err := r.driver.Standby(); err != nil {
		return err
	}
	r.doing, r.incoming, r.signal = idle, time.Time{}, false
	if err := r.driver.Configure(s.mod, s.powerDBm); err != nil {
		return err
	}
	r.set = &s
	return r.receive()
}

// receive starts reception.
func (r *Radio) receive() error {
	r.doing, r.incoming, r.signal = idle, time.Time{}, false
	if err := r.driver.Receive(); err != nil {
		return err
	}
	r.doing, r.since = receiving, time.Now()
	return nil
}

// Receive waits for the next frame.
func (r *Radio) Receive(ctx context.Context) (radio.Packet, error) {
	return radio.Take(ctx, r.frames, r.ended, &r.endErr)
}

// Close ends reception and whatever else is going on, and puts the chip to sleep.
func (r *Radio) Close() error {
	r.end(ErrClosed)
	var err error
	r.closer.Do(func() { err = r.release() })
	return err
}

// release waits for everyone who uses the chip and closes the driver. The pin is halted again and again: a Halt just
// before the goroutine begins to wait would be lost.
func (r *Radio) release() error {
	for waiting := true; waiting; {
		_ = r.irq.Halt()
		timer := time.NewTimer(haltEvery)
		select {
		case <-r.done:
			waiting = false
		case <-timer.C:
		}
		timer.Stop()
	}
	r.token <- struct{}{} // for ever
	return r.driver.Close()
}

const haltEvery = 10 * time.Millisecond

// end makes everything that waits return this error. The first one counts.
func (r *Radio) end(err error) {
	r.ending.Do(func() {
		r.endErr = err
		close(r.ended)
		r.stop()
	})
}

// lock waits for the chip.
func (r *Radio) lock(ctx context.Context) error {
	select {
	case r.token <- struct{}{}:
	case <-r.ended:
		return r.endErr
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-r.ended:
		r.unlock()
		return r.endErr
	default:
		return nil
	}
}

func (r *Radio) unlock() { <-r.token }
