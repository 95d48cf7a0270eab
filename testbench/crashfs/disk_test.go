package crashfs

import (
	"bytes"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/testbench/crashfs/fate"
)

func put(t *testing.T, d *Disk, off int64, fill byte, n int) {
	t.Helper()
	if _, err := d.WriteAt(bytes.Repeat([]byte{fill}, n), off); err != nil {
		t.Fatal(err)
	}
}

func content(t *testing.T, d *Disk, off int64, n int) []byte {
	t.Helper()
	b := make([]byte, n)
	if _, err := d.ReadAt(b, off); err != nil {
		t.Fatal(err)
	}
	return b
}

func TestImageHoldsAllThatWasFlushedAndWholeSectorsOfTheRest(t *testing.T) {
	d := NewDisk(64<<10, 0)
	put(t, d, 100, 'a', 9000)
	d.Flush()
	put(t, d, 0, 'b', 8192)
	put(t, d, 40<<10, 'c', 4096)
	old := append(make([]byte, 100), bytes.Repeat([]byte{'a'}, 8092)...)
	torn, reordered, images := false, false, map[string]bool{}
	for seed := range uint64(300) {
		image, err := d.Image(d.Position(), seed)
		if err != nil {
			t.Fatal(err)
		}
		b := content(t, image, 0, 64<<10)
		images[string(b)] = true
		fresh := 0
		for at := 0; at < 8192; at += fate.Sector {
			if s := b[at : at+fate.Sector]; bytes.Equal(s, bytes.Repeat([]byte{'b'}, fate.Sector)) {
				fresh++
			} else if !bytes.Equal(s, old[at:at+fate.Sector]) {
				t.Fatalf("seed %d, sector at %d: got neither what was flushed nor what was written since", seed, at)
			}
		}
		torn = torn || fresh > 0 && fresh < 16
		reordered = reordered || fresh == 0 && b[40<<10] == 'c'
		if !bytes.Equal(b[8192:9100], bytes.Repeat([]byte{'a'}, 908)) {
			t.Fatalf("seed %d: flushed octets are gone", seed)
		}
	}
	if !torn || !reordered || len(images) < 50 {
		t.Errorf("300 seeds: got torn %v, reordered %v, %d images; want both and at least 50", torn, reordered, len(images))
	}
}

func TestImagesOfAPositionAreEqualInAnyOrder(t *testing.T) {
	d := NewDisk(1<<20, 0)
	for i := range 200 {
		put(t, d, int64(i*3977%(1<<20-8192)), byte(i), 700+i*31)
		if i%7 == 6 {
			d.Flush()
		}
	}
	at := func(p int) []byte {
		image, err := d.Image(p, 5)
		if err != nil {
			t.Fatal(err)
		}
		return content(t, image, 0, 1<<20)
	}
	var first [][]byte
	for p := 0; p <= d.Position(); p += 9 {
		first = append(first, at(p))
	}
	for i := len(first) - 1; i >= 0; i-- {
		if !bytes.Equal(at(9*i), first[i]) {
			t.Errorf("position %d: got another image the second time", 9*i)
		}
	}
	d.Flush()
	if !bytes.Equal(at(d.Position()), content(t, d, 0, 1<<20)) {
		t.Error("behind a flush: got another content than the disk's")
	}
}

func TestImageIsADiskOfItsOwn(t *testing.T) {
	d := NewDisk(64<<10, 0)
	put(t, d, 0, 'a', 4096)
	d.Flush()
	image, err := d.Image(d.Position(), 1)
	if err != nil {
		t.Fatal(err)
	}
	put(t, image, 0, 'b', 4096)
	if got := content(t, d, 0, 1)[0]; got != 'a' || image.Position() != 1 {
		t.Errorf("got %q on the first disk and position %d on the second, want 'a' and 1", got, image.Position())
	}
}

func TestDiskCountsAndForgetsBeyondItsLimit(t *testing.T) {
	d := NewDisk(64<<10, 10_000)
	put(t, d, 0, 'a', 6000)
	d.Flush()
	if _, err := d.Image(1, 1); err != nil {
		t.Errorf("within the limit: got %v", err)
	}
	put(t, d, 0, 'a', 6000)
	if got, want := d.Counters(), (Counters{2, 12_000, 1}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if _, err := d.Image(1, 1); err == nil {
		t.Error("an image beyond the limit: got no error")
	}
	if _, err := d.WriteAt(make([]byte, 2), d.Size()-1); err == nil {
		t.Error("a write beyond the end: got no error")
	}
	if n, err := d.ReadAt(make([]byte, 2), d.Size()-1); n != 1 || err != io.EOF {
		t.Errorf("a read beyond the end: got %d, %v, want 1 and EOF", n, err)
	}
}

func TestFlushTakesItsTimeOneAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := NewDisk(64<<10, 0)
		d.SetFlushDelay(15 * time.Millisecond)
		begun := time.Now()
		done := make(chan struct{})
		for range 2 {
			go func() { d.Flush(); done <- struct{}{} }()
		}
		<-done
		<-done
		if got := time.Since(begun); got != 30*time.Millisecond {
			t.Errorf("two flushes: got %v, want 30 ms", got)
		}
	})
}
