package link

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"math/rand/v2"
	"testing"
)

func TestLayoutDependsOnTheLengthAlone(t *testing.T) {
	for _, tt := range []struct{ size, n, sym, blocks, first, last int }{
		{1, 1, 1, 1, 1, 1},
		{61, 1, 61, 1, 1, 1},
		{62, 2, 31, 1, 2, 2},
		{1024, 17, 61, 1, 17, 17},
		{10240, 168, 61, 3, 56, 56},
		{51200, 840, 61, 14, 60, 60},
		{64 * 61, 64, 61, 1, 64, 64},
		{64*61 + 1, 65, 61, 2, 36, 29},
		{maxBody, maxBlocks * 64, 61, maxBlocks, 64, 64},
	} {
		l := layoutOf(tt.size)
		if l.n != tt.n || l.sym != tt.sym || l.blocks != tt.blocks || l.data(0) != tt.first || l.data(l.blocks-1) != tt.last {
			t.Errorf("%d octets: got %+v first %d last %d, want %+v", tt.size, l, l.data(0), l.data(l.blocks-1), tt)
		}
	}
}

func TestLayoutCoversEveryLength(t *testing.T) {
	for size := 0; size < 60000; size += 7 {
		l := layoutOf(size)
		sum := 0
		for b := range l.blocks {
			k := l.data(b)
			if k < 1 || k > maxData {
				t.Fatalf("%d octets: block %d has %d symbols", size, b, k)
			}
			sum += k
		}
		if sum != l.n || l.padded() < size || l.padded() > size+l.n {
			t.Fatalf("%d octets: %+v sums to %d symbols", size, l, sum)
		}
	}
}

func TestAnyKSymbolsRebuildABlock(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var c codec
	for _, k := range []int{1, 2, 17, 56, 64} {
		const sym = 61
		want := make([]byte, k*sym)
		for i := range want {
			want[i] = byte(r.Uint32())
		}
		repairs := c.repair(nil, want, k, sym, k, repairCount)
		if one := c.repair([]byte("x"), want, k, sym, k+5, 2); !bytes.Equal(one[1:], repairs[5*sym:7*sym]) {
			t.Fatalf("k %d: repair symbols depend on which are asked for", k)
		}
		for range 20 {
			got := make([]byte, k*sym)
			var have bitmap
			var rs []repairSymbol
			for _, i := range r.Perm(k + repairCount)[:k] {
				if i < k {
					have.set(i)
					copy(got[i*sym:], want[i*sym:(i+1)*sym])
				} else {
					rs = append(rs, repairSymbol{uint8(i), repairs[(i-k)*sym : (i-k+1)*sym]})
				}
			}
			if err := c.rebuild(got, sym, &have, rs); err != nil || !bytes.Equal(got, want) {
				t.Fatalf("k %d: rebuilt wrongly: %v", k, err)
			}
		}
	}
}

// The repair symbols are part of the format on the air: they must never change.
func TestRepairSymbolsAreFixed(t *testing.T) {
	var c codec
	body := make([]byte, 64*61)
	for i := range body {
		body[i] = byte(i * 7)
	}
	got := c.repair(nil, body, 64, 61, 64, repairCount)
	sum := sha256.Sum256(got)
	const want = "77ed532c53497279"
	if h := hex.EncodeToString(sum[:8]); h != want {
		t.Errorf("got %s, want %s", h, want)
	}
}
