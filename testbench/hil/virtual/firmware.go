//go:build linux

package virtual

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"packhorse/board/card"
)

// bootFiles are what a slot needs to be booted.
var bootFiles = []string{card.FirmwareFile, card.CmdlineFile, card.KernelFile, card.InitramfsFile}

// boot is what the firmware has loaded.
type boot struct {
	slot           int
	kernel, initrd string // files
	cmdline        string
}

// choose is the firmware's choice of a slot by autoboot.txt. tryboot is the flag that a restart has set.
func choose(autoboot []byte, tryboot bool) (slot int, err error) {
	a, err := card.ParseAutoboot(autoboot)
	if tryboot {
		return a.Trial, err
	}
	return a.Default, err
}

// commandLine is the kernel's: that of the slot, with the names of a Raspberry Pi's devices as they are here. As the
// firmware does, it makes one line of it.
func commandLine(text []byte, slot int) string {
	line := strings.Join(strings.Fields(string(text)), " ")
	line = strings.ReplaceAll(line, "console=serial0", "console=ttyAMA0")
	return fmt.Sprintf("%s %s=%d", line, card.CmdPartition, slot)
}

// load plays the firmware of a Raspberry Pi at power-on: it finds the slot on the card and copies what it boots into dir.
func load(ctx context.Context, disk, dir string, tryboot bool) (boot, error) {
	table, err := readTable(disk)
	if err != nil {
		return boot{}, err
	}
	autoboot, err := fat{disk, table.Partitions[card.Boot-1].Start}.read(ctx, card.AutobootFile)
	if err != nil {
		return boot{}, fmt.Errorf("firmware: no %s on partition %d: %w", card.AutobootFile, card.Boot, err)
	}
	slot, err := choose(autoboot, tryboot)
	if err != nil {
		return boot{}, err
	}
	if err := (fat{disk, table.Partitions[slot-1].Start}).copyOut(ctx, dir, bootFiles...); err != nil {
		return boot{}, fmt.Errorf("firmware: partition %d does not boot: %w", slot, err)
	}
	text, err := os.ReadFile(filepath.Join(dir, card.CmdlineFile))
	return boot{slot, filepath.Join(dir, card.KernelFile), filepath.Join(dir, card.InitramfsFile), commandLine(text, slot)}, err
}

func readTable(disk string) (card.Table, error) {
	f, err := os.Open(disk)
	if err != nil {
		return card.Table{}, err
	}
	defer f.Close()
	sector := make([]byte, card.SectorSize)
	if _, err := f.ReadAt(sector, 0); err != nil {
		return card.Table{}, err
	}
	return card.ParseTable(sector)
}
