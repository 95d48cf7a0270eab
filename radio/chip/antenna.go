package chip

import (
	"errors"
	"fmt"

	"periph.io/x/conn/v3/gpio"
)

// Path is what the antenna is connected to.
type Path uint8

// The paths of an antenna switch.
const (
	PathOff Path = iota
	PathReceive
	PathTransmit
)

// Route sets the antenna switch outside the chip, where there is one. It breaks before it makes: a transmitter must not
// see its own receiver.
func (p Pins) Route(to Path) error {
	high, low := p.RxEnable, p.TxEnable
	if to == PathTransmit {
		high, low = low, high
	}
	err := drive(low, gpio.Low)
	if err == nil {
		err = drive(high, to != PathOff)
	}
	if err != nil {
		return fmt.Errorf("chip: antenna switch: %w", err)
	}
	return nil
}

// PowerOn supplies the chip, on boards where that takes a pin.
func (p Pins) PowerOn() error {
	var errs []error
	for _, pin := range p.Power {
		if err := pin.Out(gpio.High); err != nil {
			errs = append(errs, fmt.Errorf("chip: power pin %s: %w", pin.Name(), err))
		}
	}
	return errors.Join(errs...)
}

func drive(pin gpio.PinOut, l gpio.Level) error {
	if pin == nil {
		return nil
	}
	return pin.Out(l)
}
