package rnode

import (
	"context"
	"math/rand/v2"
	"sync/atomic"

	"packhorse/radio"
)

// The octet that RNode_Firmware (transmit() and receive_callback() in RNode_Firmware.ino) puts before each packet: a
// random high nibble, by which the halves of a long frame find each other, and a flag.
const (
	headerSequence = 0xF0
	headerSplit    = 0x01 // this packet is half of a frame
)

// compatible is a radio of another kind that speaks as RNodes do: with their octet before each packet. It is safe for
// concurrent use as the radio is.
type compatible struct {
	radio.Radio
	rand   *rand.Rand
	halves atomic.Uint64
}

// Compatible makes a radio and RNodes understand each other. On the air both need the sync word phy.SyncPrivate, a header
// and a checksum; the preamble of phy.RNodeModulation lets the slowest RNode in. chance draws the nibble, from the
// goroutine of Transmit. The optional interfaces of the radio stay.
func Compatible(r radio.Radio, chance *rand.Rand) radio.Radio {
	return radio.Forward(&compatible{Radio: r, rand: chance}, r)
}

// Capabilities are those of the radio with one octet less in a frame.
func (p *compatible) Capabilities() radio.Capabilities {
	c := p.Radio.Capabilities()
	c.MaxFrame = min(c.MaxFrame-airOverhead, maxFrame)
	c.AirOverhead += airOverhead
	return c
}

// Transmit puts the octet before the frame. Frames that would not fit into one packet are refused: they are never split.
func (p *compatible) Transmit(ctx context.Context, frame []byte) error {
	if len(frame) == 0 || len(frame) > p.Capabilities().MaxFrame {
		return ErrFrameSize
	}
	packet := append(make([]byte, 0, len(frame)+airOverhead), byte(p.rand.Uint32())&headerSequence)
	return p.Radio.Transmit(ctx, append(packet, frame...))
}

// Receive takes the octet off. Halves of longer frames, which our stations do not send, and packets without a frame are
// dropped and counted.
func (p *compatible) Receive(ctx context.Context) (radio.Packet, error) {
	for {
		packet, err := p.Radio.Receive(ctx)
		if err != nil {
			return packet, err
		}
		if len(packet.Data) > airOverhead && packet.Data[0]&headerSplit == 0 {
			packet.Data = packet.Data[airOverhead:]
			return packet, nil
		}
		p.halves.Add(1)
	}
}

// Channel is that of the radio, with the packets that were no whole frame.
func (p *compatible) Channel() radio.ChannelStats {
	c := radio.NoChannelStats()
	if m, ok := p.Radio.(radio.Meter); ok {
		c = m.Channel()
	}
	c.Foreign += p.halves.Load()
	return c
}
