package meshtastic

import (
	"context"
	"errors"
	"time"

	"packhorse/radio"
)

var errNoAnswer = errors.New("meshtastic: no answer")

// Transmit hands one frame to the node, to everybody in reach and nobody further. It returns when the node has
// answered that it took the frame and should have room for the next. When ctx ends it the node may have the frame already.
func (m *Modem) Transmit(ctx context.Context, frame []byte) error {
	if len(frame) == 0 || len(frame) > maxFrame {
		return ErrFrameSize
	}
	m.command.Lock()
	defer m.command.Unlock()
	if m.mod.BandwidthHz == 0 {
		return errors.New("meshtastic: the modem is not configured yet")
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := m.awaitRoom(ctx); err != nil {
		return err
	}
	if err := m.hand(ctx, frame); err != nil {
		return err
	}
	return m.pause(ctx, time.Until(m.handed(len(frame))))
}

// hand gives a packet to the node and takes its answer.
func (m *Modem) hand(ctx context.Context, frame []byte) error {
	id := max(m.opts.Rand.Uint32(), 1)
	m.drain()
	m.notice.Store(nil)
	if err := m.write(appendPacket(nil, id, frame)); err != nil {
		return err
	}
	s, err := m.await(ctx, id)
	switch {
	case errors.Is(err, errNoAnswer):
		return ErrSilent
	case err != nil:
		return err
	case s.result != 0:
		e := &RefusedError{Code: s.result}
		if text := m.notice.Swap(nil); text != nil {
			e.Text = *text
		}
		return e
	}
	m.holds(s)
	return nil
}

// mostHeld packets are believed of a node: MAX_TX_QUEUE of the firmware is 16, 32 on some boards. More is a lie or damage on the line, and
// would put off for years when all that was sent counts as gone.
const mostHeld = 32

// holds takes the node's word on how many packets wait in it, its own and those of its mesh included.
func (m *Modem) holds(s queueStatus) {
	m.backlog = int(min(s.size-min(s.free, s.size), mostHeld))
}

// handed counts a packet that the node has now, and answers when the one before it has left.
func (m *Modem) handed(octets int) time.Time {
	c := m.Capabilities()
	m.paced.Lock()
	defer m.paced.Unlock()
	before := m.last
	if now := time.Now(); before.Before(now) {
		m.last = now
	}
	m.last = m.last.Add(c.Access + m.mod.TimeOnAir(octets+c.AirOverhead))
	return before
}

// mostWait is how long a node may go on saying that it holds too much: a full queue of the longest packets takes 3 minutes in
// the slowest preset on a free channel.
const mostWait = 15 * time.Minute

// awaitRoom waits while the node says that it holds more than it should: its channel is busy.
func (m *Modem) awaitRoom(ctx context.Context) error {
	end := time.Now().Add(mostWait)
	for m.backlog >= depth {
		if time.Now().After(end) {
			return ErrStuck
		}
		if err := m.pause(ctx, access(m.mod)+m.mod.TimeOnAir(maxFrame+airOverhead)/2); err != nil {
			return err
		}
		m.drain()
		if err := m.write(heartbeat()); err != nil {
			return err
		}
		s, err := m.await(ctx, 0)
		if errors.Is(err, errNoAnswer) { // firmware before 2.3 does not answer a heartbeat: time alone must do
			m.backlog = 0
			return nil
		}
		if err != nil {
			return err
		}
		m.holds(s)
		m.behind(m.backlog)
	}
	return nil
}

// behind corrects when all will have left.
func (m *Modem) behind(packets int) {
	c := m.Capabilities()
	m.paced.Lock()
	defer m.paced.Unlock()
	left := time.Duration(packets) * (c.Access + m.mod.TimeOnAir(maxFrame+airOverhead))
	if at := time.Now().Add(left); at.After(m.last) {
		m.last = at
	}
}

// await waits for the node's word on a packet; 0: on its queue.
func (m *Modem) await(ctx context.Context, packet uint32) (queueStatus, error) {
	timer := time.NewTimer(m.opts.Answer)
	defer timer.Stop()
	for {
		select {
		case s := <-m.status:
			if s.packet == packet {
				return s, nil
			}
		case <-timer.C:
			return queueStatus{}, errNoAnswer
		case <-m.gone:
			return queueStatus{}, m.goneErr
		case <-ctx.Done():
			return queueStatus{}, ctx.Err()
		}
	}
}

func (m *Modem) drain() {
	for {
		select {
		case <-m.status:
		default:
			return
		}
	}
}

func (m *Modem) pause(ctx context.Context, d time.Duration) error {
	return radio.Pause(ctx, m.gone, &m.goneErr, d)
}
