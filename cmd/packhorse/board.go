package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"
	"periph.io/x/conn/v3/spi"

	"packhorse/board"
	"packhorse/gateway/admin"
)

func (a *app) boardCommand() *cobra.Command {
	return group("board", "the computer and what is plugged into it", a.boardProbe(board.OpenSPI), a.boardSerial())
}

// boardProbe takes how a bus is opened, so that a simulated chip can stand behind it.
func (a *app) boardProbe(open func(name string) (spi.PortCloser, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "probe [SPI]",
		Short: "read the version of an SX127x radio on an SPI bus, and name the wiring fault",
		Long: `Reads one register of the chip on an SPI bus, such as /dev/spidev0.1 or SPI0.1 (default: the first bus).
It only reads: nothing is transmitted.`,
		Args: between(0, 1, "the name of an SPI bus, or nothing"),
		RunE: func(_ *cobra.Command, args []string) error {
			name := ""
			if len(args) == 1 {
				name = args[0]
			}
			port, err := open(name)
			if errors.Is(err, board.ErrNoSPI) {
				return &admin.Error{Code: admin.CodeFailed, Message: "this computer offers no SPI bus", Exit: admin.CodeFailed.Exit(),
					Fix: "enable it (Raspberry Pi: dtparam=spi=on in config.txt, then restart) and add this user to the group spi"}
			}
			if err != nil {
				return err
			}
			defer port.Close()
			chip, err := board.Probe(port)
			return a.showProbe(port.String(), chip, err)
		},
	}
}

type probed struct {
	admin.Head
	Bus     string `json:"bus"`
	OK      bool   `json:"ok"`
	Chip    string `json:"chip,omitempty"`
	Version string `json:"version"`
	Fix     string `json:"fix,omitempty"`
}

// showProbe prints the chip, or the wiring fault, which is a problem found.
func (a *app) showProbe(bus string, chip board.Chip, err error) error {
	var wiring *board.WiringError
	v := probed{Head: a.head("packhorse.board_probe/1"), Bus: bus, OK: err == nil, Chip: chip.Name, Version: fmt.Sprintf("%02x", chip.Version)}
	switch {
	case errors.As(err, &wiring):
		v.Version, v.Fix = fmt.Sprintf("%02x", wiring.Version), wiring.Fix
	case err != nil:
		return err
	}
	err = a.answer(v, func() {
		if v.OK {
			a.say("ok    %s: %s, version %s", v.Bus, v.Chip, v.Version)
			return
		}
		a.say("fail  %s: no radio chip answers, the version register reads %s", v.Bus, v.Version)
		a.say("      fix: %s", v.Fix)
	})
	if err == nil && !v.OK {
		err = problem{1}
	}
	return err
}

func (a *app) boardSerial() *cobra.Command {
	return &cobra.Command{
		Use:   "serial",
		Short: "list the serial ports that are plugged in, by the name to configure",
		Args:  none,
		RunE: func(*cobra.Command, []string) error {
			type line struct {
				Path   string `json:"path"`
				Device string `json:"device"`
			}
			list := []line{}
			for _, p := range board.ListSerial("/dev") {
				list = append(list, line{p.Path, p.Device})
			}
			v := struct {
				admin.Head
				Ports []line `json:"ports"`
			}{a.head("packhorse.board_serial/1"), list}
			return a.answer(v, func() {
				for _, p := range list {
					a.say("%s  %s", p.Path, p.Device)
				}
				if len(list) == 0 {
					a.hint("No serial device is plugged in.")
				}
			})
		},
	}
}
