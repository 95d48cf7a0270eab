package config

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"packhorse/gateway/discovery"
)

var update = flag.Bool("update", false, "write docs/CONFIG.md's table anew")

func none(string) string { return "" }

// write makes a directory of files and answers the path of its packhorse.toml.
func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(dir, "packhorse.toml")
}

func load(t *testing.T, files map[string]string) (*Loaded, error) {
	t.Helper()
	return Load(Options{Path: write(t, files), Getenv: none, Host: "box.local"})
}

const lora0 = "[[radio]]\nname = \"lora0\"\nport = \"/dev/ttyUSB0\"\n"

func TestDefaultsWithoutAFile(t *testing.T) {
	env := func(k string) string { return map[string]string{"HOME": "/home/u"}[k] }
	l, err := Load(Options{Getenv: env, Host: "Ridge_1.lan"})
	if err != nil {
		t.Fatal(err)
	}
	if l.Name != "Ridge1" || l.Region != "" || l.StateDir != "/home/u/.local/state/packhorse" ||
		l.Socket != "/home/u/.local/state/packhorse/packhorse.sock" || l.PoWeb.Listen != "127.0.0.1:13276" || l.Store.MaxBytes != 1<<30 || l.Store.MaxParcelBytes != 256<<20 {
		t.Errorf("got %+v", l.Config)
	}
}

func TestFilesMergeAndKnowTheirOrigins(t *testing.T) {
	l, err := load(t, map[string]string{
		"packhorse.toml":         "name = \"a\"\nregion = \"EU868\"\n" + lora0 + "power_dbm = 0\n",
		"conf.d/10-b.toml":       "region = \"US915\"\n[poweb]\nlisten = \"\"\n",
		"conf.d/20-c.toml":       "radio = [{name = \"lora1\", port = \"/dev/ttyUSB1\", antenna_gain_dbi = 6}]\n",
		"conf.d/ignored.example": "nonsense",
	})
	if err != nil {
		t.Fatal(err)
	}
	if l.Name != "a" || l.Region != "US915" || l.PoWeb.Listen != "" || len(l.Radio) != 2 {
		t.Fatalf("got %+v", l.Config)
	}
	r := l.Radio
	if r[0].Kind != "rnode" || *r[0].AntennaGainDBi != 2.15 || r[0].PowerDBm == nil || *r[0].PowerDBm != 0 || *r[1].AntennaGainDBi != 6 || r[1].PowerDBm != nil {
		t.Errorf("radios: got %+v", r)
	}
	for key, want := range map[string]string{"name": "packhorse.toml:1", "region": "10-b.toml:1", "poweb.listen": "10-b.toml:3",
		"radio.0.port": "packhorse.toml:5", "store.max_bytes": "default"} {
		if got := filepath.Base(l.Origin(key)); got != want {
			t.Errorf("origin of %s: got %s, want %s", key, got, want)
		}
	}
	if got := fmt.Sprint(l.Lines()); !strings.Contains(got, `{radio.0.power_dbm 0 `) || strings.Contains(got, "radio.1.power_dbm") {
		t.Errorf("lines: got %s", got)
	}
}

func TestFlagBeatsEnvironmentBeatsFile(t *testing.T) {
	path := write(t, map[string]string{"packhorse.toml": "state_dir = \"/file\"\nsocket = \"/file.sock\"\nstore.key_file = \"/file.key\"\n"})
	env := func(k string) string {
		return map[string]string{"PACKHORSE_STATE": "/env", "PACKHORSE_SOCKET": "/env.sock", "PACKHORSE_KEY_FILE": "/env.key", "PACKHORSE_CONFIG": path}[k]
	}
	l, err := Load(Options{Getenv: env, State: "/flag"})
	if err != nil {
		t.Fatal(err)
	}
	if l.Store.KeyFile != "/env.key" || l.Origin("store.key_file") != "environment PACKHORSE_KEY_FILE" {
		t.Errorf("key file: got %s from %s", l.Store.KeyFile, l.Origin("store.key_file"))
	}
	if l.StateDir != "/flag" || l.Origin("state_dir") != "flag --state" || l.Socket != "/env.sock" || l.Origin("socket") != "environment PACKHORSE_SOCKET" {
		t.Errorf("got %s from %s, %s from %s", l.StateDir, l.Origin("state_dir"), l.Socket, l.Origin("socket"))
	}
}

