package config

import (
	"errors"
	"strings"
	"testing"
)

func TestARadioSaysWhereItIsAndWhatItIs(t *testing.T) {
	const r = "[[radio]]\nname = \"r\"\n"
	const kiss = r + "kind = \"kiss\"\nport = \"tcp://h\"\nfrequency_hz = 433500000\nbandwidth_hz = 12500\nbit_rate = 1200\npower_dbm = 10\n"
	for _, c := range []struct {
		name, text string
		want       []string // in message and fix; the line of the mistake first
	}{
		{"nowhere", r, []string{":2", "neither a port nor a board", "/dev/ttyUSB0"}},
		{"in two places", r + "port = \"p\"\nboard = \"meshadv-pi\"\n", []string{":3", "has a board, which says where it is"}},
		{"no such board", r + "board = \"meshadv\"\n", []string{":3", `no board profile is called "meshadv"`, "packhorse board list"}},
		{"a chip without a board", r + "kind = \"sx126x\"\n", []string{":2", "needs to know its board", `board = "auto"`}},
		{"a board of another kind", r + "board = \"meshadv-pi\"\nkind = \"sx127x\"\n", []string{":4", "meshadv-pi has an sx1262, of kind sx126x"}},
		{"a key of another kind", r + "port = \"p\"\npreset = \"LongFast\"\n", []string{":4", "of kind rnode has no such key", "meshtastic"}},
		{"a modem's key on a board", r + "board = \"meshadv-pi\"\nbit_rate = 64000\n", []string{":4", "of kind sx126x has no such key"}},
		{"a module on a board", r + "board = \"waveshare-e22-uart\"\nmodule = \"e22-900t22\"\nfrequency_hz = 866125000\n", []string{":4", "says which module"}},
		{"an unknown module", r + "kind = \"ebyte\"\nport = \"p\"\nmodule = \"e90\"\nfrequency_hz = 866125000\n", []string{":5", "e22-900t30"}},
		{"no module", r + "kind = \"ebyte\"\nport = \"p\"\nfrequency_hz = 866125000\n", []string{"module:", "e32-433t20"}},
		{"no frequency", r + "kind = \"ebyte\"\nport = \"p\"\nmodule = \"e22-900t22\"\n", []string{"frequency_hz:", "850125000"}},
		{"TCP for a radio on USB", r + "port = \"tcp://h\"\n", []string{":3", "over TCP"}},
		{"amateur radio", kiss, []string{"licence_free:", "encrypted", "licence_free = true"}},
		{"a TNC of unknown rate", strings.Replace(kiss, "bit_rate = 1200\n", "", 1), []string{"bit_rate:", "1200"}},
		{"a TNC of unknown power", strings.Replace(kiss, "power_dbm = 10\n", "", 1), []string{"power_dbm:", "cannot be asked"}},
		{"a TNC of unknown width", strings.Replace(kiss, "bandwidth_hz = 12500\n", "", 1), []string{"bandwidth_hz:", "12500"}},
		{"a node of unknown preset", r + "kind = \"meshtastic\"\nport = \"p\"\n", []string{"preset:", "never changed"}},
		{"hopping nowhere", r + "kind = \"sik\"\nport = \"p\"\nchannels = 5\n", []string{"span_hz:"}},
		{"too many channels", r + "kind = \"sik\"\nport = \"p\"\nchannels = 51\n", []string{":5", "1 to 50"}},
		{"a network too far", r + "kind = \"sik\"\nport = \"p\"\nnet_id = 500\n", []string{":5", "0 to 499"}},
		{"an odd rate of the line", r + "kind = \"sik\"\nport = \"p\"\nbaud = 96\n", []string{":5", "1200 to 921600"}},
		{"a limit of nothing", r + "port = \"p\"\ntrace_max_bytes = 100000\n", []string{":4", "nothing is traced"}},
		{"a tiny trace", r + "port = \"p\"\ntrace = \"t\"\ntrace_max_bytes = 100\n", []string{":5", "at least 65536"}},
		{"one trace for two", r + "port = \"p\"\ntrace = \"t\"\n[[radio]]\nname = \"s\"\nport = \"q\"\ntrace = \"t\"\n", []string{":8", "packhorse.toml:4"}},
		{"one chip select", r + "board = \"meshadv-pi\"\n[[radio]]\nname = \"s\"\nboard = \"pimesh-1w-v1\"\n", []string{":6", "shares /dev/spidev0.0 GPIO21", "packhorse.toml:3"}},
		{"one line", r + "board = \"rak6421-13300-slot1\"\n[[radio]]\nname = \"s\"\nboard = \"rak6421-13300-slot2\"\n", []string{":6", "shares GPIO24"}},
		{"one UART", r + "board = \"waveshare-e22-uart\"\nfrequency_hz = 866125000\n[[radio]]\nname = \"s\"\nport = \"/dev/serial0\"\n", []string{":6", "both use /dev/serial0"}},
		{"two that are found", r + "board = \"auto\"\n[[radio]]\nname = \"s\"\nboard = \"auto\"\n", []string{":6", "name both boards"}},
	} {
		_, err := load(t, map[string]string{"packhorse.toml": c.text})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a mistake", c.name, err)
			continue
		}
		for _, w := range c.want {
			if !strings.Contains(e.Error()+" "+e.Fix, w) {
				t.Errorf("%s: got %q, fix %q, want %q in it", c.name, e.Error(), e.Fix, w)
			}
		}
	}
	for name, text := range map[string]string{
		"two modules of one board": r + "board = \"uputronics-ce0\"\n[[radio]]\nname = \"s\"\nboard = \"uputronics-ce1\"\n",
		"any board":                r + "board = \"auto\"\nspreading_factor = 9\n",
		"any board of a kind":      r + "board = \"auto\"\nkind = \"sx126x\"\n",
		"a TNC":                    kiss + "licence_free = true\n",
	} {
		if _, err := load(t, map[string]string{"packhorse.toml": text}); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestBoardsOfOnesOwn(t *testing.T) {
	const mine = "name = \"mine\"\ntitle = \"Mine\"\nsource = \"me\"\n[radio]\nkind = \"ebyte\"\nchip = \"e32\"\nmax_chip_dbm = 20\n[uart]\ndevice = \"/dev/ttyUSB0\"\n"
	files := map[string]string{"packhorse.toml": "[[radio]]\nname = \"r\"\nboard = \"mine\"\nfrequency_hz = 866000000\n", "boards.d/mine.toml": mine}
	l, err := load(t, files)
	if err != nil || l.Radio[0].Kind != EByte || l.Profile(l.Radio[0]).Title != "Mine" {
		t.Fatalf("got %+v, %v", l, err)
	}
	files["boards.d/mine.toml"] += "nosuch = 1\n"
	if _, err := load(t, files); err == nil || !strings.Contains(err.Error(), "mine.toml:10") {
		t.Errorf("got %v, want the line of the board's file", err)
	}
}

func TestShowLeavesOutWhatARadioHasNot(t *testing.T) {
	l, err := load(t, map[string]string{"packhorse.toml": lora0 + "cable_loss_db = 0\n"})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, line := range l.Lines() {
		if strings.HasPrefix(line.Key, "radio.") {
			keys = append(keys, strings.TrimPrefix(line.Key, "radio.0."))
		}
	}
	if got := strings.Join(keys, " "); got != "name kind port antenna_gain_dbi cable_loss_db rates" {
		t.Errorf("got %s", got)
	}
}
