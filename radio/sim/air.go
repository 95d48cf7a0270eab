// Package sim is a LoRa channel in virtual time: stations with half-duplex
// modems, exact time on air, path loss, collisions with capture, hidden
// terminals, seeded loss, and the medium access of RNode modems.
//
// Air is a state machine like the cores above it: frames and now go in,
// receptions and the next deadline come out. It has no goroutine and no clock,
// so it runs as well in a simulator's virtual time as behind serial ports in
// real time. A run depends only on the seed and on the order of the calls.
package sim

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"packhorse/radio/phy"
)

// MaxStations bounds the stations of one Air.
const MaxStations = 1024

// ErrQueueFull is returned by Queue when the modem holds all the frames it can.
var ErrQueueFull = errors.New("sim: the modem's queue is full; wait for PollSent")

// Modem is how a station's modem gets its frames onto the air.
type Modem uint8

const (
	// RNode is a modem with RNode_Firmware 1.86: it prefixes each LoRa packet
	// with one octet, splits frames over 254 octets in two, sets its own
	// preamble, senses the carrier, backs off and then sends its whole queue.
	RNode Modem = iota
	// Bare is a radio chip: it sends at once what it is given, as it is given, with
	// the modulation's own preamble. The medium access is the caller's.
	Bare
	// Chip is a radio chip with all its manners: it hears and sends as Listen and Emit say, and a
	// reception comes in stages (PollArrival).
	Chip
)

// Station describes one modem. A station without modulation is off until Tune.
type Station struct {
	Modem      Modem
	Modulation phy.Modulation
	PowerDBm   int
	// CrystalPPM is how much too fast the modem's crystal runs, in parts per million. Beyond an error of a quarter of
	// the bandwidth nothing is heard. It moves the carrier only, no time.
	CrystalPPM float64
}

// Config makes an Air.
type Config struct {
	Seed     uint64
	Stations []Station
	// PathLossDB is the loss between any two stations; 0 means 110 dB, which at
	// 14 dBm and BW125 leaves an SNR of about 21 dB.
	PathLossDB float64
	// Loss is the probability, per LoRa packet and receiver, that a packet
	// which would have been received is not.
	Loss float64
	// Duplicate is the probability that a received frame is delivered twice.
	Duplicate float64
}

// Reception is one frame as a modem hands it to its host. Data belongs to the
// receiver of the Reception.
type Reception struct {
	Station int // who received
	From    int // who sent; for traces, no modem knows it
	Data    []byte
	RSSIdBm float64
	SNRdB   float64
	At      time.Time
}

// Sent tells that a queued frame has left the air in full.
type Sent struct {
	Station int
	Octets  int       // of the frame given to Queue
	Began   time.Time // its last packet
	At      time.Time
}

// Stats counts what happened at one station. Packets are LoRa packets; Lost,
// Collided, Deaf and Weak are packets of others that did not get in here.
type Stats struct {
	FramesSent     uint64 // host frames that left
	FramesReceived uint64 // host frames handed to the host, duplicates included
	PacketsSent    uint64
	OctetsSent     uint64 // on the air, the modem's own octets included
	Lost           uint64 // by the seeded loss
	Collided       uint64 // destroyed by another transmission
	Deaf           uint64 // while transmitting, tuning, or just after; not counted at a Chip
	Weak           uint64 // below the demodulator's SNR limit
}

// Air is the channel and its stations. Not safe for concurrent use.
type Air struct {
	stations  []*station
	pathLoss  [][]float64 // dB, symmetric; +Inf is out of reach
	cut       [][]bool
	loss      [][]float64 // by sender, receiver
	duplicate float64
	fate      *rand.Rand // loss and duplication
	active    []*transmission
	received  []Reception
	sent      []Sent
	arrived   []phy.Arrival
}