func TestMistakesNameFileLineAndKey(t *testing.T) {
	for _, tc := range []struct {
		name, text string
		want       []string
	}{
		{"unknown key", "name = \"a\"\nregoin = \"EU868\"\n", []string{"packhorse.toml:2:1", `unknown key "regoin"`, "did you mean region?"}},
		{"unknown key of a table", lora0 + "colour = 9600\n", []string{"packhorse.toml:4:1", "colour", "docs/CONFIG.md"}},
		{"like a key of another table", lora0 + "sf = 7\n", []string{"packhorse.toml:4:1", `unknown key "radio.sf"`, "remove it"}},
		{"almost a key of a table", lora0 + "bandwith_hz = 125000\n", []string{"did you mean [[radio]].bandwidth_hz?"}},
		{"a key behind a table", "[poweb]\nstate_dir = \"/x\"\n", []string{"did you mean state_dir?"}},
		{"a fraction", lora0 + "frequency_hz = 868.1\n", []string{"packhorse.toml:4:", "frequency_hz: this is of type float", "give a whole number"}},
		{"a text for a number", lora0 + "spreading_factor = \"SF7\"\n", []string{"spreading_factor: this is of type string", "give a whole number"}},
		{"a text for a gain", lora0 + "antenna_gain_dbi = \"3\"\n", []string{"give a number, without quotes"}},
		{"a number for a text", "name = 5\n", []string{"give a text in quotes"}},
		{"a number for a table", "radio = 3\n", []string{"give what docs/CONFIG.md shows"}},
		{"a text for yes", "trust_clock = \"yes\"\n", []string{"give true or false"}},
		{"not TOML", "name = \n", []string{"packhorse.toml:1"}},
		{"UTF-16", "\xff\xfen\x00a\x00m\x00e\x00", []string{"UTF-16", "UTF-8"}},
		{"UTF-16, the other end first", "\xfe\xff\x00n\x00a", []string{"UTF-16", "UTF-8"}},
		{"a word processor's quotes", "region = \"EU868\"\r\nname = \u201cana\u201d\r\n", []string{"packhorse.toml:2", "plain quotes"}},
		{"wrong type", "name = 5\n", []string{"packhorse.toml:1:"}},
		{"a bad name", "name = \"a b\"\n", []string{"packhorse.toml:1", "name:", "letters"}},
		{"a region nobody knows", "region = \"EU686\"\n", []string{"packhorse.toml:1", "EU686", "EU868"}},
		{"no port", "[[radio]]\nname = \"lora0\"\n", []string{"packhorse.toml:2", "port:", "lora0"}},
		{"another kind", lora0 + "kind = \"sx1262\"\n", []string{"packhorse.toml:4", "sx1262", "rnode"}},
		{"spreading factor", lora0 + "spreading_factor = 13\n", []string{"packhorse.toml:4", "13", "5 to 12"}},
		{"a cable that gains", lora0 + "cable_loss_db = -3.0\n", []string{"packhorse.toml:4", "-3 dB is no cable", "0 to 20"}},
		{"a cable that is nothing", lora0 + "cable_loss_db = nan\n", []string{"packhorse.toml:4", "is no cable"}},
		{"frequency in MHz", lora0 + "frequency_hz = 869\n", []string{"packhorse.toml:4", "in Hz"}},
		{"an address", "poweb.listen = \"here\"\n", []string{"packhorse.toml:1", "listen:", "host:port"}},
		{"a peer's id", "[[internet.peer]]\nname = \"hq\"\nid = \"12\"\n", []string{"packhorse.toml:3", "64 hex"}},
		{"nobody to call", "[[internet.peer]]\nname = \"hq\"\nid = \"" + strings.Repeat("ab", 32) + "\"\n", []string{"packhorse.toml:", "no address"}},
		{"an Internet gateway's address", "[uplink]\ndoh = \"https://dns.example/q\"\ngateways = [\"gw.example.org\", \"here\"]\n", []string{"packhorse.toml:3", "gateways:", "here", "domain name"}},
		{"a mesh domain's address", "uplink.gateways = [\"ridge.aaaaaaaaaaaaaaaa.internal\"]\n", []string{"packhorse.toml:1", "no Awala address"}},
		{"nine Internet gateways", "uplink.gateways = [" + strings.Repeat("\"gw.example.org\", ", 9) + "]\n", []string{"packhorse.toml:1", "gateways:", "9 are too many"}},
		{"a resolver without TLS", "uplink.doh = \"http://dns.example/q\"\n", []string{"packhorse.toml:1", "doh:", "https://"}},
		{"a fixed address without a name", "[[uplink.fixed]]\npoweb = \"127.0.0.1:1\"\n", []string{"packhorse.toml:2", "name:", "missing"}},
		{"a fixed address without a port", "[[uplink.fixed]]\nname = \"gw.example\"\ncogrpc = \"192.0.2.1\"\n", []string{"packhorse.toml:2", "missing port"}},
		{"plain and far away", "[[uplink.fixed]]\nname = \"gw.example\"\npoweb = \"192.0.2.1:80\"\nplain = true\n", []string{"packhorse.toml:2", "without TLS"}},
		{"no authorities' file", "[[uplink.fixed]]\nname = \"gw.example\"\nca_file = \"/nowhere/ca.pem\"\n", []string{"packhorse.toml:3", "ca_file:", "/nowhere"}},
		{"no authority in it", "[[uplink.fixed]]\nname = \"gw.example\"\nca_file = \"/dev/null\"\n", []string{"packhorse.toml:2", "no certificate"}},
		{"a tiny store", "[store]\nmax_bytes = 5\n", []string{"packhorse.toml:2", "too small"}},
		{"no parcels", "[store]\nmax_parcels = 0\n", []string{"packhorse.toml:2", "too small"}},
		{"a store that waits", "[store]\nlinger_ms = 5000\n", []string{"packhorse.toml:2", "0 to 1000"}},
		{"more parcels than store", "[store]\nmax_parcel_bytes = 600000000\n", []string{"packhorse.toml:2", "half of store.max_bytes"}},
	} {
		_, err := load(t, map[string]string{"packhorse.toml": tc.text})
		var e *Error
		if !errors.As(err, &e) {
			t.Errorf("%s: got %v, want a mistake", tc.name, err)
			continue
		}
		for _, w := range tc.want {
			if !strings.Contains(e.Error()+" "+e.Fix, w) {
				t.Errorf("%s: got %q, fix %q, want %q in it", tc.name, e.Error(), e.Fix, w)
			}
		}
	}
}

