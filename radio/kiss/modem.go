package kiss

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

const (
	frameQueue = 64 // received frames waiting for Receive
	// depth is how many frames may be in the TNC: one leaves, one waits. More could not be overtaken by anything urgent.
	depth = 2
	// remind is how long the TNC is trusted to have its timing still: one that restarts has lost it, and says nothing.
	remind = time.Minute
)

// Modem is an open TNC. It implements radio.Radio.
type Modem struct {
	port     io.ReadWriteCloser
	opts     Opts
	to, from address

	frames  chan radio.Packet
	gone    chan struct{} // closed when the reader ends
	goneErr error         // set before gone is closed
	lost    atomic.Uint64
	foreign atomic.Uint64

	writing sync.Mutex // one at a time with the port
	paced   sync.Mutex // guards what follows
	mod     phy.Modulation
	pace    pacer
	told    time.Time // when the TNC was given its timing
	closing sync.Once
}

var (
	_ radio.Radio   = (*Modem)(nil)
	_ radio.Clearer = (*Modem)(nil)
)

// Open takes over a port on which a TNC in KISS mode is expected. KISS has no question that a TNC answers, so whether
// there is one shows only by what it receives. Write on the port must not block for ever. On error the port is closed.
func Open(_ context.Context, port io.ReadWriteCloser, opts Opts) (*Modem, error) {
	if err := opts.Validate(); err != nil {
		port.Close()
		return nil, err
	}
	m := &Modem{port: port, opts: opts.withDefaults(), frames: make(chan radio.Packet, frameQueue), gone: make(chan struct{})}
	m.to, _ = parseAddress(m.opts.Network) // both are valid
	m.from, _ = parseAddress(m.opts.Callsign)
	m.pace.access = m.opts.access()
	go m.read()
	return m, nil
}

// Capabilities of every TNC.
func (m *Modem) Capabilities() radio.Capabilities {
	return radio.Capabilities{MaxFrame: maxInfo, OwnMediumAccess: true, Access: m.pace.access, HalfDuplex: true, QueueDepth: depth}
}

// Lost counts KISS frames that were damaged on the wire, and received frames that nobody took in time.
func (m *Modem) Lost() uint64 { return m.lost.Load() }

// Foreign counts frames of other networks, protocols and ports, and those that digipeaters relay.
func (m *Modem) Foreign() uint64 { return m.foreign.Load() }

// Configure gives the TNC its timing. It confirms nothing, and frequency, rate and power are those of the transmitter
// behind it: mod must be what they are (Opts.Modulation), and powerDBm is taken as known.
func (m *Modem) Configure(_ context.Context, mod phy.Modulation, _ int) error {
	if err := mod.Validate(); err != nil {
		return err
	}
	if lead := m.opts.TXDelay + m.opts.TXTail; !mod.Stream() || mod.Lead < lead || mod.Overhead < overhead {
		return fmt.Errorf("kiss: a TNC needs a bit rate, a lead of at least %v and an overhead of %d octets: take them from Opts.Modulation", lead, overhead)
	}
	if err := m.write(m.opts.commands()); err != nil {
		return err
	}
	m.paced.Lock()
	defer m.paced.Unlock()
	m.mod, m.told = mod, time.Now()
	return nil
}

// airtime of an AX.25 frame that is sent alone.
func airtime(mod phy.Modulation, frame []byte) time.Duration {
	return mod.Lead + time.Duration(bits(frame))*time.Second/time.Duration(mod.BitRate)
}

// Transmit hands one frame to the TNC and returns when it may have another.
func (m *Modem) Transmit(ctx context.Context, frame []byte) error {
	if len(frame) == 0 || len(frame) > maxInfo {
		return ErrFrameSize
	}
	m.paced.Lock()
	mod := m.mod
	m.paced.Unlock()
	if !mod.Stream() {
		return errNotConfigured
	}
	if err := m.room(ctx); err != nil {
		return err
	}
	ui := appendUI(nil, m.to, m.from, frame)
	if err := m.write(appendFrame(m.reminder(), byte(m.opts.Port), cmdData, ui...)); err != nil {
		return err
	}
	m.paced.Lock()
	m.pace.add(time.Now(), airtime(mod, ui))
	m.paced.Unlock()
	return m.room(ctx)
}

// reminder gives the TNC its timing again, when it may have lost it.
func (m *Modem) reminder() []byte {
	m.paced.Lock()
	defer m.paced.Unlock()
	if time.Since(m.told) <= remind {
		return nil
	}
	m.told = time.Now()
	return m.opts.commands()
}

// room waits until the TNC holds few enough frames. What is heard meanwhile makes that longer.
func (m *Modem) room(ctx context.Context) error {
	for {
		m.paced.Lock()
		d := m.pace.wait(time.Now(), depth)
		m.paced.Unlock()
		if err := radio.Pause(ctx, m.gone, &m.goneErr, d); err != nil {
			return err
		}
		if d <= 0 {
			return nil
		}
	}
}

// Clear is when the last frame will have left if the channel stays free.
func (m *Modem) Clear() time.Time {
	m.paced.Lock()
	defer m.paced.Unlock()
	return m.pace.clear()
}

// Receive waits for the next frame. The TNC tells no signal strength.
func (m *Modem) Receive(ctx context.Context) (radio.Packet, error) {
	return radio.Take(ctx, m.frames, m.gone, &m.goneErr)
}

// Close closes the port. The TNC stays in KISS mode, so that it can be opened again.
func (m *Modem) Close() error {
	var err error
	m.closing.Do(func() {
		err = m.port.Close()
		<-m.gone
	})
	return err
}

func (m *Modem) write(b []byte) error {
	m.writing.Lock()
	defer m.writing.Unlock()
	_, err := m.port.Write(b)
	if err != nil {
		err = fmt.Errorf("%w (%v)", ErrGone, err)
	}
	return radio.Because(m.gone, &m.goneErr, err)
}
