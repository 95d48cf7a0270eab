//go:build linux

package radios

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"periph.io/x/conn/v3/gpio"

	"packhorse/board"
	boardsim "packhorse/board/sim"
	"packhorse/cmd/packhorse/internal/config"
	"packhorse/radio"
	"packhorse/radio/sim"
)

// seat is a radio that is simulated: the text that configures it, and what it is.
type seat struct {
	text  string
	modem sim.Modem
	add   func(r *boardsim.Rig, station int) (Host, func() int, error)
	dBm   int // that a chip must have sent with; 0: it is no chip
}

// lineOf is the computer of a modem on a serial port.
func lineOf(add func(*boardsim.Rig, int) error) func(*boardsim.Rig, int) (Host, func() int, error) {
	return func(r *boardsim.Rig, station int) (Host, func() int, error) {
		return Host{
			Serial: func(string, int) (Port, error) { return r.Dial(station).(Port), nil },
			Dial:   func(context.Context, string) (io.ReadWriteCloser, error) { return r.Dial(station), nil },
			Hardware: func(p *board.Profile) (*board.Hardware, error) {
				m0, m1, aux := r.EbytePins(station)
				hw := &board.Hardware{Profile: p, M0: m0, M1: m1}
				if p.UART.AUX != "" {
					hw.AUX = aux
				}
				return hw, nil
			},
		}, nil, add(r, station)
	}
}

// sx126xOf is the computer of a board with an SX126x, wired as the profile says.
func sx126xOf(o boardsim.SX126xOpts) func(*boardsim.Rig, int) (Host, func() int, error) {
	return func(r *boardsim.Rig, station int) (Host, func() int, error) {
		c, err := r.AddSX126x(station, o)
		if err != nil {
			return Host{}, nil, err
		}
		return Host{Hardware: func(p *board.Profile) (*board.Hardware, error) {
			hw := &board.Hardware{Profile: p, SPI: c.Open(), Reset: c.Reset, IRQ: c.DIO1, Busy: c.Busy}
			for _, l := range []struct {
				ref board.PinRef
				pin *boardsim.Pin
				to  *gpio.PinIO
			}{{p.Pins.Select, c.Select, &hw.Select}, {p.Pins.TxEnable, c.TxEnable, &hw.TxEnable}, {p.Pins.RxEnable, c.RxEnable, &hw.RxEnable}} {
				if l.ref != "" {
					*l.to = l.pin
				}
			}
			return hw, nil
		}}, c.SentDBm, nil
	}
}

func sx127xOf(o boardsim.SX127xOpts) func(*boardsim.Rig, int) (Host, func() int, error) {
	return func(r *boardsim.Rig, station int) (Host, func() int, error) {
		c, err := r.AddSX127x(station, o)
		if err != nil {
			return Host{}, nil, err
		}
		return Host{Hardware: func(p *board.Profile) (*board.Hardware, error) {
			hw := &board.Hardware{Profile: p, SPI: c.Open(), IRQ: c.DIO0}
			if p.Pins.Reset != "" {
				hw.Reset = c.Reset
			}
			return hw, nil
		}}, c.SentDBm, nil
	}
}

// plan reads a configuration and plans its only radio.
func plan(t *testing.T, text string) (Plan, error) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "packhorse.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	must(t, os.Mkdir(filepath.Join(filepath.Dir(path), "boards.d"), 0o700))
	for name, text := range own {
		must(t, os.WriteFile(filepath.Join(filepath.Dir(path), "boards.d", name), []byte(text), 0o600))
	}
	l, err := config.Load(config.Options{Path: path, Getenv: func(string) string { return "" }})
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return New(l.Region, l.Radio[0], l.Profile(l.Radio[0]))
}

