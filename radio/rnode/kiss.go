// Package rnode drives RNode modems: LoRa radios behind a serial port that speak
// KISS framing with commands of their own (RNode_Firmware 1.52 and later). The
// modem does its own medium access; this driver configures it, verifies what it
// echoes, and keeps its queue short.
//
//	octets  field
//	1       FEND C0
//	1       command
//	n       payload; C0 is sent as DB DC, DB as DB DD
//	1       FEND C0
package rnode

const (
	fend  = 0xC0
	fesc  = 0xDB
	tfend = 0xDC
	tfesc = 0xDD

	// maxPayload is the longest payload of the commands used here: the picture on the display. Frames of data,
	// which the firmware may join from two LoRa packets, have up to 508 octets.
	maxPayload = pictureOctets
)

// appendFrame appends one framed command to dst.
func appendFrame(dst []byte, command byte, payload ...byte) []byte {
	dst = append(dst, fend, command)
	for _, b := range payload {
		switch b {
		case fend:
			dst = append(dst, fesc, tfend)
		case fesc:
			dst = append(dst, fesc, tfesc)
		default:
			dst = append(dst, b)
		}
	}
	return append(dst, fend)
}

// decoder finds frames in a stream of octets. It starts anywhere, holds at most
// one frame, and counts what it throws away.
type decoder struct {
	buf     [1 + maxPayload]byte // command and payload
	n       int
	inside  bool // a FEND was seen
	escaped bool
	spoiled bool   // this frame is too long or wrongly escaped
	dropped uint64 // frames thrown away
}

// feed takes one octet. When it completes a frame it answers the command and
// the payload, which stays valid until the next call.
func (d *decoder) feed(b byte) (command byte, payload []byte, ok bool) {
	switch {
	case b == fend:
		return d.end()
	case !d.inside || d.spoiled:
	case d.escaped:
		d.escaped = false
		d.unescape(b)
	case b == fesc:
		d.escaped = true
	default:
		d.add(b)
	}
	return 0, nil, false
}

// end closes the frame. One FEND may both end a frame and begin the next.
func (d *decoder) end() (byte, []byte, bool) {
	n, bad := d.n, d.spoiled || d.escaped
	d.n, d.inside, d.escaped, d.spoiled = 0, true, false, false
	if bad {
		d.dropped++
		return 0, nil, false
	}
	if n == 0 {
		return 0, nil, false
	}
	return d.buf[0], d.buf[1:n], true
}

func (d *decoder) unescape(b byte) {
	switch b {
	case tfend:
		d.add(fend)
	case tfesc:
		d.add(fesc)
	default:
		d.spoiled = true
	}
}

func (d *decoder) add(b byte) {
	if d.n == len(d.buf) {
		d.spoiled = true
		return
	}
	d.buf[d.n] = b
	d.n++
}
