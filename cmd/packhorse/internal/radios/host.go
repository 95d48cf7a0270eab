package radios

import (
	"context"
	"errors"
	"io"

	"packhorse/board"
	"packhorse/radio"
	"packhorse/radio/kiss"
	"packhorse/radio/phy"
)

// Port is an open serial port.
type Port interface {
	io.ReadWriteCloser
	SetBaud(baud int) error
}

// Host is how the devices of a computer are opened.
type Host struct {
	Serial   func(path string, baud int) (Port, error)
	Hardware func(*board.Profile) (*board.Hardware, error)
	Dial     func(ctx context.Context, address string) (io.ReadWriteCloser, error)
}

// Computer is the one that this program runs on.
func Computer() Host {
	return Host{
		Serial: func(path string, baud int) (Port, error) {
			s, err := board.OpenSerial(path, baud)
			if err != nil {
				return nil, err
			}
			return s, nil
		},
		Hardware: board.OpenHardware,
		Dial:     kiss.Dial,
	}
}

// Open opens the radio of a plan. Powers that it is configured with are those at the antenna socket.
func (p Plan) Open(ctx context.Context, h Host) (radio.Radio, error) {
	r, err := p.kind.open(ctx, h, p)
	if err != nil {
		return nil, err
	}
	if p.kind.gainDB == 0 {
		return r, nil
	}
	return radio.Forward(&amplified{r, p.kind}, r), nil
}

// amplified is a radio with an amplifier behind it.
type amplified struct {
	radio.Radio
	kind kind
}

// Configure takes the gain off the power at the antenna socket.
func (a *amplified) Configure(ctx context.Context, m phy.Modulation, powerDBm int) error {
	return a.Radio.Configure(ctx, m, a.kind.chipDBm(powerDBm))
}

// onBoard is a radio with its board, which is let go of when the driver has ended.
type onBoard struct {
	radio.Radio
	hardware *board.Hardware
}

func (b *onBoard) Close() error {
	err := b.Radio.Close()
	b.hardware.Close()
	return err
}

// withBoard opens a board and its driver, and lets go of the board when the driver cannot be opened.
func withBoard(h Host, p *board.Profile, open func(*board.Hardware) (radio.Radio, error)) (radio.Radio, error) {
	if p == nil {
		return nil, errors.New("its board is not known")
	}
	hw, err := h.Hardware(p)
	if err != nil {
		return nil, err
	}
	r, err := open(hw)
	if err != nil {
		hw.Close()
		return nil, err
	}
	return radio.Forward(&onBoard{r, hw}, r), nil
}

// opened is a driver as a radio; without a driver there is none.
func opened[M radio.Radio](m M, err error) (radio.Radio, error) {
	if err != nil {
		return nil, err
	}
	return m, nil
}
