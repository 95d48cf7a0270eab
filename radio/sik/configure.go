package sik

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"packhorse/radio/phy"
)

// introduce asks who is there, and how the link is.
func (m *Modem) introduce(ctx context.Context) error {
	lines, err := m.list(ctx, "ATI")
	if err != nil {
		return err
	}
	m.info.Banner = strings.Join(lines, " ")
	if !strings.Contains(strings.ToUpper(m.info.Banner), "SIK") {
		return &FirmwareError{Banner: m.info.Banner}
	}
	if lines, err = m.list(ctx, "ATI7"); err != nil {
		return err
	}
	for _, l := range lines {
		if s, ok := parseSignal(l); ok {
			m.info.Signal = s
		}
	}
	return nil
}

// Configure gives the radio its parameters, where they differ, and compares what it made of them. It writes to the radio's
// flash and restarts it only then. mod is as of Opts.Modulation. The power is the most that the radio has without exceeding
// powerDBm, 1 to 30: it knows steps of about 3 dB and would round up. It takes 0.7 s after Open when nothing differs, and about 7 s when
// something does. It must not be called while frames are under way.
func (m *Modem) Configure(ctx context.Context, mod phy.Modulation, powerDBm int) error {
	if err := mod.Validate(); err != nil {
		return err
	}
	want, err := m.opts.wanted(mod, powerDBm)
	if err != nil {
		return err
	}
	m.exchange.Lock()
	defer m.exchange.Unlock()
	if !m.commanding.Load() {
		if err := m.enter(ctx); err != nil {
			return err
		}
	}
	if err := m.apply(ctx, want); err != nil {
		return err
	}
	if err := m.leave(ctx); err != nil {
		return err
	}
	m.took(mod)
	return nil
}

// apply makes the radio have these parameters.
func (m *Modem) apply(ctx context.Context, want []parameter) error {
	has, err := m.parameters(ctx)
	if err != nil {
		return err
	}
	diff, err := changes(has, want)
	if err != nil {
		return err
	}
	level, err := m.setPower(ctx, has, want)
	if err != nil {
		return err
	}
	if stored, _ := find(has, power); len(diff) == 0 && level == stored.value {
		return nil
	}
	for _, p := range diff {
		if err := m.set(ctx, p); err != nil {
			return err
		}
	}
	if ok, err := m.do(ctx, "AT&W"); err != nil {
		return err
	} else if !ok {
		return &SettingError{Name: "AT&W", Refused: true}
	}
	if err := m.reboot(ctx); err != nil {
		return err
	}
	return m.verify(ctx, want, level)
}

// verify compares what the radio has after its restart.
func (m *Modem) verify(ctx context.Context, want []parameter, level uint32) error {
	has, err := m.parameters(ctx)
	if err != nil {
		return err
	}
	diff, err := changes(has, want)
	if err != nil {
		return err
	}
	if p, _ := find(has, power); p.value != level {
		diff = append(diff, parameter{p.number, power, level})
	}
	if len(diff) == 0 {
		return nil
	}
	got, _ := find(has, diff[0].name)
	return &SettingError{Name: diff[0].name, Want: diff[0].value, Got: got.value}
}

func (m *Modem) parameters(ctx context.Context) ([]parameter, error) {
	lines, err := m.list(ctx, "ATI5")
	if err != nil {
		return nil, err
	}
	var all []parameter
	for _, l := range lines {
		if p, ok := parseParameter(l); ok {
			all = append(all, p)
		}
	}
	return all, nil
}

func (m *Modem) set(ctx context.Context, p parameter) error {
	ok, err := m.do(ctx, fmt.Sprintf("ATS%d=%d", p.number, p.value))
	if err == nil && !ok {
		return &SettingError{Name: p.name, Want: p.value, Refused: true}
	}
	return err
}

// setPower finds the highest level that does not exceed the wanted one. The radio answers with the level that it
// really uses, and forgets it when it is not saved.
func (m *Modem) setPower(ctx context.Context, has, want []parameter) (uint32, error) {
	w, _ := find(want, power)
	p, ok := find(has, power)
	if !ok {
		return 0, &MissingError{Name: power}
	}
	if p.value == w.value {
		return p.value, nil
	}
	least := uint32(0)
	for p.value = w.value; p.value > 0; p.value-- {
		if ok, err := m.do(ctx, fmt.Sprintf("ATS%d=%d", p.number, p.value)); err != nil {
			return 0, err
		} else if !ok {
			continue // more than the board has
		}
		got, err := m.value(ctx, p.number)
		if err != nil {
			return 0, err
		}
		if got > 0 && got <= w.value {
			return got, nil
		}
		least = got
	}
	return 0, &SettingError{Name: power, Want: w.value, Got: least}
}

// value asks for one parameter.
func (m *Modem) value(ctx context.Context, number int) (uint32, error) {
	lines, err := m.list(ctx, fmt.Sprintf("ATS%d?", number))
	if err != nil {
		return 0, err
	}
	for _, l := range lines {
		if v, err := strconv.ParseUint(l, 10, 32); err == nil {
			return uint32(v), nil
		}
	}
	return 0, ErrNoSiK
}
