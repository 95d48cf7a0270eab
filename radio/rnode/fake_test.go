package rnode

import (
	"bytes"
	"context"
	"net"
	"testing"
	"time"

	"packhorse/radio/phy"
)

var testMod = phy.Modulation{FrequencyHz: 869_525_000, BandwidthHz: 125_000, SpreadingFactor: 7, CodingRate: 5, PreambleSymbols: 8}

// fake is the modem's end of the wire: it answers as firmware 1.86 does, apart
// from what a test changes.
type fake struct {
	port     net.Conn
	minor    byte
	deaf     int             // questions to ignore at first
	noReady  bool            // firmware without an answer to READY
	silent   bool            // hangs
	full     int             // READY answers "no room" this often
	wrong    map[byte][]byte // echo this instead
	at       []time.Time     // when data frames came
	data     [][]byte
	commands []byte
	slow     bool // answers octet by octet
	rom      []byte
	hears    [][]byte // what commands carried
	preamble byte     // reported with each coding rate
}

// wire starts a fake and returns the host's end.
func wire(f *fake) net.Conn {
	host, modem := net.Pipe()
	f.port = modem
	if f.minor == 0 {
		f.minor = 86
	}
	go f.run()
	return host
}

func (f *fake) run() {
	var stream []byte
	buf := make([]byte, 1024)
	for {
		n, err := f.port.Read(buf)
		if err != nil {
			return
		}
		stream = append(stream, buf[:n]...)
		for {
			i := bytes.IndexByte(stream, 0xC0)
			if i < 0 {
				break
			}
			if frame := stream[:i]; len(frame) > 0 {
				frame = bytes.ReplaceAll(frame, []byte{0xDB, 0xDC}, []byte{0xC0})
				frame = bytes.ReplaceAll(frame, []byte{0xDB, 0xDD}, []byte{0xDB})
				f.take(frame[0], frame[1:])
			}
			stream = stream[i+1:]
		}
	}
}

func (f *fake) take(command byte, p []byte) {
	f.commands, f.hears = append(f.commands, command), append(f.hears, bytes.Clone(p))
	if f.silent {
		return
	}
	if b, ok := f.wrong[command]; ok {
		f.say(command, b...)
		return
	}
	switch command {
	case 0x00:
		f.at, f.data = append(f.at, time.Now()), append(f.data, bytes.Clone(p))
	case 0x08:
		if f.deaf--; f.deaf < 0 {
			f.say(0x08, 0x46)
		}
	case 0x50:
		f.say(0x50, 1, f.minor)
	case 0x48:
		f.say(0x48, 0x80)
	case 0x49:
		f.say(0x49, 0x81)
	case 0x0F:
		if !f.noReady {
			f.full--
			f.say(0x0F, map[bool]byte{true: 0, false: 1}[f.full >= 0])
		}
	case 0x51:
		if f.rom != nil {
			f.say(0x51, f.rom...)
		}
	case 0x0A, 0x30, 0x43:
	case 0x05:
		if f.preamble > 0 {
			f.say(0x26, 4, 0, 3, 0xD0, 0, f.preamble, 0, 25, 0, 24, 0, 48)
		}
		f.say(command, p...)
	default:
		f.say(command, p...)
	}
}

func (f *fake) say(command byte, p ...byte) { f.raw(kiss(command, p...)) }

func (f *fake) raw(b []byte) {
	if !f.slow {
		f.port.Write(b)
		return
	}
	for i := range b {
		f.port.Write(b[i : i+1])
	}
}

// kiss frames a command, written apart from the driver's own encoder.
func kiss(command byte, p ...byte) []byte {
	p = bytes.ReplaceAll(p, []byte{0xDB}, []byte{0xDB, 0xDD})
	p = bytes.ReplaceAll(p, []byte{0xC0}, []byte{0xDB, 0xDC})
	return append(append([]byte{0xC0, command}, p...), 0xC0)
}

func open(t *testing.T, f *fake, opts Opts) *Modem {
	t.Helper()
	m, err := Open(context.Background(), wire(f), opts)
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	if err := m.Configure(context.Background(), testMod, 17); err != nil {
		t.Fatalf("configure: %v", err)
	}
	return m
}
