// Package meshtastic carries frames through a Meshtastic node on a serial port: a carrier of last resort, for whoever
// has nothing else in the drawer. The node keeps its own settings, its own medium access and its own traffic; this
// driver reads how it is set, refuses where that is not what the configuration says, and hands it one packet after
// the other, which no other node passes on.
//
//	octets  field
//	2       94 C3
//	2       length, big endian, at most 512
//	n       a protobuf message: ToRadio to the node, FromRadio from it
//
// Between messages the node may write text for people.
package meshtastic

const (
	start1 = 0x94
	start2 = 0xC3

	maxMessage = 512 // MAX_TO_FROM_RADIO_SIZE of the firmware
	wakeOctets = 32  // enough start2 to wake a node that sleeps, and to end what another program left unfinished
)

// appendFrame appends one framed message to dst.
func appendFrame(dst, message []byte) []byte {
	dst = append(dst, start1, start2, byte(len(message)>>8), byte(len(message)))
	return append(dst, message...)
}

// decoder finds messages in a stream of octets. It starts anywhere, skips text, and holds at most one message.
type decoder struct {
	buf     [maxMessage]byte
	n, size int
	state   state
	skipped uint64 // octets that belong to no message
}

// state is which octet of a frame comes next.
type state uint8

const (
	atStart state = iota
	atSecond
	atHigh
	atLow
	atBody
)

// feed takes one octet. When it completes a message it answers it; it stays valid until the next call.
func (d *decoder) feed(b byte) ([]byte, bool) {
	switch d.state {
	case atStart:
		d.begin(b)
	case atSecond:
		d.state = atHigh
		if b != start2 {
			d.skipped++
			d.begin(b)
		}
	case atHigh:
		d.size, d.state = int(b)<<8, atLow
	case atLow:
		d.size, d.n, d.state = d.size|int(b), 0, atBody
		if d.size > maxMessage {
			d.skipped += 4
			d.state = atStart
		}
		return d.complete()
	case atBody:
		d.buf[d.n] = b
		d.n++
		return d.complete()
	}
	return nil, false
}

func (d *decoder) begin(b byte) {
	d.state = atStart
	if b == start1 {
		d.state = atSecond
		return
	}
	d.skipped++
}

func (d *decoder) complete() ([]byte, bool) {
	if d.state != atBody || d.n < d.size {
		return nil, false
	}
	d.state = atStart
	return d.buf[:d.n], true
}
