package fate

import (
	"bytes"
	"slices"
	"testing"
)

// medium plays a cut and returns the disk.
func medium(seed uint64, pending []Write, superblocks ...int64) []byte {
	disk := make([]byte, 8192)
	Settle(seed, 1, pending, superblocks, func(off int64, data []byte) { copy(disk[off:], data) })
	return disk
}

func TestEveryCutIsOfWholeSectorsAndCanBeRepeated(t *testing.T) {
	pending := []Write{{512, bytes.Repeat([]byte{1}, 2048)}, {1024, bytes.Repeat([]byte{2}, 512)}, {4096, bytes.Repeat([]byte{3}, 4096)}}
	seen := map[string]int{}
	for seed := range uint64(500) {
		disk := medium(seed, pending)
		if !bytes.Equal(disk, medium(seed, pending)) {
			t.Fatalf("seed %d gives two disks", seed)
		}
		for s := range slices.Chunk(disk, Sector) {
			if bytes.Count(s, s[:1]) != Sector {
				t.Fatalf("seed %d: a sector is torn", seed)
			}
		}
		switch {
		case bytes.Count(disk, []byte{0}) == len(disk):
			seen["nothing"]++
		case disk[512] == 1 && disk[1024] == 2 && disk[4096] == 3 && disk[8191] == 3:
			seen["all"]++
		case disk[512] == 0 && disk[1024] == 2:
			seen["out of order"]++
		case bytes.Contains(disk[4096:], []byte{0}) && bytes.Contains(disk[4096:], []byte{3}):
			seen["torn"]++
		}
	}
	for _, want := range []string{"nothing", "all", "out of order", "torn"} {
		if seen[want] < 5 {
			t.Errorf("%s: %d of 500 cuts", want, seen[want])
		}
	}
}

func TestSuperblockIsNotTorn(t *testing.T) {
	for seed := range uint64(200) {
		disk := medium(seed, []Write{{0, bytes.Repeat([]byte{1}, 8192)}}, 1024)
		if disk[1024] != disk[1536] {
			t.Fatalf("seed %d tears the superblock", seed)
		}
	}
}
