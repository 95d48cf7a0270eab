package rnode

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

const (
	maxFrame    = 254 // one LoRa packet of 255 less the modem's own header octet
	airOverhead = 1
	frameQueue  = 64 // received frames waiting for Receive
	replyQueue  = 32
)

// Opts tunes a modem. The zero value is good.
type Opts struct {
	// Detect is how long to wait for the first answer; boards that restart when
	// their port opens need about 2 s. Default 8 s.
	Detect time.Duration
	// Answer is how long a command may stay unanswered while nothing is being
	// sent. Default 3 s.
	Answer time.Duration
	// Burst is the airtime that may wait in the modem, where nothing can overtake
	// it any more, so that one channel access serves several frames. At least 2
	// frames always may. Default 2 s: 4 full frames at SF7 and 125 kHz, which keep
	// the channel busy 91 % of the time where 2 reach 80 %.
	Burst time.Duration
}

func (o Opts) withDefaults() Opts {
	if o.Detect <= 0 {
		o.Detect = 8 * time.Second
	}
	if o.Answer <= 0 {
		o.Answer = 3 * time.Second
	}
	if o.Burst <= 0 {
		o.Burst = 2 * time.Second
	}
	return o
}

// Modem is an open RNode. It implements radio.Radio.
type Modem struct {
	port io.ReadWriteCloser
	opts Opts
	info Info

	frames  chan radio.Packet
	replies chan reply    // answers to commands other than READY
	ready   chan bool     // the latest answer to READY
	gone    chan struct{} // closed when the reader ends
	goneErr error         // set before gone is closed
	lost    atomic.Uint64
	foreign atomic.Uint64 // of those, what others sent
	heard   atomic.Int64  // when a frame was last received, Unix nanoseconds

	command  sync.Mutex // one exchange with the modem at a time
	mod      phy.Modulation
	powerDBm int
	paced    sync.Mutex // guards pace
	pace     pacer
	depth    atomic.Int32 // frames that may wait in the modem
	flow     bool         // the firmware answers READY
	warning  atomic.Pointer[ModemError]
	opened   atomic.Bool // the modem has answered: from here on a restart of it is an error
	stated   sync.Mutex  // guards stats
	stats    Stats
	closing  sync.Once
}

type reply struct {
	command byte
	value   uint32 // of up to four octets
	octets  int
	data    []byte // of more
}

var (
	_ radio.Radio   = (*Modem)(nil)
	_ radio.Clearer = (*Modem)(nil)
)

// Open takes over a port on which an RNode is expected, finds it and checks its
// firmware. Write on the port must not block for ever. On error the port is closed.
func Open(ctx context.Context, port io.ReadWriteCloser, opts Opts) (*Modem, error) {
	m := &Modem{
		port:    port,
		opts:    opts.withDefaults(),
		frames:  make(chan radio.Packet, frameQueue),
		replies: make(chan reply, replyQueue),
		ready:   make(chan bool, 1),
		gone:    make(chan struct{}),
		stats:   unmeasuredStats,
	}
	m.depth.Store(int32(m.opts.depth(m.mod)))
	go m.read()
	if err := m.detect(ctx); err != nil {
		port.Close()
		<-m.gone
		return nil, err
	}
	return m, nil
}

var unmeasuredStats = Stats{RSSIdBm: radio.NotMeasured(), NoiseFloorDBm: radio.NotMeasured(), InterferenceDBm: radio.NotMeasured(),
	TemperatureC: radio.NotMeasured()}

// Info is what the modem said of itself at Open.
func (m *Modem) Info() Info { return m.info }

// Lost counts received frames and answers that were thrown away: damaged on the
// wire, or nobody took them in time.
func (m *Modem) Lost() uint64 { return m.lost.Load() }

// Capabilities of every RNode.
func (m *Modem) Capabilities() radio.Capabilities {
	return radio.Capabilities{
		MaxFrame:        maxFrame,
		Reconfigurable:  !m.info.Stored,
		ReportsSNR:      true,
		OwnMediumAccess: true,
		HalfDuplex:      true,
		QueueDepth:      int(m.depth.Load()),
		AirOverhead:     airOverhead,
		Retune:          retune,
	}
}

// depth is how many frames may wait in the modem.
func (o Opts) depth(mod phy.Modulation) int {
	const least, most = 2, 20 // the smallest queue of any firmware holds 5120 octets
	air := mod.TimeOnAir(maxFrame + airOverhead)
	if air == 0 {
		return least
	}
	return max(least, min(most, int(o.Burst/air)))
}

