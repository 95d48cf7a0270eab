package ebyte

import "packhorse/radio/stream"

// parser takes apart what a module puts out in transparent mode: our frames, the octet of signal strength that an E22
// puts after each packet, and its answers about the ambient signal. A frame is never longer than a packet, so that
// octet stands behind a frame and never in one. It starts anywhere and holds at most one frame.
type parser struct {
	frames *stream.Decoder
	rssi   bool   // an octet of signal strength follows each packet
	held   []byte // a frame whose signal strength comes next
	holds  bool
	window [answerOctets]byte // the latest octets
	since  int                // octets since the last delimiter
}

const answerOctets = 5 // C1 00 02, ambient, last

func newParser(maxFrame int, rssi bool) *parser {
	return &parser{frames: stream.NewDecoder(maxFrame), rssi: rssi}
}

// event is what an octet completed.
type event struct {
	frame  []byte // nil: none; valid until the next call
	signal byte   // after the frame, where known
	known  bool
	answer bool // the window holds an answer about the ambient signal
}

// feed takes one octet.
func (p *parser) feed(b byte) event {
	copy(p.window[:], p.window[1:])
	p.window[answerOctets-1] = b
	if p.holds {
		e := p.release()
		e.signal, e.known = b, b != stream.Delimiter // that is the next frame: two were put out as one
		return e
	}
	frame, ok := p.frames.Feed(b)
	if p.since++; b == stream.Delimiter {
		p.since = 0
	}
	if !ok {
		return event{answer: p.answered()}
	}
	if !p.rssi {
		return event{frame: frame}
	}
	p.held, p.holds = append(p.held[:0], frame...), true
	return event{}
}

// release gives up waiting for the octet of signal strength.
func (p *parser) release() event {
	if !p.holds {
		return event{}
	}
	p.holds = false
	return event{frame: p.held}
}

// answered tells whether the window holds an answer: between two frames, where at most one stray octet of signal
// strength stands before it.
func (p *parser) answered() bool {
	w := p.window
	if w[0] != cmdAnswer || w[1] != 0 || w[2] != 2 || p.since > answerOctets+1 {
		return false
	}
	p.since = 0 // the decoder keeps these octets: they may be a frame's after all
	return true
}

// ambient is the answer in the window: the signal now, and that of the last packet.
func (p *parser) ambient() (now, last byte) { return p.window[3], p.window[4] }