func TestUnknownKeyShowsACaret(t *testing.T) {
	_, err := load(t, map[string]string{"packhorse.toml": "regoin = \"EU868\"\n"})
	var e *Error
	if !errors.As(err, &e) || !strings.Contains(e.Excerpt, "~~~~~~") || !strings.Contains(e.Excerpt, "regoin") {
		t.Errorf("got %+v, want an excerpt with a mark under the key", err)
	}
}

func TestARadioTwiceNamesBothFiles(t *testing.T) {
	for _, second := range []string{lora0, "[[radio]]\nname = \"lora1\"\nport = \"/dev/ttyUSB0\"\n"} {
		_, err := load(t, map[string]string{"packhorse.toml": lora0, "conf.d/hat.toml": "\n" + second})
		if err == nil || !strings.Contains(err.Error(), "packhorse.toml:") || !strings.Contains(err.Error(), "hat.toml:") || !strings.Contains(err.Error(), "twice") {
			t.Errorf("got %v, want both files named", err)
		}
	}
}

func TestANamedFileMustBeThere(t *testing.T) {
	if _, err := Load(Options{Path: filepath.Join(t.TempDir(), "no.toml"), Getenv: none}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v, want a missing file", err)
	}
}

// keysOf lists the keys that the struct takes.
func keysOf(t reflect.Type, at string) []string {
	switch t.Kind() {
	case reflect.Struct:
		var out []string
		for i := range t.NumField() {
			out = append(out, keysOf(t.Field(i).Type, join(at, t.Field(i).Tag.Get("toml")))...)
		}
		return out
	case reflect.Slice:
		if t.Elem().Kind() == reflect.Struct {
			return keysOf(t.Elem(), "[["+at+"]]")
		}
	}
	return []string{at}
}

