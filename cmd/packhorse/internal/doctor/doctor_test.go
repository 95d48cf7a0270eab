//go:build linux

package doctor

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"periph.io/x/conn/v3/gpio"

	"packhorse/board"
	boardsim "packhorse/board/sim"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/cmd/packhorse/internal/radios"
	"packhorse/gateway/admin"
	"packhorse/radio/sim"
)

// ward is a computer to look at: its files, its lines, and a board with a simulated chip.
type ward struct {
	*Patient
	t     *testing.T
	root  string
	lines board.GPIOChip
	air   *sim.Air
	rig   *boardsim.Rig

	looked []string // names that were looked up
}

const hat = "region = \"EU868\"\nstate_dir = \"/nowhere/state\"\n[[radio]]\nname = \"lora0\"\nboard = \"waveshare-sx1262-spi\"\n"

// zero2 is the tree of a Raspberry Pi Zero 2 W in good health.
var zero2 = map[string]string{
	"proc/device-tree/model": "Raspberry Pi Zero 2 W Rev 1.0\x00", "proc/device-tree/compatible": "raspberrypi,model-zero-2-w\x00brcm,bcm2837\x00",
	"proc/sys/kernel/osrelease": "6.12.47+rpt-rpi-v8\n", "proc/meminfo": "MemTotal: 439012 kB\n", "boot/firmware/config.txt": "dtparam=spi=on\n",
	"boot/firmware/cmdline.txt": "console=tty1\n", "dev/spidev0.0": "", "sys/class/hwmon/hwmon1/name": "rpi_volt\n", "sys/class/hwmon/hwmon1/in0_lcrit_alarm": "0\n",
}

func newWard(t *testing.T, text string) *ward {
	t.Helper()
	w := &ward{t: t, root: t.TempDir(), lines: board.GPIOChip{Path: "/dev/gpiochip0", Label: "pinctrl-bcm2835", Lines: make([]board.GPIOLine, 54)}}
	for i := range w.lines.Lines {
		w.lines.Lines[i].Name = fmt.Sprintf("GPIO%d", i)
	}
	for path, content := range zero2 {
		w.put(path, content)
	}
	w.Patient = &Patient{
		Clock:    board.ClockNTP,
		Host:     board.Host{Root: w.root, Access: func(string) error { return nil }, Chips: func() ([]board.GPIOChip, error) { return []board.GPIOChip{w.lines}, nil }},
		Listen:   func(string, string) error { return nil },
		Free:     func(string) (uint64, error) { return 8e9, nil },
		Progress: func(string, ...any) {},
	}
	w.configure(text)
	return w
}

func (w *ward) put(path, content string) {
	path = filepath.Join(w.root, path)
	must(w.t, os.MkdirAll(filepath.Dir(path), 0o755))
	must(w.t, os.WriteFile(path, []byte(content), 0o644))
}

func (w *ward) configure(text string) {
	w.t.Helper()
	path := filepath.Join(w.t.TempDir(), "packhorse.toml")
	must(w.t, os.WriteFile(path, []byte(text), 0o644))
	w.Config, w.Mistake = config.Load(config.Options{Path: path, Getenv: func(string) string { return "" }})
	w.Board = func(r config.Radio) (*board.Profile, error) { return w.Config.Profile(r), nil }
}

// chip puts a chip on the board; swap changes the lines before the driver gets them.
func (w *ward) chip(o boardsim.SX126xOpts, swap func(*boardsim.SX126x, *board.Hardware)) {
	w.t.Helper()
	air, err := sim.New(sim.Config{Seed: 7, Stations: []sim.Station{{Modem: sim.Chip}}})
	must(w.t, err)
	w.air = air
	w.rig, err = boardsim.NewRig(air, "")
	must(w.t, err)
	o.ChipSelect = true
	c, err := w.rig.AddSX126x(0, o)
	must(w.t, err)
	w.Devices.Hardware = func(p *board.Profile) (*board.Hardware, error) {
		hw := &board.Hardware{Profile: p, SPI: c.Open(), Select: c.Select, Reset: c.Reset, IRQ: c.DIO1, Busy: c.Busy}
		if swap != nil {
			swap(c, hw)
		}
		return hw, nil
	}
}