// own are boards that a person described.
var own = map[string]string{
	"e32.toml":    "name = \"my-e32\"\ntitle = \"mine\"\nsource = \"mine\"\n[radio]\nkind = \"ebyte\"\nchip = \"e32\"\nmax_chip_dbm = 20\n[uart]\ndevice = \"/dev/serial0\"\nm0 = \"GPIO22\"\nm1 = \"GPIO27\"\naux = \"GPIO24\"\n",
	"llcc68.toml": onSPI("my-llcc68", "kind = \"sx126x\"\nchip = \"llcc68\"\n", "reset = \"GPIO18\"\nbusy = \"GPIO20\"\n"),
	"sx1272.toml": onSPI("my-sx1272", "kind = \"sx127x\"\nchip = \"sx1272\"\noutput = \"rfo\"\n", ""),
}

func onSPI(name, radio, pins string) string {
	return "name = \"" + name + "\"\ntitle = \"mine\"\nsource = \"mine\"\n[radio]\n" + radio + "max_chip_dbm = 14\n[spi]\ndevice = \"/dev/spidev0.0\"\nclock_hz = 2000000\n[pins]\nirq = \"GPIO25\"\n" + pins
}

const eu = "region = \"EU868\"\n[[radio]]\nname = \"r\"\n"

var (
	onRNode      = seat{text: eu + "port = \"p\"\n", modem: sim.RNode, add: lineOf((*boardsim.Rig).AddRNode)}
	onMeshAdv    = seat{text: eu + "board = \"meshadv-pi\"\n", modem: sim.Chip, add: sx126xOf(boardsim.SX126xOpts{TCXOVolts: 1.8, ChipSelect: true, TxEnable: true, RxEnable: true}), dBm: 9}
	onWaveshare  = seat{text: eu + "board = \"waveshare-sx1262-spi\"\n", modem: sim.Chip, add: sx126xOf(boardsim.SX126xOpts{DIO2Switch: true, ChipSelect: true}), dBm: 17}
	onRAK        = seat{text: eu + "board = \"rak6421-13300-slot1\"\nrnode_compatible = false\npower_dbm = 10\n", modem: sim.Chip, add: sx126xOf(boardsim.SX126xOpts{TCXOVolts: 1.8, DIO2Switch: true}), dBm: 10}
	onAdafruit   = seat{text: eu + "board = \"adafruit-rfm9x-bonnet\"\nkind = \"sx127x\"\n", modem: sim.Chip, add: sx127xOf(boardsim.SX127xOpts{}), dBm: 17}
	onUputronics = seat{text: eu + "board = \"uputronics-ce1\"\nrnode_compatible = false\npower_dbm = 20\n", modem: sim.Chip, add: sx127xOf(boardsim.SX127xOpts{}), dBm: 20}
	onKISS       = seat{text: "region = \"EU433\"\n[[radio]]\nname = \"r\"\nkind = \"kiss\"\nport = \"tcp://h\"\nlicence_free = true\nfrequency_hz = 433500000\nbandwidth_hz = 12500\nbit_rate = 1200\npower_dbm = 10\n",
		modem: sim.Bare, add: lineOf(func(r *boardsim.Rig, i int) error {
			return r.AddKISS(i, boardsim.TNC{FrequencyHz: 433_500_000, BandwidthHz: 12_500, BitRate: 1200})
		})}
	onSiK = seat{text: eu + "kind = \"sik\"\nport = \"p\"\n", modem: sim.Bare, add: lineOf(func(r *boardsim.Rig, i int) error { return r.AddSiK(i, boardsim.SiK{Board: 868}) })}
	onE22 = seat{text: eu + "board = \"generic-e22\"\nfrequency_hz = 866125000\npower_dbm = 13\n", modem: sim.Bare, add: lineOf(func(r *boardsim.Rig, i int) error { return r.AddE22(i, boardsim.E22{}) })}
	onE32 = seat{text: eu + "board = \"my-e32\"\nfrequency_hz = 866000000\nbit_rate = 9600\n", modem: sim.Bare, add: lineOf(func(r *boardsim.Rig, i int) error { return r.AddE32(i, boardsim.E32{}) })}
	// Nothing but a serial line leads to this one: it is set to 9.6k, channel 16, 13 dBm and LBT already.
	onStick = seat{text: eu + "kind = \"ebyte\"\nmodule = \"e22-900t22\"\nport = \"p\"\nfrequency_hz = 866125000\npower_dbm = 13\n", modem: sim.Bare, add: lineOf(func(r *boardsim.Rig, i int) error {
		return r.AddE22(i, boardsim.E22{Registers: [9]byte{3: 0x64, 4: 0x02, 5: 16, 6: 0x93}})
	})}
	onMeshtastic = seat{text: "region = \"US915\"\n[[radio]]\nname = \"r\"\nkind = \"meshtastic\"\nport = \"p\"\npreset = \"ShortTurbo\"\nfrequency_hz = 926750000\n", modem: sim.Bare,
		add: lineOf(func(r *boardsim.Rig, i int) error {
			return r.AddMeshtastic(i, boardsim.Meshtastic{Region: 1, Preset: 8})
		})}
)

