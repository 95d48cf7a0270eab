package link

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/klauspost/reedsolomon"
)

// slowProduct multiplies as polynomials.
func slowProduct(a, b byte) byte {
	x, sum := int(a), 0
	for bit := range 8 {
		if b>>bit&1 == 1 {
			sum ^= x << bit
		}
	}
	for bit := 14; bit >= 8; bit-- {
		if sum>>bit&1 == 1 {
			sum ^= 0x11d << (bit - 8)
		}
	}
	return byte(sum)
}

func TestMultiplesAreProductsInTheField(t *testing.T) {
	octets := make([]byte, 256)
	for i := range octets {
		octets[i] = byte(i)
	}
	for a := range 256 {
		four := [4]byte{byte(a), byte(a) + 1, ^byte(a), byte(a) * 3}
		var m multiples
		m.of(uint32(four[0]) | uint32(four[1])<<8 | uint32(four[2])<<16 | uint32(four[3])<<24)
		sum := make([]uint32, 256)
		m.addTo(sum, octets)
		for b, got := range sum {
			for lane, c := range four {
				if p := slowProduct(c, byte(b)); byte(got>>(8*lane)) != p {
					t.Fatalf("%d times %d is %d, want %d", c, b, byte(got>>(8*lane)), p)
				}
			}
		}
	}
}

func TestLogarithmsAreOfAllElements(t *testing.T) {
	for a := 1; a < 256; a++ {
		if got := gfExp[gfLog[a]]; int(got) != a || gfExp[int(gfLog[a])+gfOrder] != got {
			t.Errorf("%d has the logarithm %d, which is of %d", a, gfLog[a], got)
		}
		for b := 1; b < 256; b++ {
			if got, want := gfExp[int(gfLog[a])+int(gfLog[b])], slowProduct(byte(a), byte(b)); got != want {
				t.Fatalf("%d times %d is %d, want %d", a, b, got, want)
			}
		}
	}
}

// referenceSymbols are all symbols of a block as the library has them.
func referenceSymbols(t *testing.T, data []byte, k, sym int) ([][]byte, reedsolomon.Encoder) {
	enc, err := reedsolomon.New(k, repairCount, reedsolomon.WithMaxGoroutines(1))
	if err != nil {
		t.Fatal(err)
	}
	all := make([][]byte, k+repairCount)
	for i := range all {
		all[i] = make([]byte, sym)
		if i < k {
			copy(all[i], data[i*sym:])
		}
	}
	if err := enc.Encode(all); err != nil {
		t.Fatal(err)
	}
	return all, enc
}

// For every size of block: the repair symbols are the library's, one by one, in fours and all at once, and so is what is
// rebuilt when none, one, the first, the last, every other, all or random symbols are missing, from the first, the last
// or random repair symbols.
func TestTheCodeIsTheLibrarys(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	var c codec
	for k := 1; k <= maxData; k++ {
		sym := 1 + (k*7)%symbolSize
		data := make([]byte, k*sym)
		for i := range data[:len(data)-k%sym] { // the end is zeros
			data[i] = byte(r.Uint32())
		}
		want, enc := referenceSymbols(t, data, k, sym)
		repairs := bytes.Join(want[k:], nil)
		if got := c.repair(nil, data[:len(data)-k%sym], k, sym, k, repairCount); !bytes.Equal(got, repairs) {
			t.Fatalf("k %d: the repair symbols are not the library's", k)
		}
		for _, n := range []int{1, 2, 3, 4, 5} {
			first := r.IntN(repairCount - n)
			if got := c.repair(nil, data, k, sym, k+first, n); !bytes.Equal(got, repairs[first*sym:(first+n)*sym]) {
				t.Fatalf("k %d: %d repair symbols from %d on are not the library's", k, n, first)
			}
		}
		for _, missing := range erasures(r, k) {
			for _, from := range repairOf(r, len(missing)) {
				checkRebuilt(t, &c, enc, want, k, sym, missing, from, fmt.Sprintf("k %d, missing %v, repaired with %v", k, missing, from))
			}
		}
	}
}

func erasures(r *rand.Rand, k int) [][]int {
	every := func(i, step int) (all []int) {
		for ; i < k; i += step {
			all = append(all, i)
		}
		return all
	}
	few := (k + 3) / 4
	return [][]int{nil, {r.IntN(k)}, every(0, 1)[:few], every(k-few, 1), every(0, 2), every(0, 1), r.Perm(k)[:1+r.IntN(k)]}
}

func repairOf(r *rand.Rand, n int) [][]int {
	first, last := make([]int, n), make([]int, n)
	for i := range n {
		first[i], last[i] = i, repairCount-1-i
	}
	return [][]int{first, last, r.Perm(repairCount)[:n]}
}

func checkRebuilt(t *testing.T, c *codec, enc reedsolomon.Encoder, want [][]byte, k, sym int, missing, from []int, what string) {
	got, shards := bytes.Join(want[:k], nil), make([][]byte, k+repairCount)
	copy(shards, want[:k])
	var have bitmap
	for i := range k {
		have.set(i)
	}
	for _, i := range missing {
		have[i>>3] &^= 1 << (i & 7)
		copy(got[i*sym:(i+1)*sym], bytes.Repeat([]byte{0xa5}, sym))
		shards[i] = nil
	}
	var repair []repairSymbol
	for _, i := range from {
		repair = append(repair, repairSymbol{uint8(k + i), want[k+i]})
		shards[k+i] = want[k+i]
	}
	if err := enc.ReconstructData(shards); err != nil {
		t.Fatal(err)
	}
	if err := c.rebuild(got, sym, &have, repair); err != nil || !bytes.Equal(got, bytes.Join(shards[:k], nil)) {
		t.Fatalf("%s: not what the library rebuilds (%v)", what, err)
	}
	if len(repair) > 0 && c.rebuild(got, sym, &have, repair[1:]) != errFewSymbols {
		t.Fatalf("%s: rebuilt with a symbol too few", what)
	}
}