// said examines, in virtual time, and gives all lines.
func (w *ward) said() (all string) {
	var found []board.Finding
	ctx, stop := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		if w.rig != nil {
			_ = w.rig.Run(ctx)
		}
		close(ended)
	}()
	found = w.Examine(w.t.Context())
	sent := 0
	if w.rig != nil && w.air.Airtime(0) > 0 {
		sent++
	}
	stop()
	<-ended
	if sent > 0 {
		w.t.Error("the doctor transmitted")
	}
	for _, f := range found {
		if f.Subject == "" || f.What == "" || (f.Fix == "") != (f.Level == board.OK) || strings.Contains(f.What, "\n") {
			w.t.Errorf("incomplete: %+v", f)
		}
		all += fmt.Sprintf("%s %s: %s", f.Level, f.Subject, f.What)
		if f.Fix != "" {
			all += " | " + f.Fix
		}
		all += "\n"
	}
	return all
}

var good = boardsim.SX126xOpts{DIO2Switch: true}

func TestAHealthyBoard(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, hat)
		w.chip(good, nil)
		got := w.said()
		for _, want := range []string{
			"ok gateway: does not run", "ok board: Raspberry Pi Zero 2 W Rev 1.0", "ok overlays: /boot/firmware/config.txt has dtparam=spi=on", "ok spi: /dev/spidev0.0 is there",
			"ok lora0 GPIO20 (busy): free", "ok region: EU868", "ok lora0 law: 869.525 MHz SF7 BW125 CR4/5, 17 dBm into 2.15 dBi, 19.15 dBm EIRP; EU868 869.4-869.65 MHz",
			"ok lora0 radio: an sx1262 answers, which calls itself SX1261", "interrupts on GPIO16", "ok clock: kept by ntp", "ok disk: 8000 MB", "ok store: none yet", "ok poweb: 127.0.0.1:13276 is free", "ok power: the supply",
		} {
			if !strings.Contains(got, want) {
				t.Errorf("%q is not in\n%s", want, got)
			}
		}
		if strings.Contains(got, "fail") || strings.Contains(got, "warn") {
			t.Errorf("got\n%s", got)
		}
	})
}

