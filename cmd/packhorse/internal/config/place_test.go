package config

import (
	"os"
	"strings"
	"testing"
)

func TestKeysAreFoundAndEdited(t *testing.T) {
	main := write(t, map[string]string{"packhorse.toml": "region = \"EU868\"\n" + lora0 + "power_dbm = 10\n"})
	l, err := Load(Options{Path: main, Getenv: none})
	if err != nil {
		t.Fatal(err)
	}
	file := []byte("")
	for _, v := range []struct{ key, value, full, text, origin string }{
		{"lora0.power", "14 dBm", "lora0.power_dbm", "10", "packhorse.toml:5"},
		{"lora0.antenna_gain", "2.5", "lora0.antenna_gain_dbi", "2.15", "default"},
		{"lora0.frequency_hz", "869525000", "lora0.frequency_hz", "0", "default"},
		{"trust_clock", "on", "trust_clock", "false", "default"},
		{"uplink.gateways", "a.example, b.example", "uplink.gateways", "", "default"},
		{"name", "ridge-1", "name", "packhorse", "default"},
		{"battery.ratio", "11", "battery.ratio", "1", "default"},
		{"ap.passphrase", "open; sesame\"", "ap.passphrase", "", "default"},
	} {
		p, err := l.Find(v.key)
		if err != nil {
			t.Fatal(err)
		}
		if p.Key != v.full || p.Text() != v.text || !strings.HasSuffix(p.Origin(l), v.origin) || p.Secret != (v.key == "ap.passphrase") {
			t.Errorf("%s: got %q = %q from %s, want %+v", v.key, p.Key, p.Text(), p.Origin(l), v)
		}
		value, err := p.Parse(v.value)
		if err != nil {
			t.Fatal(err)
		}
		if file, err = p.Edit("# written by a test\n", file, value); err != nil {
			t.Fatal(err)
		}
	}
	want := `# written by a test
name = 'ridge-1'
trust_clock = true

[adjust]
[adjust.lora0]
antenna_gain_dbi = 2.5
frequency_hz = 869525000
power_dbm = 14

[ap]
passphrase = 'open; sesame"'

[battery]
ratio = 11.0

[uplink]
gateways = ['a.example', 'b.example']
`
	if string(file) != want {
		t.Fatalf("got\n%s\nwant\n%s", file, want)
	}
	set := strings.Replace(main, "packhorse.toml", "conf.d/90-set.toml", 1)
	next, err := Load(Options{Path: main, Getenv: none, Instead: map[string][]byte{set: file}})
	if err != nil {
		t.Fatal(err)
	}
	if r := next.Radio[0]; *r.PowerDBm != 14 || *r.AntennaGainDBi != 2.5 || r.FrequencyHz != 869_525_000 || next.Origin("radio.0.power_dbm") != set+":9" {
		t.Errorf("got %+v, power from %s", r, next.Origin("radio.0.power_dbm"))
	}
	if _, err := os.Stat(set); err == nil {
		t.Error("looking at what would be wrote the file")
	}
	for _, key := range []string{"name", "lora0.power", "lora0.antenna_gain", "lora0.frequency_hz", "trust_clock", "uplink.gateways", "battery.ratio", "ap.passphrase"} {
		p, err := l.Find(key)
		if err == nil {
			file, err = p.Edit("# x\n", file, nil)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if file != nil {
		t.Errorf("after all keys were removed: %q", file)
	}
}

func TestKeysThatCannotBeSet(t *testing.T) {
	l, err := load(t, map[string]string{"packhorse.toml": lora0})
	if err != nil {
		t.Fatal(err)
	}
	for key, fix := range map[string]string{"regoin": "did you mean region?", "radio": "", "store": "", "internet.peer": "", "uplink.fixed.name": "", "adjust": "", "lora0.name": "",
		"lora0.powr_dbm": "power_dbm", "lora1.power_dbm": "lora0", "": "", ".": "", "lora0.": ""} {
		_, err := l.Find(key)
		if e, ok := err.(*Error); !ok || e.Fix == "" || !strings.Contains(e.Fix, fix) {
			t.Errorf("%q: got %#v, want a fix with %q", key, err, fix)
		}
	}
	for key, bad := range map[string]string{"lora0.power_dbm": "much", "trust_clock": "perhaps", "lora0.spreading_factor": "300", "battery.ratio": "a half", "store.max_bytes": "1.5"} {
		p, err := l.Find(key)
		if err != nil {
			t.Fatal(err)
		}
		if v, err := p.Parse(bad); err == nil {
			t.Errorf("%s = %s: got %v", key, bad, v)
		}
	}
}

func TestAdjustIsStrict(t *testing.T) {
	for text, want := range map[string]string{
		"[adjust.lora9]\npower_dbm = 14\n":            "there is no radio",
		"[adjust.lora0]\nname = \"x\"\n":              "cannot be adjusted",
		"[adjust.lora0]\npower = 14\n":                "unknown key",
		"[adjust.lora0]\npower_dbm = \"14\"\n":        "of type",
		"[adjust.lora0]\npower_dbm = 99\n":            "out of reach",
		"[adjust.lora0]\nchannels = 3\nspan_hz=9\n":   "no such key",
		"[adjust]\npower_dbm = 14\n":                  "",
		"adjust = {lora0 = {spreading_factor = 4}}\n": "does not exist",
	} {
		_, err := load(t, map[string]string{"packhorse.toml": lora0, "conf.d/90-set.toml": text})
		if e, ok := err.(*Error); !ok || !strings.Contains(e.Message, want) || !strings.Contains(e.Where, "90-set.toml") {
			t.Errorf("%q: got %v, want %q at 90-set.toml", text, err, want)
		}
	}
	l, err := load(t, map[string]string{"packhorse.toml": lora0 + "[adjust.lora0]\npower_dbm = 1\nspreading_factor = 9\n", "conf.d/90-set.toml": "[adjust.lora0]\npower_dbm = 2\n"})
	if err != nil || *l.Radio[0].PowerDBm != 2 || l.Radio[0].SpreadingFactor != 9 {
		t.Errorf("got %v, %+v, want the later file's power", err, l)
	}
}
