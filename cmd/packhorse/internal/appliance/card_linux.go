package appliance

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"packhorse/board/card"
	"packhorse/board/update"
	"packhorse/cmd/packhorse/internal/appliance/plan"
)

// theCard is the card that was found.
type theCard struct {
	disk   string // such as /dev/mmcblk0
	table  card.Table
	size   int64
	others bool // another disk looks like it too
}

func (c theCard) part(n int) string { return update.Partition(c.disk, n) }

// Waiting for a card: disks behind USB take seconds to appear.
const (
	cardLimit = 30 * time.Second
	cardEvery = 50 * time.Millisecond
)

// errNoCard is for the console.
var errNoCard = errors.New("no card of Packhorse's was found: put it in, or flash it anew, and switch on again")

// errNoBoot is why nobody can tell which system is on trial.
var errNoBoot = errors.New("the boot partition cannot be used")

// startsAgain tells whether a start in vain is worth another: a contact may have come loose, and a system on trial that does
// not even see its card ends that way.
func startsAgain(err error) bool { return errors.Is(err, errNoCard) || errors.Is(err, errNoBoot) }

// findCard looks at all disks until one is the card and its partitions are there. slow is called once when it takes long.
func findCard(ctx context.Context, slow func()) (theCard, error) {
	ctx, stop := context.WithTimeout(ctx, cardLimit)
	defer stop()
	hint := time.AfterFunc(3*time.Second, slow)
	defer hint.Stop()
	for {
		if d, t, others, ok := plan.FindCard(disks()); ok {
			c := theCard{"/dev/" + d.Name, t, d.Size, others}
			if _, err := os.Stat(c.part(card.Data)); err == nil {
				return c, nil
			}
		}
		select {
		case <-ctx.Done():
			return theCard{}, errNoCard
		case <-time.After(cardEvery):
		}
	}
}

// disks reads the first sector of every disk, in the order of their names.
func disks() []plan.Disk {
	all, err := filepath.Glob("/sys/class/block/*")
	if err != nil {
		return nil
	}
	slices.Sort(all)
	var out []plan.Disk
	for _, dir := range all {
		name := filepath.Base(dir)
		if _, err := os.Stat(dir + "/partition"); err == nil || strings.HasPrefix(name, "loop") || strings.HasPrefix(name, "ram") {
			continue
		}
		if d, err := readDisk(name); err == nil {
			out = append(out, d)
		}
	}
	return out
}

func readDisk(name string) (plan.Disk, error) {
	d := plan.Disk{Name: name, Sector: make([]byte, card.SectorSize)}
	f, err := os.Open("/dev/" + name)
	if err != nil {
		return d, err
	}
	defer f.Close()
	if _, err = io.ReadFull(f, d.Sector); err != nil {
		return d, err
	}
	d.Size, err = f.Seek(0, io.SeekEnd)
	return d, err
}

// growPartition makes the data partition reach the end of the card, in the table and in the kernel. The table is one
// sector, which a card writes whole or not at all.
func (c *theCard) growPartition() error {
	t, ok := plan.Grow(c.table, c.size)
	if !ok {
		return nil
	}
	f, err := os.OpenFile(c.disk, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	sector := make([]byte, card.SectorSize)
	if _, err := f.ReadAt(sector, 0); err != nil {
		return err
	}
	if err := t.Put(sector); err != nil {
		return err
	}
	if _, err := f.WriteAt(sector, 0); err != nil {
		return err
	}
	if err := f.Sync(); err != nil {
		return err
	}
	c.table = t
	return resizePartition(f, card.Data, t.Partitions[card.Data-1])
}

// room is the size to which the file system of the data partition may grow, in its blocks; 0: it fills the partition.
func (c theCard) room() (int64, error) {
	f, err := os.Open(c.part(card.Data))
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, plan.SuperblockSize)
	if _, err := f.ReadAt(b, plan.SuperblockAt); err != nil {
		return 0, err
	}
	e, err := plan.ParseExt4(b)
	if err != nil {
		return 0, err
	}
	size, err := f.Seek(0, io.SeekEnd)
	return e.Room(size), err
}

// growData makes the mounted file system fill its partition, while it is in use.
func (c theCard) growData() error {
	blocks, err := c.room()
	if err != nil || blocks == 0 {
		return err
	}
	dir, err := os.Open(card.DataDir)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := resizeExt4(dir, blocks); err != nil {
		return fmt.Errorf("grow the data partition's file system to %d blocks: %w", blocks, err)
	}
	return nil
}

// slotReleases reads what the two slots say of themselves, for firmware that does not tell which one it booted.
func (c theCard) slotReleases(read func(path string) (card.Release, error)) map[int]card.Release {
	out := map[int]card.Release{}
	for _, n := range []int{card.SlotA, card.SlotB} {
		dir := "/run/slot" + strconv.Itoa(n)
		if (mount{c.part(n), dir, "vfat", plain | unix.MS_RDONLY, ""}).do() != nil {
			continue
		}
		if r, err := read(filepath.Join(dir, card.ReleaseFile)); err == nil {
			out[n] = r
		}
		_ = unix.Unmount(dir, 0)
	}
	return out
}