func TestEveryKeyIsDocumented(t *testing.T) {
	var names []string
	for _, k := range Keys {
		names = append(names, k.Name)
	}
	if got := keysOf(reflect.TypeFor[Config](), ""); !reflect.DeepEqual(got, names) {
		t.Errorf("struct and Keys differ:\n got %v\nwant %v", names, got)
	}
	path := filepath.Join("..", "..", "..", "..", "docs", "CONFIG.md")
	doc, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const head = "| key | default | unit | meaning |\n| --- | --- | --- | --- |\n"
	before, _, ok := strings.Cut(string(doc), head)
	table := head
	for _, k := range Keys {
		table += fmt.Sprintf("| `%s` | %s | %s | %s |\n", k.Name, k.Default, k.Unit, k.Meaning)
	}
	if *update && ok {
		if err := os.WriteFile(path, []byte(before+table), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if !strings.HasSuffix(string(doc), table) {
		t.Errorf("docs/CONFIG.md is stale: go test ./cmd/packhorse/internal/config -update")
	}
}

func TestUplinkIsMerged(t *testing.T) {
	l, err := load(t, map[string]string{
		"packhorse.toml":   "[uplink]\ngateways = [\"a.example\", \"test\"]\n[[uplink.fixed]]\nname = \"test\"\npoweb = \"127.0.0.1:1\"\nplain = true\n",
		"conf.d/more.toml": "[[uplink.fixed]]\nname = \"b.example\"\ncogrpc = \"192.0.2.1:443\"\n",
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []discovery.Fixed{{Name: "test", PoWeb: "127.0.0.1:1", Plain: true}, {Name: "b.example", CogRPC: "192.0.2.1:443"}}
	if !reflect.DeepEqual(l.Fixed, want) || len(l.Uplink.Gateways) != 2 {
		t.Errorf("got %+v and %q, want %+v", l.Fixed, l.Uplink.Gateways, want)
	}
	for key, want := range map[string]string{"uplink.gateways.1": "packhorse.toml:2", "uplink.fixed.1.name": "more.toml:2"} {
		if got := l.Origin(key); !strings.HasSuffix(got, want) {
			t.Errorf("origin of %s: got %s, want %s", key, got, want)
		}
	}
}

func TestTheDocumentedExampleLoads(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join("..", "..", "..", "..", "docs", "CONFIG.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "```toml\n")
	example, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("docs/CONFIG.md has no example")
	}
	l, err := load(t, map[string]string{"packhorse.toml": example})
	if err != nil || len(l.Radio) != 1 || len(l.Internet.Peer) != 1 {
		t.Errorf("got %+v, %v, want one radio and one peer", l, err)
	}
}

func TestAServiceManagersDirectoriesAreTheDefaults(t *testing.T) {
	path := filepath.Join(t.TempDir(), "packhorse.toml")
	env := map[string]string{"STATE_DIRECTORY": "/var/lib/made", "RUNTIME_DIRECTORY": "/run/made"}
	for _, c := range []struct{ text, state, socket string }{
		{"", "/var/lib/made", "/run/made/packhorse.sock"},
		{"state_dir = \"/mine\"\n", "/mine", "/mine/packhorse.sock"},
		{"socket = \"/mine.sock\"\n", "/var/lib/made", "/mine.sock"},
	} {
		if err := os.WriteFile(path, []byte(c.text), 0o600); err != nil {
			t.Fatal(err)
		}
		l, err := Load(Options{Path: path, Getenv: func(k string) string { return env[k] }, Host: "box"})
		if err != nil || l.StateDir != c.state || l.Socket != c.socket {
			t.Errorf("%q: got %s, %s (%v)", c.text, l.StateDir, l.Socket, err)
		}
	}
}