// Transmit hands one frame to the modem. It returns when the modem can take the
// next one, which is not yet when this one has left. When ctx ends it the frame
// may already be with the modem. A ModemError tells of an earlier frame.
func (m *Modem) Transmit(ctx context.Context, frame []byte) error {
	if len(frame) == 0 || len(frame) > maxFrame {
		return ErrFrameSize
	}
	m.command.Lock()
	defer m.command.Unlock()
	if m.mod.BandwidthHz == 0 {
		return errors.New("rnode: the modem is not configured yet")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.awaitRoom(ctx); err != nil {
		return m.unhang(err)
	}
	if err := m.write(appendFrame(nil, cmdData, frame...)); err != nil {
		return err
	}
	if err := m.pause(ctx, m.handed(m.mod.TimeOnAir(len(frame)+airOverhead))); err != nil {
		return err
	}
	if w := m.warning.Swap(nil); w != nil {
		return w
	}
	return nil
}

// handed counts a frame that the modem has now, and answers how long until it may have another.
func (m *Modem) handed(air time.Duration) time.Duration {
	m.paced.Lock()
	defer m.paced.Unlock()
	now := time.Now()
	m.pace.add(now, air, time.Unix(0, m.heard.Load()))
	return m.pace.wait(now, int(m.depth.Load()))
}

// Clear is when the last frame will have left, by the firmware's own timing, corrected each second by
// what the modem says that it has sent.
func (m *Modem) Clear() time.Time {
	m.paced.Lock()
	defer m.paced.Unlock()
	return m.pace.last
}

// metered takes the modem's word on the airtime that it has used of late.
func (m *Modem) metered(hundredths uint16) {
	m.paced.Lock()
	defer m.paced.Unlock()
	m.pace.metered(time.Now(), time.Duration(hundredths)*loadWindow/10_000)
}

// unhang restarts a modem that does nothing any more: when it is opened anew it may work again.
func (m *Modem) unhang(err error) error {
	if errors.Is(err, ErrSilent) || errors.Is(err, ErrStuck) {
		_ = m.write(appendFrame(nil, cmdReset, resetKey))
	}
	return err
}

// awaitRoom waits until the modem says that its queue has room, where the
// firmware answers that question. It answers late while it transmits.
func (m *Modem) awaitRoom(ctx context.Context) error {
	for tries := 0; m.flow; tries++ {
		if tries > 100 {
			return ErrStuck
		}
		room, err := m.askReady(ctx, m.opts.Answer+time.Duration(m.depth.Load()+1)*m.mod.TimeOnAir(255))
		switch {
		case errors.Is(err, errNoAnswer):
			m.flow = false
			return m.stillThere(ctx)
		case err != nil || room:
			return err
		}
		if err := m.pause(ctx, m.mod.TimeOnAir(255)/2); err != nil {
			return err
		}
	}
	return nil
}

// stillThere tells an RNode without flow control from one that hangs.
func (m *Modem) stillThere(ctx context.Context) error {
	m.drain()
	if err := m.write(appendFrame(nil, cmdDetect, detectAsk)); err != nil {
		return err
	}
	if _, err := m.await(ctx, cmdDetect, m.opts.Answer); errors.Is(err, errNoAnswer) {
		return ErrSilent
	} else if err != nil {
		return err
	}
	return nil
}

var errNoAnswer = errors.New("rnode: no answer")

// askReady asks for room in the queue. The modem speaks of it only when asked.
func (m *Modem) askReady(ctx context.Context, timeout time.Duration) (bool, error) {
	select {
	case <-m.ready:
	default:
	}
	if err := m.write(appendFrame(nil, cmdReady, 0)); err != nil {
		return false, err
	}
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	select {
	case room := <-m.ready:
		return room, nil
	case <-timer.C:
		return false, errNoAnswer
	case <-m.gone:
		return false, m.goneErr
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Receive waits for the next frame.
func (m *Modem) Receive(ctx context.Context) (radio.Packet, error) {
	return radio.Take(ctx, m.frames, m.gone, &m.goneErr)
}

// Close switches the radio off, takes leave and closes the port.
func (m *Modem) Close() error {
	var err error
	m.closing.Do(func() {
		select {
		case <-m.gone:
		default:
			m.port.Write(appendFrame(appendFrame(nil, cmdState, stateOff), cmdLeave, leaveAll))
		}
		err = m.port.Close()
		<-m.gone
	})
	return err
}

func (m *Modem) write(b []byte) error {
	if _, err := m.port.Write(b); err != nil {
		return m.because(fmt.Errorf("%w (%v)", ErrGone, err))
	}
	return nil
}

// because prefers the reason for which the reader ended.
func (m *Modem) because(err error) error { return radio.Because(m.gone, &m.goneErr, err) }

func (m *Modem) pause(ctx context.Context, d time.Duration) error {
	return radio.Pause(ctx, m.gone, &m.goneErr, d)
}
