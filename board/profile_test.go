package board

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

var readBuiltIn = sync.OnceValues(func() ([]*Profile, error) { return LoadProfiles("") })

// builtIn are the profiles that are built in; not to be changed.
func builtIn(t testing.TB) []*Profile {
	t.Helper()
	list, err := readBuiltIn()
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestEveryBoardIsBuiltIn(t *testing.T) {
	want := []string{"adafruit-rfm9x-bonnet", "dragino-lora-gps", "generic-e22", "generic-sx126x", "generic-sx127x", "meshadv-mini", "meshadv-pi",
		"pimesh-1w-v1", "pimesh-1w-v2", "rak6421-13300-slot1", "rak6421-13300-slot2", "uputronics-ce0", "uputronics-ce1", "waveshare-e22-uart",
		"waveshare-sx1262-spi", "waveshare-sx1268-spi", "zebrahat-1w"}
	var got []string
	for _, p := range builtIn(t) {
		got = append(got, p.Name)
		if p.Origin != "built in" || p.Template != strings.HasPrefix(p.Name, "generic-") {
			t.Errorf("%s: got origin %q, template %v", p.Name, p.Origin, p.Template)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
}

// TestFilesAreNamedAsTheirBoards lets a person find the file of a board.
func TestFilesAreNamedAsTheirBoards(t *testing.T) {
	files, err := filepath.Glob("hats/*")
	if err != nil || len(files) != len(builtIn(t)) {
		t.Fatalf("got %d files, %v", len(files), err)
	}
	for _, p := range builtIn(t) {
		if _, err := os.Stat(filepath.Join("hats", p.Name+".toml")); err != nil {
			t.Error(err)
		}
	}
}

// TestPinsOfBoardsAreThoseOfTheirMakers holds the pins as the makers and other projects print them: select, reset,
// interrupt, busy, transmit and receive enable, power, and the bus.
func TestPinsOfBoardsAreThoseOfTheirMakers(t *testing.T) {
	for name, want := range map[string]string{
		"adafruit-rfm9x-bonnet": "- 25 22 - - - [] spidev0.1", "dragino-lora-gps": "25 17 4 - - - [] spidev0.0",
		"uputronics-ce0": "- - 25 - - - [] spidev0.0", "uputronics-ce1": "- - 16 - - - [] spidev0.1",
		"waveshare-sx1262-spi": "21 18 16 20 - - [6] spidev0.0", "waveshare-sx1268-spi": "21 18 16 20 - - [6] spidev0.0",
		"meshadv-pi": "21 18 16 20 13 12 [] spidev0.0", "pimesh-1w-v1": "21 18 16 20 13 12 [] spidev0.0",
		"meshadv-mini": "- 24 16 20 - 12 [] spidev0.0", "pimesh-1w-v2": "- 18 6 5 - - [26] spidev0.0",
		"rak6421-13300-slot1": "- 16 22 24 - - [12 13] spidev0.0", "rak6421-13300-slot2": "- 24 18 19 - - [26 23] spidev0.1",
		"zebrahat-1w": "24 17 22 27 - - [] spidev0.0",
	} {
		p, err := FindProfile(builtIn(t), name)
		if err != nil {
			t.Error(err)
			continue
		}
		n := func(r PinRef) string {
			if r == "" {
				return "-"
			}
			return strings.TrimPrefix(string(r), "GPIO")
		}
		var power []string
		for _, r := range p.Pins.Power {
			power = append(power, n(r))
		}
		m := p.Pins
		got := fmt.Sprintf("%s %s %s %s %s %s %v %s", n(m.Select), n(m.Reset), n(m.IRQ), n(m.Busy), n(m.TxEnable), n(m.RxEnable), power, strings.TrimPrefix(p.SPI.Device, "/dev/"))
		if got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
}

// good is a profile to injure.
const good = `name = "mine"
title = "Mine"
source = "me"
[radio]
kind = "sx126x"
chip = "sx1262"
max_chip_dbm = 22
[spi]
device = "/dev/spidev0.0"
clock_hz = 2000000
[pins]
reset = "GPIO18"
irq = "pinctrl-bcm2711:16"
busy = "GPIO20"
`

// The amplifiers of EBYTE's modules by what their users measured: an E22-900M30S has 7.1 dB at 1 dBm, 7.8 dB at 21 dBm,
// an E22P gives 30 dBm at 18 dBm. With a smaller gain more would leave than the law allows.
func TestAmplifiersAreNotBelittled(t *testing.T) {
	for name, want := range map[string]struct{ gain, most float64 }{
		"meshadv-pi": {7.8, 30}, "pimesh-1w-v1": {7.8, 30}, "pimesh-1w-v2": {12, 30}, "zebrahat-1w": {12, 30},
	} {
		p := mustFind(t, name)
		if p.Radio.PAGainDB < want.gain || p.MaxDBm() != want.most {
			t.Errorf("%s: %g dB and at most %g dBm, want %g dB or more and %g dBm", name, p.Radio.PAGainDB, p.MaxDBm(), want.gain, want.most)
		}
	}
}

func TestMistakesOfAProfileSayWhatToWrite(t *testing.T) {
	if _, err := ParseProfile("mine.toml", []byte(good)); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ old, new, want string }{
		{`reset = "GPIO18"`, `rset = "GPIO18"`, `mine.toml:12: unknown key "pins.rset"`},
		{`clock_hz = 2000000`, `clock_hz = "2"`, "mine.toml:10:"},
		{`name = "mine"`, `name = "my board"`, "lower-case"},
		{`source = "me"`, ``, "where its pin map was read"},
		{`kind = "sx126x"`, `kind = "lr1121"`, "use sx127x, sx126x or ebyte"},
		{`chip = "sx1262"`, `chip = "sx1276"`, "sx1262"},
		{`max_chip_dbm = 22`, `max_chip_dbm = 30`, "2 to 22 dBm"},
		{`max_chip_dbm = 22`, "max_chip_dbm = 22\npa_gain_db = -1", "pa_gain_db"},
		{`max_chip_dbm = 22`, "max_chip_dbm = 22\npa_gain_db = nan", "pa_gain_db"},
		{`max_chip_dbm = 22`, "max_chip_dbm = 22\ntcxo_volts = 2.0", "DIO3 cannot give 2 V"},
		{`max_chip_dbm = 22`, "max_chip_dbm = 22\noutput = \"rfo\"", "only an sx127x"},
		{`device = "/dev/spidev0.0"`, `device = "SPI0.0"`, "/dev/spidev0.0"},
		{`clock_hz = 2000000`, `clock_hz = 20000000`, "16 MHz"},
		{`busy = "GPIO20"`, ``, "pins.busy: missing"},
		{`reset = "GPIO18"`, ``, "pins.reset: missing"},
		{`irq = "pinctrl-bcm2711:16"`, ``, "pins.irq: missing"},
		{`busy = "GPIO20"`, `busy = "GPIO18"`, "pins.busy: GPIO18 is taken by pins.reset already"},
		{`busy = "GPIO20"`, `busy = "GPIO9"`, "taken by /dev/spidev0.0"},
		{`busy = "GPIO20"`, "busy = \"GPIO20\"\npower = [\"GPIO5\", \"GPIO5\"]", "pins.power[1]"},
		{`busy = "GPIO20"`, "busy = \"GPIO20\"\nselect = \"GPIO8\"", "leave pins.select out"},
		{`busy = "GPIO20"`, `busy = "20"`, `write "GPIO20"`},
		{`busy = "GPIO20"`, `busy = "GPIO 20"`, "names no GPIO line"},
		{`busy = "GPIO20"`, "busy = \"GPIO20\"\n[uart]\ndevice = \"/dev/serial0\"", "no UART"},
		{`busy = "GPIO20"`, "busy = \"GPIO20\"\n[[match]]\nvendor = \"x\"", "product"},
		{`busy = "GPIO20"`, "busy = \"GPIO20\"\n[leds]\nrx = \"GPIO20\"\ntx = \"led:ACT\"", "leds.rx"},
	} {
		text := strings.Replace(good, c.old, c.new, 1)
		if _, err := ParseProfile("mine.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), c.want) || !strings.HasPrefix(err.Error(), "mine.toml:") {
			t.Errorf("%s -> %s: got %v, want %q", c.old, c.new, err, c.want)
		}
	}
	sx127x := strings.NewReplacer("sx126x", "sx127x", "sx1262", "sx1276", `busy = "GPIO20"`, "", "= 22", "= 17\noutput = \"pa_boost\"").Replace(good)
	if _, err := ParseProfile("a.toml", []byte(sx127x)); err != nil {
		t.Error(err)
	}
	for old, want := range map[string]string{`"pa_boost"`: "which pin of the chip", "2000000": "10 MHz", `output = "pa_boost"`: "which pin"} {
		text := strings.Replace(sx127x, old, map[string]string{`"pa_boost"`: `"both"`, "2000000": "12000000", `output = "pa_boost"`: "dio2_switch = false"}[old], 1)
		if _, err := ParseProfile("a.toml", []byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want %q", old, err, want)
		}
	}
}

func TestOwnProfilesReplaceThoseBuiltIn(t *testing.T) {
	dir := t.TempDir()
	put := func(file, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("a.toml", good)
	put("b.toml", strings.Replace(good, "mine", "zebrahat-1w", 1))
	put("notes.txt", "not a profile")
	list, err := LoadProfiles(dir)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(list), len(builtIn(t))+1; got != want {
		t.Errorf("got %d profiles, want %d", got, want)
	}
	for _, name := range []string{"mine", "zebrahat-1w"} {
		p, err := FindProfile(list, name)
		if err != nil || p.Title != "Mine" || filepath.Dir(p.Origin) != dir {
			t.Errorf("%s: got %+v, %v", name, p, err)
		}
	}
	put("c.toml", good)
	if _, err := LoadProfiles(dir); err == nil || !strings.Contains(err.Error(), "a.toml") || !strings.Contains(err.Error(), "c.toml") {
		t.Errorf("twice: got %v, want both files named", err)
	}
	put("c.toml", strings.Repeat("#\n", maxProfileBytes))
	if _, err := LoadProfiles(dir); err == nil || !strings.Contains(err.Error(), "no board profile") {
		t.Errorf("huge: got %v", err)
	}
	if list, err := LoadProfiles(filepath.Join(dir, "gone")); err != nil || len(list) != len(builtIn(t)) {
		t.Errorf("no directory: got %d profiles, %v", len(list), err)
	}
	if _, err := FindProfile(list, "zebra"); err == nil || !strings.Contains(err.Error(), "zebrahat-1w") {
		t.Errorf("got %v, want the names there are", err)
	}
}

func FuzzParseProfile(f *testing.F) {
	f.Add([]byte(good))
	entries, _ := hats.ReadDir("hats")
	for _, e := range entries {
		text, _ := hats.ReadFile("hats/" + e.Name())
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		p, err := ParseProfile("f.toml", text)
		if err != nil {
			if !strings.HasPrefix(err.Error(), "f.toml:") {
				t.Errorf("%v names no file", err)
			}
			return
		}
		for _, u := range p.uses() {
			if _, _, _, err := u.pin.split(); err != nil {
				t.Errorf("%s: %v", u.key, err)
			}
		}
		if p.OnSPI() == (p.UART.Device != "") || p.MaxDBm() > 63 {
			t.Errorf("got %+v", p)
		}
	})
}
