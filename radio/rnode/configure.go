package rnode

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"packhorse/radio/phy"
)

// detect asks who is there, again and again: a board that restarts when its port
// opens loses the first questions.
func (m *Modem) detect(ctx context.Context) error {
	m.command.Lock()
	defer m.command.Unlock()
	ask := appendFrame(nil, cmdDetect, detectAsk)
	for _, c := range []byte{cmdVersion, cmdPlatform, cmdMCU} {
		ask = appendFrame(ask, c, 0)
	}
	for end := time.Now().Add(m.opts.Detect); time.Now().Before(end); {
		round := time.Now().Add(patience)
		if err := m.write(ask); err != nil {
			return err
		}
		err := m.introduced(ctx)
		if err == nil {
			return m.found(ctx)
		}
		if !errors.Is(err, errNoAnswer) {
			return err
		}
		if err := m.pause(ctx, time.Until(round)); err != nil {
			return err
		}
	}
	return ErrNoRNode
}

// found looks closer at a modem that has answered.
func (m *Modem) found(ctx context.Context) error {
	m.opened.Store(true)
	if err := m.checkFirmware(); err != nil {
		return err
	}
	m.drain() // of questions asked twice
	if err := m.write(appendFrame(nil, cmdROM, 0)); err != nil {
		return err
	}
	rom, err := m.await(ctx, cmdROM, patience)
	if errors.Is(err, errNoAnswer) {
		return nil
	}
	m.info.remember(rom.data)
	return err
}

// patience is how long an answer takes at most of a modem that does nothing else.
const patience = time.Second / 2

// introduced waits for the answers to one round of questions.
func (m *Modem) introduced(ctx context.Context) error {
	if r, err := m.await(ctx, cmdDetect, patience); err != nil {
		return err
	} else if r.value != detectAnswer {
		return errNoAnswer
	}
	version, err := m.await(ctx, cmdVersion, patience)
	if err != nil {
		return err
	}
	platform, err := m.await(ctx, cmdPlatform, patience)
	if err != nil {
		return err
	}
	mcu, err := m.await(ctx, cmdMCU, patience)
	m.info = Info{Major: byte(version.value >> 8), Minor: byte(version.value), Platform: byte(platform.value), MCU: byte(mcu.value)}
	return err
}

func (m *Modem) checkFirmware() error {
	i := m.info
	if i.Major < oldestMajor || i.Major == oldestMajor && i.Minor < oldestMinor {
		return &OldFirmwareError{Info: i}
	}
	return nil
}

// await waits for the answer to a command and passes over all others.
func (m *Modem) await(ctx context.Context, command byte, timeout time.Duration) (reply, error) {
	timer := time.NewTimer(timeout)
	defer timer.Stop()
	for {
		select {
		case r := <-m.replies:
			if r.command == command {
				return r, nil
			}
		case <-timer.C:
			return reply{}, errNoAnswer
		case <-m.gone:
			return reply{}, m.goneErr
		case <-ctx.Done():
			return reply{}, ctx.Err()
		}
	}
}

// drain forgets answers to earlier questions.
func (m *Modem) drain() {
	for {
		select {
		case <-m.replies:
		default:
			return
		}
	}
}

// setting is one value to give to the modem.
type setting struct {
	what      string
	command   byte
	octets    int
	value     uint32
	tolerance uint32
	optional  bool // firmwares may leave it unanswered
}

// Configure sets modulation and transmit power and compares every echo. The
// preamble is the modem's own choice (phy.RNode); m.PreambleSymbols is ignored.
func (m *Modem) Configure(ctx context.Context, mod phy.Modulation, powerDBm int) error {
	mod = phy.RNodeModulation(mod)
	if err := mod.Validate(); err != nil {
		return err
	}
	if powerDBm < 0 || powerDBm > 37 {
		return fmt.Errorf("rnode: power %d dBm: an RNode takes 0 to 22, some boards up to 37", powerDBm)
	}
	if err := m.info.able(mod, powerDBm); err != nil {
		return err
	}
	m.command.Lock()
	defer m.command.Unlock()
	if m.mod.BandwidthHz != 0 && !m.info.Stored {
		return m.retune(ctx, mod, powerDBm)
	}
	m.mod = phy.Modulation{}
	// Off and on again, so that the whole setting starts together. A value that
	// the chip cannot do shows only once it is on, so they are set twice.
	settings := settings(mod, uint32(powerDBm))
	all := append([]setting{state(stateOff)}, settings...)
	all = append(append(append(all, unlimited()...), state(stateOn)), settings...)
	for _, s := range all {
		if err := m.set(ctx, s); err != nil {
			return m.locked(ctx, s, err)
		}
	}
	if err := m.checkPreamble(mod); err != nil {
		return err
	}
	m.took(mod, powerDBm)
	_, err := m.askReady(ctx, m.opts.Answer)
	m.flow = err == nil
	if errors.Is(err, errNoAnswer) {
		err = nil
	}
	return err
}

