package rnode

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Blink lets the modem's lights blink so many times, to find it among others. It reads nothing meanwhile, 0.2 s a time.
func (m *Modem) Blink(times byte) error {
	return m.tell(cmdBlink, times)
}

// Random asks for an octet below 255 of the generator with which the modem draws its waits. It is not for keys.
func (m *Modem) Random(ctx context.Context) (byte, error) {
	r, err := m.ask(ctx, cmdRandom, 0)
	return byte(r.value), err
}

// Lock tells whether the modem misses a setting without which its radio stays off.
func (m *Modem) Lock(ctx context.Context) (bool, error) {
	r, err := m.ask(ctx, cmdLock, 0)
	return r.value != 0, err
}

// ask is one question with an answer.
func (m *Modem) ask(ctx context.Context, command byte, octets ...byte) (reply, error) {
	m.command.Lock()
	defer m.command.Unlock()
	m.drain()
	if err := m.write(appendFrame(nil, command, octets...)); err != nil {
		return reply{}, err
	}
	// It does not read its port while it sends what it holds.
	return m.await(ctx, command, m.opts.Answer+time.Duration(m.depth.Load()+1)*m.mod.TimeOnAir(255))
}

const (
	pictureOctets = 512
	lineOctets    = 8
)

// Picture is 64 by 64 points for the modem's display, line by line, the leftmost in the highest bit.
type Picture [pictureOctets]byte

// Show puts a picture onto the modem's display, in place of its own; nil gives that back.
func (m *Modem) Show(ctx context.Context, p *Picture) error {
	for line := 0; p != nil && line < pictureOctets/lineOctets; line++ {
		octets := append([]byte{byte(line)}, p[line*lineOctets:(line+1)*lineOctets]...)
		if err := m.tell(cmdDraw, octets...); err != nil {
			return err
		}
	}
	var on byte
	if p != nil {
		on = 1
	}
	r, err := m.ask(ctx, cmdDrawing, on)
	if errors.Is(err, errNoAnswer) || err == nil && r.value != uint32(on) {
		return fmt.Errorf("rnode: %s does not show pictures", m.info)
	}
	return err
}

// Shown is the picture that the modem holds for its display.
func (m *Modem) Shown(ctx context.Context) (*Picture, error) {
	r, err := m.ask(ctx, cmdDrawn, 1)
	if err != nil {
		return nil, err
	}
	if len(r.data) != pictureOctets {
		return nil, fmt.Errorf("rnode: %s has no display", m.info)
	}
	return (*Picture)(r.data), nil
}

func (m *Modem) tell(command byte, octets ...byte) error {
	m.command.Lock()
	defer m.command.Unlock()
	return m.write(appendFrame(nil, command, octets...))
}
