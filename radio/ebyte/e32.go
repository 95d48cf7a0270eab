package ebyte

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"packhorse/radio"
	"packhorse/radio/phy"
	"packhorse/radio/stream"
)

// Commands of the E32 (manuals, "parameter setting"), and the octets of a setting.
const (
	cmdVersion  = 0xC3
	cmdReset    = 0xC4
	settingLen  = 6 // head, address high and low, rates, channel, options
	versionMost = 8 // 4 in older modules

	optPushPull = 1 << 6 // as modules come
	optFEC      = 1 << 2

	e32SubPacket = 58
)

// E32 is an open E32-xxxT module. It implements radio.Radio. It neither listens before it sends nor can be asked
// what is on the air, and it does not say how strong it hears.
type E32 struct {
	*modem
	info    sync.Mutex
	version []byte
}

var (
	_ radio.Radio   = (*E32)(nil)
	_ radio.Clearer = (*E32)(nil)
)

// e32MaxFrame is the longest frame that with its marks fits two packets of the module: one would be less than the
// link needs.
var e32MaxFrame = e32Packets*e32SubPacket - stream.Overhead(e32Packets*e32SubPacket-framing(0))

// OpenE32 takes over a port with an E32. Where the mode pins are wired it verifies that the module answers. On error
// the port is closed.
func OpenE32(ctx context.Context, port Port, opts Opts) (*E32, error) {
	e := &E32{modem: newModem(port, opts, e32MaxFrame, rates[:e32Rates], e32Packets, false)}
	err := e.start(E32Band868, E32Band915, E32Band433)
	if err == nil && opts.LBT {
		err = fmt.Errorf("ebyte: an E32 has no LBT: leave that out")
	}
	if err != nil {
		port.Close()
		return nil, err
	}
	go e.read()
	if err := e.identify(ctx); err != nil {
		port.Close()
		<-e.gone
		return nil, err
	}
	return e, nil
}

// Version is what the module answers when it is asked: C3, frequency, version and more. Empty where the mode pins are tied.
func (e *E32) Version() []byte {
	e.info.Lock()
	defer e.info.Unlock()
	return append([]byte(nil), e.version...)
}

// identify resets the module, so that what another program left in it is gone, and asks for its version.
func (e *E32) identify(ctx context.Context) error {
	e.command.Lock()
	defer e.command.Unlock()
	if e.strapped() {
		if err := e.setBaud(e.lineRate(rate{})); err != nil {
			return err
		}
		return e.ready(ctx) // it may have got its power with us
	}
	return e.configured(ctx, e32Config, configBaud, func() error {
		if err := e.reset(ctx); err != nil {
			return err
		}
		ask := []byte{cmdVersion, cmdVersion, cmdVersion}
		got, err := e.ask(ctx, ask, versionMost)
		if err == nil {
			err = judge(ask, got, []byte{cmdVersion}, len(got))
		}
		e.info.Lock()
		defer e.info.Unlock()
		e.version = got
		return err
	})
}

// reset restarts the module; AUX tells when it is back.
func (e *E32) reset(ctx context.Context) error {
	if err := e.write([]byte{cmdReset, cmdReset, cmdReset}); err != nil {
		return err
	}
	if err := e.pause(ctx, settle); err != nil {
		return err
	}
	return e.ready(ctx)
}

// Capabilities of an E32.
func (e *E32) Capabilities() radio.Capabilities {
	c := radio.Capabilities{
		MaxFrame: e32MaxFrame, Reconfigurable: !e.strapped(), HalfDuplex: true, QueueDepth: 1,
		AirOverhead: framing(e32MaxFrame), Retune: 8 * settle,
	}
	c.Listen, c.Turn = e.slow()
	if e.opts.AUX != nil {
		c.QueueDepth, c.Retune = 2, 2*settle
	}
	return c
}

// Configure sets the module for good, where it differs, and reads back what it was given. Where the mode pins are tied it
// only takes note: nobody can verify then that the module is set so. mod is one of E32Modulation.
func (e *E32) Configure(ctx context.Context, mod phy.Modulation, powerDBm int) error {
	r, setting, err := e.setting(mod, powerDBm)
	if err != nil {
		return err
	}
	e.command.Lock()
	defer e.command.Unlock()
	if !e.strapped() {
		e.mod = phy.Modulation{}
		err = e.configured(ctx, e32Config, e.lineRate(r), func() error { return e.set(ctx, setting) })
	}
	if err == nil {
		e.mod = mod
	}
	return err
}

// setting is the command for a setting: address 0, transparent, error correction on.
func (e *E32) setting(mod phy.Modulation, powerDBm int) (r rate, s [settingLen]byte, err error) {
	if err = mod.Validate(); err != nil {
		return r, s, err
	}
	if r, err = rateOf(e.rates, mod, e.packets); err != nil {
		return r, s, err
	}
	channel, err := e.opts.Band.channel(mod.FrequencyHz)
	if err != nil {
		return r, s, err
	}
	p := e32Powers
	if e.opts.Watt {
		p = wattPowers
	}
	power, err := p.code(powerDBm)
	if err != nil {
		return r, s, err
	}
	baud, err := baudCode(e.lineRate(r))
	return r, [settingLen]byte{cmdSaved, 0, 0, baud<<3 | r.code, channel, optPushPull | optFEC | power}, err
}

// set gives the module a setting that it does not have, for good as E22.writeRegisters does, and compares what it has made of it.
// Some modules answer a setting, others do not.
func (e *E32) set(ctx context.Context, want [settingLen]byte) error {
	var other *RegisterError
	if err := e.compare(ctx, want); !errors.As(err, &other) {
		return err
	}
	if err := e.write(want[:]); err != nil {
		return err
	}
	if err := e.pause(ctx, settle); err != nil {
		return err
	}
	if err := e.ready(ctx); err != nil {
		return err
	}
	return e.compare(ctx, want)
}

// compare is a RegisterError where the module has another setting.
func (e *E32) compare(ctx context.Context, want [settingLen]byte) error {
	ask := []byte{cmdAnswer, cmdAnswer, cmdAnswer}
	got, err := e.ask(ctx, ask, settingLen)
	if err != nil {
		return err
	}
	if err := judge(ask, got, nil, settingLen); err != nil {
		return err
	}
	if got[0] != cmdSaved && got[0] != cmdVolatile {
		return &AnswerError{ask, got}
	}
	for i := 1; i < settingLen; i++ {
		if got[i] != want[i] {
			return &RegisterError{Address: byte(i), Want: want[i], Got: got[i]}
		}
	}
	return nil
}