// retune is about how long a change takes while the modem runs: five values there and back at 115200 baud, and its
// loop between.
const retune = 50 * time.Millisecond

// retune changes a modem that runs. Each value takes effect as it comes, and what was not heard in between is
// lost as on the air; only those that differ are given. Until all are confirmed the modem sends nothing.
func (m *Modem) retune(ctx context.Context, mod phy.Modulation, powerDBm int) error {
	was := settings(m.mod, uint32(m.powerDBm))
	m.mod = phy.Modulation{}
	for i, s := range settings(mod, uint32(powerDBm)) {
		if s == was[i] {
			continue
		}
		if err := m.set(ctx, s); err != nil {
			return err
		}
	}
	if err := m.set(ctx, state(stateAsk)); err != nil { // a value that the chip cannot do switches it off
		return err
	}
	if err := m.checkPreamble(mod); err != nil {
		return err
	}
	m.took(mod, powerDBm)
	return nil
}

// locked explains why a modem does not switch its radio on: one that misses no setting is not set up.
func (m *Modem) locked(ctx context.Context, s setting, err error) error {
	var echo *EchoError
	if !errors.As(err, &echo) || echo.Missing || s != state(stateOn) {
		return err
	}
	if err := m.write(appendFrame(nil, cmdLock, 0)); err != nil {
		return err
	}
	if lock, asked := m.await(ctx, cmdLock, m.opts.Answer); asked == nil && lock.value == 0 {
		return ErrLocked
	}
	return err
}

// checkPreamble refuses a firmware that sends more before each packet than is counted as airtime.
func (m *Modem) checkPreamble(mod phy.Modulation) error {
	if got := m.Stats().PreambleSymbols; got > mod.PreambleSymbols {
		return fmt.Errorf("rnode: %s puts %d symbols before each packet where %d are counted: airtime would be counted short: use firmware 1.86", m.info, got, mod.PreambleSymbols)
	}
	return nil
}

// took notes the setting that the modem has confirmed.
func (m *Modem) took(mod phy.Modulation, powerDBm int) {
	m.mod, m.powerDBm = mod, powerDBm
	m.paced.Lock()
	m.pace = pacer{timing: phy.RNode(mod), recent: m.pace.recent, last: m.pace.last}
	m.paced.Unlock()
	m.depth.Store(int32(m.opts.depth(mod)))
}

func state(on uint32) setting {
	return setting{what: "radio state", command: cmdState, octets: 1, value: on}
}

func settings(mod phy.Modulation, powerDBm uint32) []setting {
	const frequencyStep = 62 // Hz, of the chip's synthesizer, rounded up
	return []setting{
		{what: "frequency", command: cmdFrequency, octets: 4, value: mod.FrequencyHz, tolerance: frequencyStep},
		{what: "bandwidth", command: cmdBandwidth, octets: 4, value: bandwidthName(mod.BandwidthHz)},
		{what: "transmit power", command: cmdTxPower, octets: 1, value: powerDBm},
		{what: "spreading factor", command: cmdSpreading, octets: 1, value: uint32(mod.SpreadingFactor)},
		{what: "coding rate", command: cmdCoding, octets: 1, value: uint32(mod.CodingRate)},
	}
}

// unlimited undoes what another program may have left in the modem.
func unlimited() []setting {
	return []setting{
		{what: "short airtime limit", command: cmdShortLock, octets: 2, optional: true},
		{what: "long airtime limit", command: cmdLongLock, octets: 2, optional: true},
		{what: "promiscuous mode", command: cmdPromisc, octets: 1, optional: true},
	}
}

// set gives one value and compares what the modem made of it.
func (m *Modem) set(ctx context.Context, s setting) error {
	m.drain()
	octets := binary.BigEndian.AppendUint32(nil, s.value)[4-s.octets:]
	if s.command == cmdState && s.value == stateAsk {
		s.value = stateOn
	}
	if err := m.write(appendFrame(nil, s.command, octets...)); err != nil {
		return err
	}
	timeout := m.opts.Answer
	if s.optional {
		timeout = min(timeout, 500*time.Millisecond)
	}
	got, err := m.await(ctx, s.command, timeout)
	switch {
	case errors.Is(err, errNoAnswer) && s.optional:
		return nil
	case errors.Is(err, errNoAnswer):
		return &EchoError{What: s.what, Want: s.value, Missing: true}
	case err != nil:
		return err
	case got.octets != s.octets || max(got.value, s.value)-min(got.value, s.value) > s.tolerance:
		return &EchoError{What: s.what, Want: s.value, Got: got.value}
	}
	return nil
}
