package linklocal

import (
	"bytes"
	"encoding/binary"
	"net/netip"
)

// arp is a message of RFC 826 for Ethernet and IPv4.
type arp struct {
	op       uint16 // 1: request, 2: reply
	sender   [6]byte
	senderIP netip.Addr
	target   [6]byte
	targetIP netip.Addr
}

var arpHead = []byte{0, 1, 8, 0, 6, 4} // Ethernet, IPv4, lengths of addresses

const (
	arpSize    = 28
	arpRequest = 1
)

func (a arp) bytes() []byte {
	b := binary.BigEndian.AppendUint16(bytes.Clone(arpHead), a.op)
	b = append(append(b, a.sender[:]...), a.senderIP.AsSlice()...)
	return append(append(b, a.target[:]...), a.targetIP.AsSlice()...)
}

// parseARP reads a message; Ethernet may have padded it.
func parseARP(b []byte) (a arp, ok bool) {
	if len(b) < arpSize || !bytes.HasPrefix(b, arpHead) {
		return a, false
	}
	a.op = binary.BigEndian.Uint16(b[6:])
	copy(a.sender[:], b[8:])
	a.senderIP = netip.AddrFrom4([4]byte(b[14:18]))
	copy(a.target[:], b[18:])
	a.targetIP = netip.AddrFrom4([4]byte(b[24:28]))
	return a, true
}
