package sik

import (
	"errors"
	"fmt"
)

// ErrNoSiK: nothing on the port answers.
var ErrNoSiK = errors.New("sik: no SiK radio answers on this port: check the cable, the baud rate (mostly 57600), and that no other program has the port")

// ErrGone: the port broke, most often because the radio was unplugged.
var ErrGone = errors.New("sik: the radio is gone: was it unplugged?")

// ErrFrameSize: a frame is empty or too long.
var ErrFrameSize = fmt.Errorf("sik: a frame has 1 to %d octets (%d with ECC)", maxFrame, maxFrameECC)

var (
	errNotConfigured = errors.New("sik: the radio is not configured yet")
	errNoAnswer      = errors.New("sik: no answer")
)

// FirmwareError: something answers AT commands, but it is no SiK radio.
type FirmwareError struct{ Banner string }

func (e *FirmwareError) Error() string {
	return fmt.Sprintf("sik: what answers on this port calls itself %q, not SiK: is it another modem?", e.Banner)
}

// MissingError: the firmware lacks a parameter that is needed.
type MissingError struct{ Name string }

func (e *MissingError) Error() string {
	return fmt.Sprintf("sik: the radio's firmware has no parameter %s: update it", e.Name)
}

// SettingError: the radio did not take a parameter as it was given.
type SettingError struct {
	Name      string
	Want, Got uint32
	Refused   bool
}

func (e *SettingError) Error() string {
	switch {
	case e.Refused:
		return fmt.Sprintf("sik: the radio refuses %s=%d: choose a value that it can do", e.Name, e.Want)
	case e.Name == power:
		return fmt.Sprintf("sik: the radio cannot send with only %d dBm, its least is %d: use another radio, or an attenuator that the region settings know of", e.Want, e.Got)
	}
	return fmt.Sprintf("sik: the radio took %s=%d instead of %d: choose a value that it can do (its frequencies depend on the board)", e.Name, e.Got, e.Want)
}
