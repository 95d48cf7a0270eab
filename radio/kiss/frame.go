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

import "packhorse/radio/slip"

const (
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
	return slip.Append(dst, []byte{port<<4 | command}, data)
}

// maxLine is the longest KISS frame that is looked at: an AX.25 frame with eight digipeaters and 256 octets of information.
const maxLine = 1 + 10*addressLen + 2 + maxInfo