func TestEachFaultHasItsLineAndItsRemedy(t *testing.T) {
	for _, c := range []struct {
		name string
		make func(t *testing.T) *ward
		want string // what and fix
	}{
		{"SPI is off", func(t *testing.T) *ward {
			w := onBoard(t, good, nil)
			must(t, os.Remove(filepath.Join(w.root, "dev/spidev0.0")))
			w.put("boot/firmware/config.txt", "#dtparam=spi=on\n")
			return w
		}, "fail spi: there is no /dev/spidev0.0 | SPI is not enabled: add dtparam=spi=on to /boot/firmware/config.txt"},
		{"no permission", func(t *testing.T) *ward {
			w := onBoard(t, good, nil)
			w.Host.Access = func(string) error { return fs.ErrPermission }
			return w
		}, "usermod -aG spi"},
		{"a line held", func(t *testing.T) *ward {
			w := onBoard(t, good, nil)
			w.lines.Lines[18].Used, w.lines.Lines[18].Consumer = true, "meshtasticd@812"
			return w
		}, "fail lora0 GPIO18 (reset): held by meshtasticd@812 | stop it: sudo systemctl disable --now meshtasticd"},
		{"MISO low", func(t *testing.T) *ward {
			return onBoard(t, boardsim.SX126xOpts{DIO2Switch: true}, (*boardsim.SX126x).Break, boardsim.MISOLow)
		}, "fail lora0 radio: sx1262: the bus answers 00"},
		{"MISO high", func(t *testing.T) *ward {
			return onBoard(t, boardsim.SX126xOpts{DIO2Switch: true}, (*boardsim.SX126x).Break, boardsim.MISOHigh)
		}, "fail lora0 radio: sx1262: the bus answers FF"},
		{"BUSY stuck", func(t *testing.T) *ward {
			w := newWard(t, hat)
			w.chip(good, func(c *boardsim.SX126x, _ *board.Hardware) { c.StickBusy(true) })
			return w
		}, "fail lora0 radio: sx1262: BUSY (GPIO20) stays high | check the wires of BUSY and RESET"},
		{"a TCXO taken for a crystal", func(t *testing.T) *ward {
			return onBoard(t, boardsim.SX126xOpts{DIO2Switch: true, TCXOVolts: 1.8}, nil)
		},
			"fail lora0 radio: the board waveshare-sx1262-spi has a TCXO of 1.8 V on DIO3, and its file says something else | set tcxo_volts = 1.8 in"},
		{"a crystal taken for a TCXO", func(t *testing.T) *ward {
			w := newWard(t, strings.Replace(hat, "waveshare-sx1262-spi", "meshadv-pi", 1))
			w.chip(boardsim.SX126xOpts{TxEnable: true, RxEnable: true}, func(c *boardsim.SX126x, hw *board.Hardware) { hw.TxEnable, hw.RxEnable = c.TxEnable, c.RxEnable })
			return w
		}, "fail lora0 radio: the board meshadv-pi has a crystal, and its file says something else | take tcxo_volts out of"},
		{"no interrupts", func(t *testing.T) *ward {
			w := newWard(t, hat)
			w.chip(good, func(c *boardsim.SX126x, hw *board.Hardware) { hw.IRQ = c.DIO3 })
			return w
		}, "fail lora0 radio: the chip works, and its interrupts do not arrive on GPIO16 | check that wire"},
		{"another chip", func(t *testing.T) *ward {
			w := newWard(t, hat)
			w.Devices.Hardware = func(p *board.Profile) (*board.Hardware, error) {
				low := &fixed{}
				return &board.Hardware{Profile: p, SPI: boardsim.NewSX127x(0x12), Select: low, Reset: low, IRQ: low, Busy: low}, nil
			}
			return w
		}, "fail lora0 radio: sx1262: "},
		{"a silent modem", func(t *testing.T) *ward { return onPort(t, func(net.Conn) {}) }, "fail lora0 radio: rnode: no RNode answers"},
		{"old firmware", func(t *testing.T) *ward { return onPort(t, oldRNode) }, "1.51"},
		{"no port", func(t *testing.T) *ward {
			w := newWard(t, usb)
			w.Devices.Serial = func(string, int) (radios.Port, error) {
				return nil, errors.New("board: there is no port /dev/ttyUSB9: plug it in")
			}
			return w
		}, "fail lora0 radio: board: there is no port /dev/ttyUSB9"},
		{"no region", func(t *testing.T) *ward {
			w := newWard(t, strings.Replace(usb, "region = \"EU868\"\n", "", 1))
			w.Gateway = &admin.Status{}
			return w
		}, "fail region: none is set, so no radio transmits | packhorse up --region"},
		{"more power than the law allows", func(t *testing.T) *ward { return newWard(t, usb+"power_dbm = 30\n") }, "fail lora0 law: radio lora0: region EU868: 30 dBm into a 2.15 dBi antenna is too strong"},
		{"a mistake in the file", func(t *testing.T) *ward { return newWard(t, "regoin = 1\n") }, "packhorse.toml:1:1: unknown key \"regoin\" | did you mean region?"},
		{"PoWeb is taken", func(t *testing.T) *ward {
			w := newWard(t, hat)
			w.chip(good, nil)
			w.Listen = func(n, _ string) error { return errors.New(n + " in use") }
			return w
		}, "fail poweb: 127.0.0.1:13276 cannot be listened on: tcp in use | stop the program"},
		{"a full card", func(t *testing.T) *ward {
			w := onBoard(t, good, nil)
			w.Free = func(string) (uint64, error) { return 50e6, nil }
			return w
		}, "fail disk: 50 MB free"},
		{"1970", func(t *testing.T) *ward {
			w := onBoard(t, good, nil)
			w.Clock = board.ClockNone
			return w
		}, "warn clock: it was never set"},
		{"a weak supply", func(t *testing.T) *ward {
			w := onBoard(t, good, nil)
			w.put("sys/class/hwmon/hwmon1/in0_lcrit_alarm", "1\n")
			return w
		}, "warn power: the supply sagged"},
		{"no watchdog", func(t *testing.T) *ward { return newWard(t, "watchdog = \"/dev/watchdog0\"\n") }, "fail watchdog: there is no /dev/watchdog0 | enable it"},
		{"no radio", func(t *testing.T) *ward { return newWard(t, "name = \"x\"\n") }, "warn radio: none is configured; serial ports: none | add a [[radio]] section"},
		{"a board that is not found", func(t *testing.T) *ward {
			w := newWard(t, strings.Replace(hat, "waveshare-sx1262-spi", "auto", 1))
			w.Board = func(config.Radio) (*board.Profile, error) { return nil, errors.New("no board was found") }
			return w
		}, "fail lora0 board: no board was found"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if got := c.make(t).said(); !strings.Contains(got, c.want) {
					t.Errorf("%q is not in\n%s", c.want, got)
				}
			})
		})
	}
}

