// Package kiss drives TNCs in KISS mode, over a serial port or over TCP (Direwolf): the modems of amateur packet radio,
// here on bands that need no licence. A frame of ours is the information field of an AX.25 UI frame. The TNC senses
// the carrier and backs off by itself (p-persistence); it reports no signal and does not say when it has sent
// something, so this driver computes how long each frame takes and hands over the next when it must be nearly through.
//
// KISS (Chepponis and Karn, 1987):
//
//	octets  field
//	1       FEND C0
//	1       type: port in the high nibble, command in the low one
//	n       data; C0 is sent as DB DC, DB as DB DD, in the type as well
//	1       FEND C0
package kiss

const (
	fend  = 0xC0
	fesc  = 0xDB
	tfend = 0xDC
	tfesc = 0xDD

	cmdData     = 0
	cmdTXDelay  = 1 // 10 ms
	cmdPersist  = 2 // p·256 − 1
	cmdSlot     = 3 // 10 ms
	cmdTXTail   = 4 // 10 ms
	cmdDuplex   = 5 // 0: half
	commandMask = 0x0F
)

// appendFrame appends one framed command to dst.
func appendFrame(dst []byte, port, command byte, data ...byte) []byte {
	dst = append(dst, fend)
	dst = appendEscaped(dst, port<<4|command)
	for _, b := range data {
		dst = appendEscaped(dst, b)
	}
	return append(dst, fend)
}

func appendEscaped(dst []byte, b byte) []byte {
	switch b {
	case fend:
		return append(dst, fesc, tfend)
	case fesc:
		return append(dst, fesc, tfesc)
	}
	return append(dst, b)
}

// maxLine is the longest KISS frame that is looked at: an AX.25 frame with eight digipeaters and 256 octets of information.
const maxLine = 1 + 10*addressLen + 2 + maxInfo

// decoder finds KISS frames in a stream of octets. It may start anywhere, and holds at most one frame.
type decoder struct {
	buf     [maxLine]byte
	n       int
	inside  bool // a FEND was seen
	escaped bool
	spoiled bool   // this frame is too long or wrongly escaped
	dropped uint64 // frames thrown away
}

// feed takes one octet. When it completes a frame it returns that, type first, valid until the next call.
func (d *decoder) feed(b byte) (frame []byte, ok bool) {
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
	return nil, false
}

// end closes the frame. One FEND may both end a frame and begin the next.
func (d *decoder) end() ([]byte, bool) {
	n, bad := d.n, d.spoiled || d.escaped
	d.n, d.inside, d.escaped, d.spoiled = 0, true, false, false
	if bad {
		d.dropped++
	}
	return d.buf[:n], !bad && n > 0
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
