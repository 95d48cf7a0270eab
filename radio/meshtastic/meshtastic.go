package meshtastic

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

const (
	// maxFrame is what fits one LoRa packet of 255 octets with header 16, port 3, length 3 and the bit field 2 that
	// firmware 2.5 and later adds by itself; DATA_PAYLOAD_LEN of mesh.proto, 233, is without the last.
	maxFrame = 231
	// airOverhead is all that; with a signature of 64 octets in a field of its own where the firmware signs (perhapsEncode of
	// Router.cpp), which it does to packets that have room for one.
	airOverhead     = 16 + 3 + 3 + 2
	signedOverhead  = airOverhead + 66
	depth           = 2 // packets that may be in the node
	frameQueue      = 64
	statusQueue     = 8
	contentionSlots = 3.5 // mean of a window of 2^3 slots, that of a quiet channel (getTxDelayMsec)
)

// Opts tunes a modem. The zero value is good.
type Opts struct {
	// Detect is how long the node may take to tell how it is set; a board that restarts when its port opens needs 2 to 5
	// seconds, and a long list of nodes as long again. Default 20 s.
	Detect time.Duration
	// Answer is how long the node may leave a packet unanswered. Default 5 s.
	Answer time.Duration
	// Heartbeat keeps the node from thinking that nobody is there: it falls silent after 15 minutes. Default 5 minutes.
	Heartbeat time.Duration
	// Rand draws packet numbers; nil: another each time.
	Rand *rand.Rand
}

func (o Opts) withDefaults() Opts {
	if o.Detect <= 0 {
		o.Detect = 20 * time.Second
	}
	if o.Answer <= 0 {
		o.Answer = 5 * time.Second
	}
	if o.Heartbeat <= 0 {
		o.Heartbeat = 5 * time.Minute
	}
	if o.Rand == nil {
		o.Rand = rand.New(rand.NewPCG(rand.Uint64(), rand.Uint64()))
	}
	return o
}

// Info is what a node says of itself.
type Info struct {
	Node       uint32 // its number
	Firmware   string
	Region     string         // "EU_868"; empty where this program does not know its name
	Preset     string         // "LongFast", or "Custom"
	Modulation phy.Modulation // zero where it cannot be told
	PowerDBm   int            // the most it sends with
	Signs      bool           // short packets get 66 octets longer on the air
	// OwnDutyPPM is what the firmware keeps to with all that it sends, its own and that of the mesh included, in parts per million of an hour.
	OwnDutyPPM uint32
}

// String is the form for logs: "Meshtastic 2.7.4, EU_868 LongFast".
func (i Info) String() string {
	return fmt.Sprintf("Meshtastic %s, node !%08x, %s %s", i.Firmware, i.Node, i.Region, i.Preset)
}

// Modem is an open node. It implements radio.Radio.
type Modem struct {
	port io.ReadWriteCloser
	opts Opts

	frames  chan radio.Packet
	status  chan queueStatus
	told    chan uint32   // config_complete_id
	gone    chan struct{} // closed when the reader ends
	goneErr error         // set before gone is closed
	lost    atomic.Uint64
	notice  atomic.Pointer[string]

	info sync.Mutex // guards what the node tells of itself
	self Info
	lora lora
	// agreed is what lora was when the modem was opened.
	agreed lora

	writing chan struct{} // held while writing; a channel, since a port may take its time
	command sync.Mutex    // one Transmit or Configure at a time
	mod     phy.Modulation
	backlog int // packets that the node says it holds
	paced   sync.Mutex
	last    time.Time // when what the node holds has left
	closing sync.Once
	done    chan struct{} // closed by Close
	beats   sync.WaitGroup
}

var (
	_ radio.Radio   = (*Modem)(nil)
	_ radio.Clearer = (*Modem)(nil)
)

// Open takes over a port on which a Meshtastic node is expected and reads how it is set. Write on the port must not block
// for ever. On error the port is closed.
func Open(ctx context.Context, port io.ReadWriteCloser, opts Opts) (*Modem, error) {
	m := &Modem{
		writing: make(chan struct{}, 1),
		port:    port, opts: opts.withDefaults(),
		frames: make(chan radio.Packet, frameQueue),
		status: make(chan queueStatus, statusQueue),
		told:   make(chan uint32, 4),
		gone:   make(chan struct{}),
		done:   make(chan struct{}),
	}
	go m.read()
	if err := m.hello(ctx); err != nil {
		port.Close()
		<-m.gone
		return nil, err
	}
	m.beats.Go(m.beat)
	return m, nil
}

// Info is what the node said of itself at Open.
func (m *Modem) Info() Info {
	m.info.Lock()
	defer m.info.Unlock()
	return m.self
}

// Lost counts received frames and messages that were thrown away: malformed, or nobody took them in time.
func (m *Modem) Lost() uint64 { return m.lost.Load() }

// Capabilities of a node as it is set.
func (m *Modem) Capabilities() radio.Capabilities {
	i := m.Info()
	overhead := airOverhead
	if i.Signs {
		overhead = signedOverhead
	}
	return radio.Capabilities{
		MaxFrame: maxFrame, ReportsSNR: true, OwnMediumAccess: true, HalfDuplex: true,
		QueueDepth: depth, AirOverhead: overhead, Access: access(i.Modulation), OwnDutyPPM: i.OwnDutyPPM,
	}
}

// access is the mean wait for a free channel: slots of a channel activity detection, propagation, turnaround and
// processing (computeSlotTimeMsec).
func access(m phy.Modulation) time.Duration {
	slot := 5*m.SymbolTime()/2 + 7600*time.Microsecond
	return time.Duration(contentionSlots * float64(slot))
}

// Clear is when the last frame is thought to have left.
func (m *Modem) Clear() time.Time {
	m.paced.Lock()
	defer m.paced.Unlock()
	return m.last
}

// Receive waits for the next frame.
func (m *Modem) Receive(ctx context.Context) (radio.Packet, error) {
	return radio.Take(ctx, m.frames, m.gone, &m.goneErr)
}

// Close takes leave and closes the port.
func (m *Modem) Close() error {
	var err error
	m.closing.Do(func() {
		close(m.done)
		select {
		case <-m.gone:
		default:
			_ = m.write(appendVarint(nil, toDisconnect, 1))
		}
		err = m.port.Close()
		<-m.gone
		m.beats.Wait()
	})
	return err
}

// onlySettings asks the node for its settings without the long list of others that it knows (SPECIAL_NONCE_ONLY_CONFIG of the
// firmware's PhoneAPI.h); older firmware takes it for any other number.
const onlySettings = 69420

// beat sends a heartbeat now and then, until the modem is closed. With it the node is asked how it is set: what is changed in the
// app does not always restart it.
func (m *Modem) beat() {
	tick := time.NewTicker(m.opts.Heartbeat)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			_ = m.write(heartbeat()) // the reader notices a broken port
			_ = m.write(appendVarint(nil, toWantConfig, onlySettings))
		case <-m.gone:
			return
		case <-m.done:
			return
		}
	}
}

func heartbeat() []byte { return appendBytes(nil, toHeartbeat, nil) }

func (m *Modem) write(message []byte) error {
	m.writing <- struct{}{}
	defer func() { <-m.writing }()
	if _, err := m.port.Write(appendFrame(nil, message)); err != nil {
		return m.because(fmt.Errorf("%w (%v)", ErrGone, err))
	}
	return nil
}

// because prefers the reason for which the reader ended.
func (m *Modem) because(err error) error { return radio.Because(m.gone, &m.goneErr, err) }
