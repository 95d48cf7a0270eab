package meshtastic

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"time"

	"packhorse/radio/phy"
)

const (
	// again is how long a question may stay without any answer before it is put once more: a board that restarts when
	// its port opens loses the first.
	again = 3 * time.Second
	// toleranceHz is what a node's float may be off.
	toleranceHz = 200
)

// hello wakes the node and asks for all that it tells of itself.
func (m *Modem) hello(ctx context.Context) error {
	wake := bytes.Repeat([]byte{start2}, wakeOctets)
	for end := time.Now().Add(m.opts.Detect); time.Now().Before(end); {
		id := max(m.opts.Rand.Uint32(), 1)
		m.writing <- struct{}{}
		_, err := m.port.Write(appendFrame(wake, appendVarint(nil, toWantConfig, uint64(id))))
		<-m.writing
		if err != nil {
			return m.because(fmt.Errorf("%w (%v)", ErrGone, err))
		}
		switch err := m.awaitTold(ctx, id, end); {
		case errors.Is(err, errNoAnswer):
		case err != nil:
			return err
		default:
			return m.check()
		}
	}
	return ErrNoNode
}

// awaitTold waits for the end of what the node tells, while it tells something.
func (m *Modem) awaitTold(ctx context.Context, id uint32, end time.Time) error {
	for timer := time.NewTimer(min(again, time.Until(end))); ; {
		select {
		case got := <-m.told:
			if got == id {
				return nil
			}
			if got == 0 && time.Now().Before(end) { // more is coming
				timer.Reset(min(again, time.Until(end)))
			}
		case <-timer.C:
			return errNoAnswer
		case <-m.gone:
			return m.goneErr
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// check says why a node cannot be used at all, and keeps what it is set to.
func (m *Modem) check() error {
	m.info.Lock()
	defer m.info.Unlock()
	switch l := &m.lora; {
	case !l.known || m.self.Node == 0:
		return errors.New("meshtastic: the node did not tell how it is set: update its firmware to 2.3 or later")
	case l.region == regionUnset:
		return ErrNoRegion
	case !l.txEnabled:
		return errors.New("meshtastic: the node's transmitter is disabled: enable it in the Meshtastic app (LoRa)")
	case l.ignoresLaw:
		return errors.New("meshtastic: the node is set to override the duty cycle, so nobody keeps the law for what it sends by itself: switch that off in the Meshtastic app (LoRa)")
	}
	r, _ := regionOf(m.lora.region)
	p, _ := presetOf(m.lora.preset)
	m.self.Region, m.self.Preset, m.self.PowerDBm = r.name, p.name, m.lora.powerDBm()
	m.self.OwnDutyPPM = 1_000_000
	if r.dutyPercent > 0 {
		m.self.OwnDutyPPM = 10_000 * r.dutyPercent
	}
	if !m.lora.usePreset {
		m.self.Preset = "Custom"
	}
	var err error
	m.self.Modulation, err = m.lora.modulation()
	m.agreed = m.lora
	return err
}

// changed compares what the node has just told with what it told at first.
func (m *Modem) changed() error {
	m.info.Lock()
	defer m.info.Unlock()
	if !m.agreed.known || m.lora == m.agreed {
		return nil
	}
	was, now := m.self.Modulation, m.lora
	is, err := now.modulation()
	if err != nil {
		return fmt.Errorf("%w: %w", ErrChanged, err)
	}
	return fmt.Errorf("%w: it was at %v, up to %d dBm, and is at %v, up to %d dBm: it is opened again, and refused where that is not what the configuration says",
		ErrChanged, was, m.self.PowerDBm, is, now.powerDBm())
}

// Configure compares what the node is set to with what is wanted, and changes nothing: a node belongs to its user.
// The preamble is the firmware's own: with fewer symbols than that the airtime would be counted too short. The node may send with less power than given, not with more.
func (m *Modem) Configure(ctx context.Context, mod phy.Modulation, powerDBm int) error {
	m.command.Lock()
	defer m.command.Unlock()
	if err := m.because(ctx.Err()); err != nil {
		return err
	}
	node := m.Info()
	n := node.Modulation
	switch {
	case apart(n.FrequencyHz, mod.FrequencyHz) > toleranceHz:
		return &SettingError{"frequency", phy.MHz(n.FrequencyHz), phy.MHz(mod.FrequencyHz)}
	case n.SpreadingFactor != mod.SpreadingFactor || n.BandwidthHz != mod.BandwidthHz || n.CodingRate != mod.CodingRate:
		return &SettingError{"modulation", fmt.Sprintf("%v (%s)", n, node.Preset), mod.String()}
	case mod.PreambleSymbols < n.PreambleSymbols:
		return &SettingError{"preamble", fmt.Sprintf("%d symbols", n.PreambleSymbols), fmt.Sprintf("%d", mod.PreambleSymbols)}
	case node.PowerDBm > powerDBm:
		return &SettingError{"transmit power", fmt.Sprintf("up to %d dBm", node.PowerDBm), fmt.Sprintf("%d dBm", powerDBm)}
	}
	m.mod = n
	return nil
}

func apart(x, y uint32) uint32 { return max(x, y) - min(x, y) }

// Modulation is the modulation of a preset of the firmware ("LongFast") on a frequency, preamble included: for those who
// write a configuration.
func Modulation(name string, frequencyHz uint32) (phy.Modulation, error) {
	for _, p := range presets {
		if p.name == name {
			return phy.Modulation{FrequencyHz: frequencyHz, BandwidthHz: p.bandwidthHz, SpreadingFactor: p.spreading, CodingRate: p.coding, PreambleSymbols: preamble}, nil
		}
	}
	return phy.Modulation{}, fmt.Errorf("meshtastic: there is no modem preset %q: use LongFast, LongSlow, LongMod, LongTurbo, MediumSlow, MediumFast, MediumTurbo, ShortSlow, ShortFast or ShortTurbo", name)
}