// New checks the configuration and returns a silent channel.
func New(cfg Config) (*Air, error) {
	n := len(cfg.Stations)
	if n == 0 || n > MaxStations {
		return nil, fmt.Errorf("sim: %d stations: give 1 to %d", n, MaxStations)
	}
	if bad(cfg.Loss) || bad(cfg.Duplicate) {
		return nil, fmt.Errorf("sim: loss %v and duplicate %v must lie in 0..1", cfg.Loss, cfg.Duplicate)
	}
	if cfg.PathLossDB == 0 {
		cfg.PathLossDB = defaultPathLossDB
	}
	a := &Air{
		pathLoss:  matrix(n, cfg.PathLossDB),
		cut:       matrix(n, false),
		loss:      matrix(n, cfg.Loss),
		duplicate: cfg.Duplicate,
		fate:      rand.New(rand.NewPCG(cfg.Seed, 0)),
	}
	for i, s := range cfg.Stations {
		st := newStation(i, s.Modem, rand.New(rand.NewPCG(cfg.Seed, uint64(i)+1)))
		st.crystalPPM = s.CrystalPPM
		a.stations = append(a.stations, st)
		if s.Modulation == (phy.Modulation{}) {
			continue
		}
		if err := a.Tune(time.Time{}, i, s.Modulation, s.PowerDBm); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// Stations is how many there are.
func (a *Air) Stations() int { return len(a.stations) }

// Airtime is the exact time this station has transmitted, up to the packets
// that have begun.
func (a *Air) Airtime(station int) time.Duration { return a.stations[station].airtime }

// Stats returns the station's counters.
func (a *Air) Stats(station int) Stats { return a.stations[station].stats }

// PollReceive returns the next reception, in order of time.
func (a *Air) PollReceive() (Reception, bool) { return pop(&a.received) }

// PollFrame is PollReceive in plain values, for a host that declares the air it
// needs as an interface of its own.
func (a *Air) PollFrame() (station int, frame []byte, rssiDBm, snrDB float64, ok bool) {
	r, ok := a.PollReceive()
	return r.Station, r.Data, r.RSSIdBm, r.SNRdB, ok
}

// PollSent returns the next frame that has left the air, in order of time. The last 4096 are kept for it.
func (a *Air) PollSent() (Sent, bool) { return pop(&a.sent) }

// SetLoss sets the loss probability of every link, in both directions.
func (a *Air) SetLoss(p float64) {
	for _, row := range a.loss {
		for i := range row {
			row[i] = clamp(p)
		}
	}
}

// SetLinkLoss sets the loss probability of one link, in both directions.
func (a *Air) SetLinkLoss(x, y int, p float64) {
	a.loss[x][y], a.loss[y][x] = clamp(p), clamp(p)
}

// SetLink sets the path loss between two stations in dB; math.Inf(1) puts them
// out of reach of each other.
func (a *Air) SetLink(x, y int, pathLossDB float64) {
	a.pathLoss[x][y], a.pathLoss[y][x] = pathLossDB, pathLossDB
}

// Line puts all stations in a line where each hears only its neighbours.
func (a *Air) Line() {
	for i := range a.pathLoss {
		for j := i + 2; j < len(a.pathLoss); j++ {
			a.SetLink(i, j, math.Inf(1))
		}
	}
}

// Cut breaks the link between two stations, or mends it; its path loss stays
// as it was set. A packet in flight is lost if its link is cut when it ends.
func (a *Air) Cut(x, y int, cut bool) { a.cut[x][y], a.cut[y][x] = cut, cut }

// CutStation breaks or mends all links of a station.
func (a *Air) CutStation(station int, cut bool) {
	for other := range a.stations {
		a.Cut(station, other, cut)
	}
}

const defaultPathLossDB = 110

func bad(p float64) bool { return !(p >= 0 && p <= 1) }

func clamp(p float64) float64 { return math.Min(1, math.Max(0, p)) }

func matrix[T any](n int, v T) [][]T {
	m := make([][]T, n)
	for i := range m {
		m[i] = make([]T, n)
		for j := range m[i] {
			m[i][j] = v
		}
	}
	return m
}

func pop[T any](q *[]T) (T, bool) {
	var v T
	if len(*q) == 0 {
		return v, false
	}
	v = (*q)[0]
	*q = (*q)[1:]
	return v, true
}
