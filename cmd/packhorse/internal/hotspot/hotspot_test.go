package hotspot

import (
	"bytes"
	"flag"
	"os"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata anew")

// networks are those whose files are in testdata.
var networks = map[string]Network{
	"plain": {"ridge-1", "4821-9930-1174", "wlan0"},
	"odd":   {`Füße; "2"\`, ` ;a=b\n#c: "x" `, "wlp2s0"},
	"open":  {"12;34", "", "wlan0"},
}

func TestKeyfiles(t *testing.T) {
	for name, n := range networks {
		path := "testdata/" + name + ".nmconnection"
		if *update {
			if err := os.WriteFile(path, n.Keyfile(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if got := n.Keyfile(); !bytes.Equal(got, want) {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

// managerVar lets the tests run that need NetworkManager's own programs; the suite page of make test sets it.
const managerVar = "PACKHORSE_PAGE"

// TestMain leaves what needs NetworkManager to those who ask for it.
func TestMain(m *testing.M) {
	flag.Parse()
	if os.Getenv(managerVar) == "" {
		flag.Set("test.skip", "NetworkManager")
	}
	os.Exit(m.Run())
}

// TestNetworkManagerReadsWhatWeWrite has NetworkManager's parser read each file and say what it understood. It needs no daemon.
func TestNetworkManagerReadsWhatWeWrite(t *testing.T) {
	for name, n := range networks {
		c := exec.CommandContext(t.Context(), "nmcli", "--offline", "connection", "modify", "connection.autoconnect-priority", "7")
		c.Stdin = bytes.NewReader(n.Keyfile())
		var said bytes.Buffer
		c.Stderr = &said
		out, err := c.Output()
		if err != nil || said.Len() > 0 {
			t.Fatalf("%s: %v\n%s", name, err, said.String())
		}
		got, want := entries(string(out)), entries(string(n.Keyfile()))
		for key, v := range want {
			if theirs, ok := got[key]; !ok || plain(key, theirs) != plain(key, v) {
				t.Errorf("%s: %s: NetworkManager understood %q, we wrote %q", name, key, theirs, v)
			}
		}
		if got["connection.autoconnect-priority"] != "7" {
			t.Errorf("%s: this is not the file that was given:\n%s", name, out)
		}
	}
}

// entries are the keys of a key file by section.
func entries(text string) map[string]string {
	out, section := map[string]string{}, ""
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, "\n")
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[]")
		} else if k, v, ok := strings.Cut(line, "="); ok && !strings.HasPrefix(line, "#") {
			out[section+"."+k] = v
		}
	}
	delete(out, "connection.autoconnect") // true is the default, which is not written
	return out
}

// plain is a value without the freedom of how to write it.
func plain(key, v string) string {
	switch key {
	case "wifi.ssid":
		return octets(v)
	case "wifi-security.psk":
		return strings.NewReplacer(`\\`, `\`, `\s`, " ").Replace(v)
	}
	return v
}

// octets is a name written as text or as a list of numbers.
func octets(v string) string {
	v = strings.NewReplacer(`\\`, `\`, `\s`, " ").Replace(v)
	if !strings.HasSuffix(v, ";") {
		return strings.ReplaceAll(v, `\;`, ";")
	}
	var out []byte
	for part := range strings.SplitSeq(strings.TrimSuffix(v, ";"), ";") {
		n := 0
		for _, r := range part {
			n = 10*n + int(r-'0')
		}
		out = append(out, byte(n))
	}
	return string(out)
}

func TestTerseOutput(t *testing.T) {
	got := Devices("wlan0:wifi:connected:Caf\\: a\\\\b\neth0:ethernet:connected:Wired\nbroken\np2p-dev-wlan0:wifi-p2p:disconnected:\n")
	want := []Device{{"wlan0", "wifi", "connected", `Caf: a\b`}, {"eth0", "ethernet", "connected", "Wired"}, {"p2p-dev-wlan0", "wifi-p2p", "disconnected", ""}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v", got)
	}
	if Active("Wired\npackhorse-ap2\n") || !Active("Wired\npackhorse-ap\n") || Active("") {
		t.Error("whether the network is up is misread")
	}
}

func TestPassphrase(t *testing.T) {
	got, err := Passphrase(bytes.NewReader([]byte{255, 0, 11, 252, 249, 3, 4, 5, 6, 7, 8, 9, 10, 21, 250, 32}))
	if err != nil || got != "0193-4567-8901" {
		t.Errorf("got %q, %v", got, err)
	}
	if _, err := Passphrase(bytes.NewReader(nil)); err == nil {
		t.Error("a passphrase was made of nothing")
	}
}
