package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"periph.io/x/conn/v3/spi"

	"packhorse/board"
	"packhorse/gateway/admin"
)

func (a *app) boardCommand() *cobra.Command {
	var host board.Host
	c := group("board", "the computer, its radio board and what is plugged into it",
		a.boardList(), a.boardProbe(board.OpenSPI, board.OpenHardware), a.boardSerial(host))
	c.Long = `Shows which computer this is, the HAT that is plugged in as its EEPROM names it, and the buses and GPIO chips that a radio board can use.
Nothing is opened but for reading, and nothing is transmitted.`
	c.RunE = func(*cobra.Command, []string) error { return a.showBoard(host) }
	return c
}

// boardProbe takes how a bus and a board are opened, so that simulated chips can stand behind them.
func (a *app) boardProbe(openSPI func(name string) (spi.PortCloser, error), open func(*board.Profile) (*board.Hardware, error)) *cobra.Command {
	return &cobra.Command{
		Use:   "probe [BOARD | SPI]",
		Short: "find the radio board by reading its chip, and name the wiring fault",
		Long: `Looks for every radio board that is known (packhorse board list), for one of them, or for an SX127x on an SPI bus such as /dev/spidev0.1.
Version registers are read, one chip select at a time; where no chip answers, boards are switched on and chips reset, and it is tried
again. Nothing is transmitted. Boards on a UART are not looked for: asked in the wrong mode they would transmit. Stop the
gateway and other programs that use the radio first.`,
		Args: between(0, 1, "the name of a board or of an SPI bus, or nothing"),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 1 && isBus(args[0]) {
				return a.probeBus(openSPI, args[0])
			}
			return a.scan(args, open)
		},
	}
}

// isBus tells a bus from a board: boards' names are in lower case and name no path.
func isBus(name string) bool { return strings.HasPrefix(name, "/") || strings.HasPrefix(name, "SPI") }

func (a *app) probeBus(open func(name string) (spi.PortCloser, error), name string) error {
	port, err := open(name)
	if errors.Is(err, board.ErrNoSPI) {
		return &admin.Error{Code: admin.CodeFailed, Message: "this computer offers no SPI bus", Exit: admin.CodeFailed.Exit(),
			Fix: "enable it (Raspberry Pi: dtparam=spi=on in config.txt, then restart) and add this user to the group spi"}
	}
	if err != nil {
		return err
	}
	defer port.Close()
	unlock, err := board.LockSPI(name)
	if err != nil {
		return err
	}
	defer unlock()
	chip, err := board.Probe(port)
	return a.showProbe(port.String(), chip, err)
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

func (a *app) boardSerial(host board.Host) *cobra.Command {
	return &cobra.Command{
		Use:   "serial",
		Short: "list the serial ports, by the name to configure, and what is likely behind them",
		Long: `Lists the serial ports that are plugged in and the UARTs of a Raspberry Pi. What is behind a USB port is a guess by its bridge chip, as
radio.kind of the configuration: several radios use the same chips. No port is opened.`,
		Args: none,
		RunE: func(*cobra.Command, []string) error { return a.showSerial(host.SerialPorts()) },
	}
}

type serialLine struct {
	Path   string   `json:"path"`
	Device string   `json:"device"`
	USB    string   `json:"usb,omitempty"`
	Name   string   `json:"name,omitempty"`
	Likely []string `json:"likely"`
	HeldBy string   `json:"held_by,omitempty"`
	Fix    string   `json:"fix,omitempty"`
}

func (a *app) showSerial(ports []board.SerialPort) error {
	list := []serialLine{}
	for _, p := range ports {
		list = append(list, serialLine{p.Path, p.Device, p.USB, p.Name, append([]string{}, p.Likely...), p.HeldBy, p.Fix})
	}
	v := struct {
		admin.Head
		Ports []serialLine `json:"ports"`
	}{a.head("packhorse.board_serial/1"), list}
	return a.answer(v, func() {
		for _, p := range list {
			a.say("%s  %s", clean(p.Path), p.text())
			if p.Fix != "" {
				a.hint("%s is held by the %s; fix: %s", p.Path, p.HeldBy, p.Fix)
			}
		}
		if len(list) == 0 {
			a.hint("No serial device is plugged in.")
		}
	})
}

// text is what is known of a port besides its path.
func (p serialLine) text() string {
	s := clean(p.Device)
	for _, more := range []string{p.USB, clean(p.Name)} {
		if more != "" {
			s += "  " + more
		}
	}
	if len(p.Likely) > 0 {
		s += "  likely " + strings.Join(p.Likely, ", ")
	}
	if p.HeldBy != "" {
		s += "  held by " + p.HeldBy
	}
	return s
}