func TestWhileTheGatewayRunsItIsAskedAndNothingIsOpened(t *testing.T) {
	w := newWard(t, hat)
	w.Gateway = &admin.Status{Head: admin.Head{Clock: "gps"}, Name: "ridge-1", Version: "v1", Problems: []admin.Problem{{Level: "warn", What: "battery low", Fix: "charge it"}},
		Radios: []admin.RadioInfo{{Name: "lora0", OK: true, Modulation: "SF7", FramesIn: 3, FramesOut: 4}}}
	w.Store = &admin.StoreInfo{Values: 5, LiveBytes: 6000}
	w.lines.Lines[20].Used, w.lines.Lines[20].Consumer = true, "packhorse@77"
	got := w.said() // Devices would end it
	for _, want := range []string{"ok gateway: ridge-1 runs, version v1", "warn gateway: battery low | charge it", "ok lora0: works: SF7, 3 frames heard, 4 sent", "ok lora0 GPIO20 (busy): in use by the gateway",
		"ok clock: the gateway trusts it as gps", "ok store: 5 values, 6 kB live", "ok poweb: the gateway has"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	w.Gateway.Clock = "neighbour"
	if want, got := "warn clock: the gateway does not trust it", w.said(); !strings.Contains(got, want) {
		t.Errorf("%q is not in\n%s", want, got)
	}
	w.Gateway.Radios[0].OK = false
	w.Gateway.Problems = []admin.Problem{{Level: "fail", What: "radio lora0: gone", Fix: "plug it in"}}
	w.Store.Damaged = 1
	for _, want := range []string{"fail lora0: does not work: radio lora0: gone | plug it in", "fail store: 1 damaged"} {
		if got := w.said(); !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	w.Gateway.Radios = nil
	if got := w.said(); !strings.Contains(got, "warn lora0: the gateway does not know it") {
		t.Errorf("got\n%s", got)
	}
	w.Gateway, w.Store, w.Absent = nil, nil, errors.New("permission denied")
	if got := w.said(); !strings.Contains(got, "warn gateway: it cannot be asked: permission denied") || !strings.Contains(got, "warn lora0: a gateway may have it") {
		t.Errorf("got\n%s", got)
	}
}

func TestAModemOnUSBNeedsNoLineOfConfigTxt(t *testing.T) {
	w := newWard(t, usb+"power_dbm = 30\n")
	w.put("boot/firmware/config.txt", "\n")
	if got := w.said(); strings.Contains(got, "overlays") || !strings.Contains(got, "ok board: Raspberry Pi Zero 2 W") {
		t.Errorf("got\n%s", got)
	}
}

// onBoard is a board whose chip may have a fault from the start.
func onBoard(t *testing.T, o boardsim.SX126xOpts, harm func(*boardsim.SX126x, boardsim.Fault), fault ...boardsim.Fault) *ward {
	t.Helper()
	w := newWard(t, hat)
	w.chip(o, func(c *boardsim.SX126x, _ *board.Hardware) {
		for _, f := range fault {
			harm(c, f)
		}
	})
	return w
}

const usb = "region = \"EU868\"\n[[radio]]\nname = \"lora0\"\nport = \"/dev/ttyUSB0\"\n"

type line struct{ net.Conn }

func (line) SetBaud(int) error { return nil }

// onPort has something behind a serial port that reads everything.
func onPort(t *testing.T, behind func(net.Conn)) *ward {
	t.Helper()
	w := newWard(t, usb)
	w.Devices.Serial = func(string, int) (radios.Port, error) {
		host, modem := net.Pipe()
		go func() {
			behind(modem)
			_, _ = io.Copy(io.Discard, modem)
		}()
		return line{host}, nil
	}
	return w
}

// oldRNode answers the first question, as firmware 1.51 on an ESP32.
func oldRNode(c net.Conn) {
	_, _ = c.Read(make([]byte, 512))
	go func() {
		_, _ = c.Write([]byte("\xC0\x08\x46\xC0\xC0\x50\x01\x33\xC0\xC0\x48\x80\xC0\xC0\x49\x81\xC0"))
	}()
}

// fixed is a line on which nothing moves.
type fixed struct{ gpio.PinIO }

func (*fixed) Name() string                  { return "GPIO1" }
func (*fixed) String() string                { return "GPIO1" }
func (*fixed) Out(gpio.Level) error          { return nil }
func (*fixed) In(gpio.Pull, gpio.Edge) error { return nil }
func (*fixed) Read() gpio.Level              { return gpio.Low }
func (*fixed) Halt() error                   { return nil }

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestAModuleThatCannotBeAskedIsAWarning(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWard(t, "region = \"EU868\"\nstate_dir = \"/nowhere/state\"\n[[radio]]\nname = \"lora0\"\nkind = \"ebyte\"\nmodule = \"e22-900t22\"\nport = \"p\"\nfrequency_hz = 866125000\npower_dbm = 13\n")
		w.Gateway = &admin.Status{Radios: []admin.RadioInfo{{Name: "lora0", OK: true}}}
		if all := w.said(); !strings.Contains(all, "warn lora0 settings: the module has no wired mode pins") || !strings.Contains(all, "| wire M0 and M1") {
			t.Errorf("got\n%s", all)
		}
	})
}
