package card

import (
	"bytes"
	"testing"
)

func TestTableComesBack(t *testing.T) {
	want := Layout(DataSize)
	sector := bytes.Repeat([]byte{7}, SectorSize)
	if err := want.Put(sector); err != nil {
		t.Fatal(err)
	}
	got, err := ParseTable(sector)
	if err != nil || got != want {
		t.Errorf("got %+v, %v, want %+v", got, err, want)
	}
	if sector[0] != 7 {
		t.Error("the loader before the table was overwritten")
	}
	for i, p := range got.Partitions[1:] {
		if before := got.Partitions[i]; p.Start != before.Start+before.Size || p.Start%Align != 0 {
			t.Errorf("partition %d begins at %d", i+2, p.Start)
		}
	}
	if _, err := ParseTable(make([]byte, SectorSize)); err != ErrNoTable {
		t.Errorf("an empty sector: %v", err)
	}
}

func TestAutobootComesBack(t *testing.T) {
	for _, a := range []Autoboot{{SlotA, SlotB}, {SlotB, SlotA}} {
		text, err := a.AppendText(nil)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := ParseAutoboot(text); err != nil || got != a {
			t.Errorf("%q: got %+v, %v", text, got, err)
		}
	}
	if _, err := (Autoboot{Boot, SlotB}).AppendText(nil); err == nil {
		t.Error("the boot partition is no slot")
	}
	for _, bad := range []string{"", "[all]\nboot_partition=2\n[tryboot]\nboot_partition=3\n", "[all]\ntryboot_a_b=1\nboot_partition=2\n[tryboot]\nboot_partition=2\n"} {
		if got, err := ParseAutoboot([]byte(bad)); err == nil {
			t.Errorf("%q: got %+v", bad, got)
		}
	}
}
