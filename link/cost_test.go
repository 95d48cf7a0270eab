package link

import (
	"math/rand/v2"
	"testing"
	"time"

	"golang.org/x/crypto/chacha20poly1305"
	"golang.org/x/sys/unix"

	"packhorse/link/wire"
)

// megabyte is a body on its way, frame by frame, through both ends' own sealers and codec: cut, sealed, opened and rebuilt.
type megabyte struct {
	body, out  []byte
	lay        layout
	send, recv *sealer
	codec      codec
	repairs    repairs
	rng        *rand.Rand
	frame      []byte
	have       bitmap
	held       []repairSymbol
	n          int // symbols held of the block
}

func newMegabyte() *megabyte {
	body := make([]byte, 1_000_000)
	for i := range body {
		body[i] = byte(i * 7)
	}
	m := &megabyte{body: body, lay: layoutOf(len(body)), frame: make([]byte, 0, maxFrame)}
	m.out = make([]byte, m.lay.padded())
	m.send, _ = newSealer(make([]byte, chacha20poly1305.KeySize))
	m.recv, _ = newSealer(make([]byte, chacha20poly1305.KeySize))
	return m
}

// carry takes the symbols of one frame of a block from index first on across the air.
func (m *megabyte) carry(b, first, count int, lost float64) {
	k, sym := m.lay.data(b), m.lay.sym
	start := m.lay.start(b) * sym
	data := m.body[start:min(start+k*sym, len(m.body))]
	head := wire.Data{Block: uint16(b), First: uint8(first)}
	m.frame = wire.AppendData(m.frame[:0], head)
	if first < k {
		m.frame = append(m.frame, data[first*sym:min((first+count)*sym, len(data))]...)
	} else {
		m.frame = m.codec.repair(m.frame, data, k, sym, first, count)
	}
	plain := m.frame[wire.DataHeader:]
	nonce := head.Nonce(len(plain))
	m.frame = m.send.seal(m.frame[:wire.DataHeader], nonce, plain, m.frame[:wire.DataHeader], wire.ShortTag)
	if m.rng.Float64() < lost {
		return
	}
	symbols, _ := m.recv.open(nonce, m.frame[wire.DataHeader:], m.frame[:wire.DataHeader], wire.ShortTag)
	for i := first; i < first+count && m.n < k; i++ {
		if symbol := symbols[:min(sym, len(symbols))]; i < k {
			copy(m.out[start+i*sym:], symbol)
		} else {
			m.held = m.repairs.keep(m.held, uint8(i), symbol)
		}
		symbols = symbols[min(sym, len(symbols)):]
		m.have.set(i)
		m.n++
	}
}

// block sends a block, and of its repair symbols as many frames as it takes.
func (m *megabyte) block(b int, lost float64) error {
	k, sym := m.lay.data(b), m.lay.sym
	m.have, m.held, m.n = bitmap{}, nil, 0
	for i := 0; i < k; i += quad {
		m.carry(b, i, min(quad, k-i), lost)
	}
	for i := k; m.n < k; i += quad {
		m.carry(b, i, min(quad, k-m.n), lost)
	}
	start := m.lay.start(b) * sym
	err := m.codec.rebuild(m.out[start:start+k*sym], sym, &m.have, m.held)
	m.repairs.free(m.held)
	return err
}

// spent is the processor time of this process: what else the machine does counts little.
func spent() time.Duration {
	var t unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &t)
	return time.Duration(t.Nano())
}

// BenchmarkMegabyte tells what 1 MB costs in passes of ChaCha20-Poly1305 over it, each of which runs beside a body so
// that both find the machine alike.
func BenchmarkMegabyte(bm *testing.B) {
	aead, _ := chacha20poly1305.New(make([]byte, chacha20poly1305.KeySize))
	for _, tt := range []struct {
		name string
		lost float64
	}{{"no loss", 0}, {"a tenth lost", 0.1}, {"a third lost", 1. / 3}} {
		bm.Run(tt.name, func(bm *testing.B) {
			m := newMegabyte()
			dst, nonce := make([]byte, 0, len(m.body)+wire.TagSize), make([]byte, wire.NonceSize)
			var pass, whole time.Duration
			bm.ReportAllocs()
			for bm.Loop() {
				m.rng = rand.New(rand.NewPCG(1, 2))
				began := spent()
				aead.Seal(dst, nonce, m.body, nil)
				pass += spent() - began
				for b := range m.lay.blocks {
					if err := m.block(b, tt.lost); err != nil {
						bm.Fatal(err)
					}
				}
				whole += spent() - began
			}
			bm.ReportMetric(float64(whole-pass)/float64(pass), "passes/MB")
		})
	}
}
