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

import "packhorse/radio/slip"

// maxPayload is the longest payload of the commands used here: the picture on the display. Frames of data,
// which the firmware may join from two LoRa packets, have up to 508 octets.
const maxPayload = pictureOctets

// appendFrame appends one framed command to dst.
func appendFrame(dst []byte, command byte, payload ...byte) []byte {
	return slip.Append(dst, []byte{command}, payload)
}