func TestEveryKindFromItsTextToTheAir(t *testing.T) {
	for _, c := range []struct {
		name string
		a, b seat
	}{
		{"rnode", onRNode, onRNode}, {"an sx1262 behind an amplifier and an RNode", onMeshAdv, onRNode}, {"an sx1276 and an sx1262", onAdafruit, onWaveshare},
		{"without the octet of RNodes", onRAK, onUputronics}, {"kiss", onKISS, onKISS}, {"sik", onSiK, onSiK}, {"e22", onE22, onE22}, {"an e22 on a stick", onStick, onE22}, {"e32", onE32, onE32}, {"meshtastic", onMeshtastic, onMeshtastic},
	} {
		t.Run(c.name, func(t *testing.T) { exchange(t, c.a, c.b) })
	}
}

// exchange sends a frame each way.
func exchange(t *testing.T, seats ...seat) {
	synctest.Test(t, func(t *testing.T) {
		cfg := sim.Config{Seed: 7}
		for _, s := range seats {
			cfg.Stations = append(cfg.Stations, sim.Station{Modem: s.modem})
		}
		air, err := sim.New(cfg)
		must(t, err)
		rig, err := boardsim.NewRig(air, "")
		must(t, err)
		var plans []Plan
		var hosts []Host
		var sent []func() int
		for i, s := range seats {
			p, err := plan(t, s.text)
			must(t, err)
			h, dBm, err := s.add(rig, i)
			must(t, err)
			plans, hosts, sent = append(plans, p), append(hosts, h), append(sent, dBm)
		}
		ctx, stop := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() { _ = rig.Run(ctx); close(ended) }()
		defer func() { stop(); <-ended }()
		a, b := ready(t, plans[0], hosts[0]), ready(t, plans[1], hosts[1])
		time.Sleep(5 * time.Second) // SiK radios need some to find each other
		pass(t, a, b)
		pass(t, b, a)
		for i, s := range seats {
			if sent[i] != nil && sent[i]() != s.dBm {
				t.Errorf("station %d: got %d dBm at the chip, want %d", i, sent[i](), s.dBm)
			}
		}
		must(t, a.Close())
		must(t, b.Close())
	})
}

func ready(t *testing.T, p Plan, h Host) radio.Radio {
	t.Helper()
	r, err := p.Open(t.Context(), h)
	must(t, err)
	must(t, r.Configure(t.Context(), p.Modulation, p.PowerDBm))
	return r
}

// pass sends one frame, of the longest that both take.
func pass(t *testing.T, from, to radio.Radio) {
	t.Helper()
	n := min(from.Capabilities().MaxFrame, to.Capabilities().MaxFrame)
	frame := bytes.Repeat([]byte("packhorse"), n)[:n]
	must(t, from.Transmit(t.Context(), frame))
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	p, err := to.Receive(ctx)
	must(t, err)
	if !bytes.Equal(p.Data, frame) {
		t.Errorf("got %d octets, want %d", len(p.Data), len(frame))
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
