package plan

import (
	"encoding/binary"
	"testing"

	"packhorse/board/card"
)

func sector(t *testing.T, table card.Table) []byte {
	t.Helper()
	b := make([]byte, card.SectorSize)
	if err := table.Put(b); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestTheCardIsFound(t *testing.T) {
	ours := sector(t, card.Layout(card.DataSize))
	other := card.Layout(card.DataSize)
	other.DiskID = 7
	redrawn := sector(t, other)
	other.Partitions[1].Size *= 2
	foreign := sector(t, other)
	for _, tc := range []struct {
		name   string
		disks  []Disk
		want   string
		others bool
	}{
		{"none", nil, "", false},
		{"empty and foreign ones", []Disk{{"a", make([]byte, 512), 1}, {"b", foreign, 1}, {"c", nil, 0}}, "", false},
		{"ours", []Disk{{"a", foreign, 1}, {"b", ours, 1}}, "b", false},
		{"another signature", []Disk{{"a", foreign, 1}, {"b", redrawn, 1}}, "b", false},
		{"ours before one with another signature", []Disk{{"a", redrawn, 1}, {"b", ours, 1}}, "b", false},
		{"two", []Disk{{"a", ours, 1}, {"b", ours, 1}}, "a", true},
	} {
		d, table, others, ok := FindCard(tc.disks)
		if d.Name != tc.want || others != tc.others || ok != (tc.want != "") || ok && !laidOut(table) {
			t.Errorf("%s: got %q, %v, %v", tc.name, d.Name, others, ok)
		}
	}
}

func TestGrow(t *testing.T) {
	now := card.Layout(card.DataSize)
	start := now.Partitions[3].Start
	for _, tc := range []struct {
		name string
		disk int64
		want int64 // size; 0: as it is
	}{
		{"the image's own size", start + card.DataSize, 0},
		{"a remainder", start + card.DataSize + card.Align - 1, 0},
		{"32 GB", 32_000_000_000, 32_000_000_000/card.Align*card.Align - start},
		{"beyond the table", 1 << 42, (1<<32-1)*512/card.Align*card.Align - start},
		{"a disk that is too small", start, 0},
	} {
		got, ok := Grow(now, tc.disk)
		if tc.want == 0 {
			tc.want = card.DataSize
		}
		if size := got.Partitions[3].Size; size != tc.want || ok != (size != card.DataSize) {
			t.Errorf("%s: got %d, %v", tc.name, size, ok)
		}
		sector(t, got)
	}
	now.Partitions[0].Start = 1 << 40
	if _, ok := Grow(now, 1<<41); ok {
		t.Error("a partition follows")
	}
}

func TestExt4(t *testing.T) {
	b := make([]byte, SuperblockSize)
	if _, err := ParseExt4(b); err != ErrNoExt4 {
		t.Errorf("zeros: %v", err)
	}
	le := binary.LittleEndian
	le.PutUint16(b[0x38:], 0xef53)
	le.PutUint32(b[0x18:], 2)
	le.PutUint32(b[0x4:], 16384)
	le.PutUint16(b[0x3a:], 3)
	e, err := ParseExt4(b)
	if err != nil || e != (Ext4{16384, 4096, true}) {
		t.Fatalf("got %+v, %v", e, err)
	}
	for size, want := range map[int64]int64{64 << 20: 0, 67 << 20: 0, 68 << 20: 68 << 8, 1 << 40: 1 << 28} {
		if got := e.Room(size); got != want {
			t.Errorf("on %d: %d blocks, want %d", size, got, want)
		}
	}
	le.PutUint32(b[0x60:], 0x80)
	le.PutUint32(b[0x150:], 1)
	if e, _ := ParseExt4(b); e.Blocks != 1<<32+16384 {
		t.Errorf("64 bit: %d", e.Blocks)
	}
	if _, err := ParseExt4(b[:100]); err == nil {
		t.Error("too short")
	}
}

func TestTheSlot(t *testing.T) {
	a, b := card.Release{Build: "a"}, card.Release{Build: "b"}
	for _, tc := range []struct {
		name, cmdline string
		firmware      []byte
		slots         map[int]card.Release
		want          int
	}{
		{"the command line", "quiet packhorse.partition=3 x", []byte{0, 0, 0, 2}, nil, 3},
		{"no slot on it", "packhorse.partition=4 packhorse.partition=x", []byte{0, 0, 0, 2}, nil, 2},
		{"nonsense of the firmware", "", []byte{0, 0, 0, 1}, map[int]card.Release{2: b, 3: a}, 3},
		{"the files", "", nil, map[int]card.Release{2: a, 3: b}, 2},
		{"both alike", "", nil, map[int]card.Release{2: a, 3: a}, 0},
		{"neither", "", nil, map[int]card.Release{2: b}, 0},
	} {
		if got := BootedSlot(ParseCmdline(tc.cmdline), tc.firmware, a, tc.slots); got != tc.want {
			t.Errorf("%s: %d, want %d", tc.name, got, tc.want)
		}
	}
	if !ParseCmdline("a packhorse.reset=1").Reset || ParseCmdline("packhorse.reset=0 packhorse.reset").Reset {
		t.Error("the reset word")
	}
	if got := Consoles("tty0 ttyAMA0\n"); len(got) != 2 || got[0] != "/dev/tty1" || got[1] != "/dev/ttyAMA0" {
		t.Errorf("consoles: %q", got)
	}
}
