package rnode

import (
	"errors"
	"fmt"
)

// ErrNoRNode: nothing on the port answers as an RNode.
var ErrNoRNode = errors.New("rnode: no RNode answers on this port: check the cable, that the board runs RNode firmware, and that no other program has the port")

// ErrSilent: the modem answered before and no longer does.
var ErrSilent = errors.New("rnode: the modem stopped answering: unplug it and plug it in again")

// ErrStuck: the modem answers but its queue does not empty.
var ErrStuck = errors.New("rnode: the modem has taken no frame for the time of 50: the channel is busy all the time, or the modem hangs; it is restarted. Look for another transmitter on this frequency (packhorse status shows how busy it is)")

// ErrLocked: the modem does not switch its radio on.
var ErrLocked = errors.New("rnode: the modem keeps its radio off: its firmware is not set up for this board: run rnodeconf --info on its port, then rnodeconf --autoinstall")

// ErrGone: the port broke, most often because the modem was unplugged.
var ErrGone = errors.New("rnode: the modem is gone: was it unplugged?")

// ErrFrameSize: a frame is empty or does not fit one LoRa packet.
var ErrFrameSize = errors.New("rnode: a frame has 1 to 254 octets")

// OldFirmwareError: the firmware is older than the protocol this driver speaks.
type OldFirmwareError struct{ Info Info }

func (e *OldFirmwareError) Error() string {
	return fmt.Sprintf("rnode: %v is too old: update it to %d.%d or later (rnodeconf --update)", e.Info, oldestMajor, oldestMinor)
}

// EchoError: the modem did not take a setting as it was given.
type EchoError struct {
	What      string // "frequency"
	Want, Got uint32
	Missing   bool // it said nothing at all
}

func (e *EchoError) Error() string {
	if e.Missing {
		return fmt.Sprintf("rnode: the modem did not confirm its %s of %d", e.What, e.Want)
	}
	return fmt.Sprintf("rnode: the modem took %s %d instead of %d: choose a value that it can do", e.What, e.Got, e.Want)
}

// ModemError is an error that the modem reports by itself.
type ModemError struct{ Code byte }

const (
	errInitRadio    = 1
	errTxFailed     = 2
	errEEPROMLocked = 3
	errQueueFull    = 4
	errMemoryLow    = 5
	errModemTimeout = 6
)

func (e *ModemError) Error() string {
	text, ok := map[byte]string{
		errInitRadio:    "its radio chip does not start: the modem is broken or flashed for another board",
		errTxFailed:     "a transmission failed, and it restarts",
		errEEPROMLocked: "the memory of its settings is locked",
		errQueueFull:    "its queue is full, a frame to send is lost",
		errMemoryLow:    "it is low on memory, a received frame is lost",
		errModemTimeout: "its radio chip does not finish a transmission, and it restarts",
	}[e.Code]
	if !ok {
		text = fmt.Sprintf("error %02X", e.Code)
	}
	return "rnode: the modem reports: " + text
}

// fatal tells whether the modem must be opened anew: the firmware restarts
// itself after a failed transmission.
func (e *ModemError) fatal() bool {
	return e.Code == errInitRadio || e.Code == errTxFailed || e.Code == errModemTimeout
}

// Temporary tells whether the modem works on after this error: a frame was lost as one is on the air, and what needs it
// sends it again. After any other the modem must be opened anew.
func (e *ModemError) Temporary() bool { return !e.fatal() }
