package link

import (
	"testing"

	"golang.org/x/crypto/chacha20poly1305"
)

// costOfBody cuts, seals, opens and rebuilds a body of 1 MB with one frame in ten lost: repair is made for what is missing.
func costOfBody(b *testing.B, lossy bool) {
	body := make([]byte, 1_000_000)
	for i := range body {
		body[i] = byte(i * 7)
	}
	lay := layoutOf(len(body))
	padded := append(body, make([]byte, lay.padded()-len(body))...)
	send, _ := newSealer(make([]byte, 32))
	recv, _ := newSealer(make([]byte, 32))
	out := make([]byte, lay.padded())
	var c codec
	frame := make([]byte, 0, 512)
	repairs := make([]byte, 0, 64*symbolSize)
	var nonce [12]byte
	carry := func(symbols []byte) []byte {
		frame = append(frame[:0], symbols...)
		frame = send.seal(frame[:0], nonce, frame, nil, 4)
		plain, _ := recv.open(nonce, frame, nil, 4)
		return plain
	}
	b.ReportAllocs()
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		for block := range lay.blocks {
			k, start := lay.data(block), lay.start(block)*lay.sym
			data, got := padded[start:start+k*lay.sym], out[start:start+k*lay.sym]
			var have bitmap
			lost := 0
			for i := 0; i < k; i += quad {
				n := min(quad, k-i)
				if lossy && (block+i/quad)%10 == 0 {
					carry(data[i*lay.sym : (i+n)*lay.sym])
					lost += n
					continue
				}
				copy(got[i*lay.sym:], carry(data[i*lay.sym:(i+n)*lay.sym]))
				for j := range n {
					have.set(i + j)
				}
			}
			if lost == 0 {
				continue
			}
			repairs = c.repair(repairs[:0], data, k, lay.sym, k, lost)
			var rs [maxData]repairSymbol
			for j := range lost {
				rs[j] = repairSymbol{uint8(k + j), repairs[j*lay.sym : (j+1)*lay.sym]}
			}
			if err := c.rebuild(got, lay.sym, &have, rs[:lost]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkBodyWithoutLoss(b *testing.B) { costOfBody(b, false) }
func BenchmarkBodyWithLoss(b *testing.B)    { costOfBody(b, true) }

// BenchmarkOnePass is what the others compare with: ChaCha20-Poly1305 once over the same octets.
func BenchmarkOnePass(b *testing.B) {
	aead, _ := chacha20poly1305.New(make([]byte, 32))
	body := make([]byte, 1_000_000)
	dst := make([]byte, 0, len(body)+16)
	nonce := make([]byte, 12)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		aead.Seal(dst, nonce, body, nil)
	}
}
