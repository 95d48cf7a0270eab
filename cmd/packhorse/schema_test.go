//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"periph.io/x/conn/v3/spi"

	"packhorse/board/sim"
	"packhorse/cmd/packhorse/internal/lab"
	"packhorse/gateway/admin"
	"packhorse/store"
)

// schemas are the files of docs/schema, by the name of the message.
type schemas struct {
	t    *testing.T
	all  map[string]*jsonschema.Schema
	seen map[string]bool
}

func loadSchemas(t *testing.T) *schemas {
	t.Helper()
	s := &schemas{t, map[string]*jsonschema.Schema{}, map[string]bool{}}
	for name, doc := range schemaFiles(t) {
		closed(doc)
		c := jsonschema.NewCompiler()
		c.AssertFormat()
		if err := c.AddResource(name, doc); err != nil {
			t.Fatal(err)
		}
		compiled, err := c.Compile(name)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		s.all[name] = compiled
	}
	return s
}

// schemaFiles reads docs/schema; the keys are titles, such as packhorse.status/1.
func schemaFiles(t *testing.T) map[string]map[string]any {
	t.Helper()
	dir := filepath.Join("..", "..", "docs", "schema")
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]map[string]any{}
	for _, f := range files {
		b, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		var doc map[string]any
		if err := json.Unmarshal(b, &doc); err != nil {
			t.Fatalf("%s: %v", f.Name(), err)
		}
		title := "packhorse." + strings.TrimSuffix(f.Name(), ".json") + "/1"
		if doc["title"] != title {
			t.Errorf("%s: got title %v, want %s", f.Name(), doc["title"], title)
		}
		out[title] = doc
	}
	return out
}

// closed forbids keys that a schema does not name. Readers must take them, because version 1
// may grow; what this program writes today is described whole.
func closed(v any) {
	switch v := v.(type) {
	case map[string]any:
		for _, sub := range v {
			closed(sub)
		}
		if v["properties"] != nil && v["type"] == "object" {
			v["additionalProperties"] = false
		}
	case []any:
		for _, sub := range v {
			closed(sub)
		}
	}
}

// check validates every line of JSON.
func (s *schemas) check(from, text string) {
	s.t.Helper()
	if text == "" {
		s.t.Errorf("%s: no answer", from)
	}
	for line := range strings.Lines(text) {
		v, err := jsonschema.UnmarshalJSON(strings.NewReader(line))
		if err != nil {
			s.t.Errorf("%s: %q is not JSON: %v", from, line, err)
			continue
		}
		name := "packhorse.error/1"
		if m, ok := v.(map[string]any); ok && m["error"] == nil {
			name, _ = m["schema"].(string)
			if m["clock"] == nil {
				s.t.Errorf("%s: no clock in %s", from, line)
			}
		}
		if s.all[name] == nil {
			s.t.Errorf("%s: no schema %q in docs/schema: %s", from, name, line)
			continue
		}
		s.seen[name] = true
		if err := s.all[name].Validate(v); err != nil {
			s.t.Errorf("%s: %s\n%v", from, line, err)
		}
	}
}

// full is a gateway with something in every field.
func full() *fake {
	snr, rssi, last, at := 8.5, -92.0, 12.0, time.Date(2026, 11, 21, 14, 31, 7, 0, time.UTC)
	id := strings.Repeat("5f", 32)
	p := admin.Parcel{ID: "7c1e4000a1b2", To: "clinic", From: "ridge-1", Priority: "bulk", SizeBytes: 8200, State: admin.Saved, Since: at,
		Next: "ridge-2", Why: "moving", Done: 3, Total: 9, Path: "lora0", Expires: at.Add(time.Hour), AirtimeS: 14, ETAS: 12000, LawS: 360}
	carried := p
	carried.State, carried.By, carried.Next, carried.Done, carried.Total, carried.Path = admin.Delivered, "ridge-2", "", 0, 0, ""
	peer := admin.PeerInfo{Name: "ridge-2", ID: id, Path: "direct", Ports: []string{"lora0"}, SNRdB: &snr, LastS: &last, Parcels: 3, Bytes: 41000,
		Paths: []admin.PathInfo{{Port: "lora0", Up: true, SNRdB: &snr, RSSIdBm: &rssi, Loss: 0.1, ETX: 1.11, CostS: 2.1, Rate: "SF7", LastS: &last}}, Clock: "gps", ShunnedS: 60}
	return &fake{status: admin.Status{Dropped: map[string]uint64{"forged": 2, "bad_body": 1}, Name: "ridge-1", ID: id, Domain: "ridge", Region: "EU868", Version: "v1", PoWeb: "127.0.0.1:13276",
		Uplinks:         []admin.Uplink{{Address: "a.example", Registered: true, Live: true, Until: at, Waiting: 2, Owed: 1}, {Address: "b.example", Problem: "no answer", Fix: "wait"}},
		Courier:         &admin.CourierRole{Listen: "[::]:21473", Waiting: 3, Bytes: 9000},
		InternetGateway: &admin.InternetGateway{Address: "gw.example.org", ID: "0" + id, PoWeb: "127.0.0.1:443", TLS: true, Until: &at, Inward: 2, Outward: 1, SizeBytes: 5000, Gateways: 1},
		Problems:        []admin.Problem{{Level: "warn", What: "a", Fix: "b"}},
		Radios:          []admin.RadioInfo{{Name: "lora0", OK: true, Band: "869.4-.65", Modulation: "SF7", AirtimeUsedS: 212, AirtimeAllowedS: 360, FreeInS: 190}},
		Peers:           []admin.PeerInfo{peer, {Name: "clinic", ID: id, Path: "via ridge-2", Uplinks: []string{"a.example"}}, {Name: "hq", ID: id, Path: "none"}}},
		queue: []admin.Parcel{p, carried}, steps: []admin.Parcel{carried},
		letters: []admin.Letter{{ID: "a09f2b", From: "clinic", Type: "text/plain", Filename: "a.txt", SizeBytes: 1, Written: at, Arrived: at, New: true, Content: []byte("x")}, {ID: "a1", Arrived: at}},
		stored:  fullStore(at),
		request: admin.CargoRequest{ID: "7c1e4000a1b2", To: "a.example", Exit: "ridge-2", SizeBytes: 3400, AirtimeS: 12.5, Expires: at},
		happens: []admin.Event{{Type: "parcel", Parcel: &p}, {Type: "peer", Peer: &peer}, {Type: "letter", Letter: &admin.Letter{ID: "a1", Arrived: at}},
			{Type: "pairing", Pairing: &admin.PairResult{Domain: "ridge", Peer: "ridge-1"}}, {Type: "courier", Text: "collected 1 cargo"}, {Type: "log", Text: "hello"}}}
}

// fullStore has something in every field.
func fullStore(at time.Time) admin.StoreInfo {
	return admin.StoreInfo{Running: true, Values: 3, LiveBytes: 4000, DeadBytes: 1000, DiskBytes: 5000, MaxBytes: 1 << 30, RoomBytes: 1 << 29, FreeBytes: 1 << 31,
		KeptBytes: 64 << 20, LifeBytes: 40000, Quarantine: 1, Damaged: 1,
		Work:    &admin.Work{UptimeS: 7200, WrittenBytes: 20000, MovedBytes: 3000, TakenBytes: 10000, Syncs: 12, SyncMedianS: 0.004, SyncP99S: 0.016, SyncWorstS: 0.0151, Repairs: 1, Failures: 2},
		Kinds:   []admin.StoreKind{{Kind: "parcel", Values: 3, SizeBytes: 4000}},
		Buckets: []admin.StoreBucket{{Name: "00000000004294967297", SizeBytes: 4000, LiveBytes: 3900, Written: at}, {Name: "x", Damaged: true}, {Name: "y", SizeBytes: 1000, LiveBytes: 10, Written: at}}}
}

// TestEveryJSONAnswerFollowsItsSchema runs every command with --json, and misses none of the schemas.
func TestEveryJSONAnswerFollowsItsSchema(t *testing.T) {
	s := loadSchemas(t)
	b := newBench(t, full())
	run := func(code int, args ...string) {
		t.Helper()
		b.want(code, nil, args...)
		s.check(strings.Join(args, " "), b.out)
	}
	for _, line := range []string{"status", "status --check", "up --region EU868", "queue", "inbox", "inbox list", "inbox read a09f", "inbox delete a09f", "inbox delete --read", "inbox read a09f --save " + b.dir,
		"pair", "pair K7QM-2XTD", "contact list", "domain list", "courier status", "courier sync --to 192.168.43.1", "courier sync --mesh", "domain revoke ridge-2", "contact card", "contact export card", "contact add hq text", "send clinic hello", "send clinic hello --wait delivered",
		"config show", "config check", "config path", "board", "board list", "board serial", "version", "sim run --list", "sim run two-gateways"} {
		run(map[bool]int{true: 6}[line == "status --check"], append(strings.Fields(line), "--json")...)
	}
	for _, line := range []string{"region", "region show EU868", "region check --region EU868"} {
		run(0, append(strings.Fields(line), "--json")...)
	}
	saySettings(t, s)
	sayBox(t, s)
	sayAP(t, s)
	sayPage(t, s)
	run(7, "region", "show", "US915", "--bandwidth", "125", "--power", "20", "--json")
	run(7, "region", "show", "CN470", "--json")
	storeIn(t, b.dir)
	run(0, "store", "check", "--state", b.dir, "--json")
	vaulted, key := t.TempDir(), filepath.Join(b.dir, "stick.key")
	run(0, "store", "keygen", key, "--json")
	run(0, "store", "encrypt", "--state", vaulted, "--key-file", key, "--json")
	run(0, "store", "decrypt", "--state", vaulted, "--key-file", key, "--json")
	for _, line := range []string{"stats", "dump --dead --values", "dump --key a", "repair --dry-run"} {
		run(0, append(append([]string{"store"}, strings.Fields(line)...), "--state", b.dir, "--json")...)
	}
	run(0, "store", "stats", "--state", b.dir, "--socket", filepath.Join(b.dir, "none"), "--json")
	file := filepath.Join(b.dir, "a.backup")
	run(0, "backup", file, "--key-file", key, "--json")
	run(0, "restore", file, "--key-file", key, "--dry-run", "--state", b.dir, "--json")
	run(0, "restore", file, "--key-file", key, "--state", filepath.Join(b.dir, "new"), "--json")
	flipFirst(t, filepath.Join(b.dir, "store"), 'a')
	run(6, "store", "check", "--state", b.dir, "--json")
	run(0, "store", "dump", "--state", b.dir, "--json")
	run(6, "store", "repair", "--state", b.dir, "--json")
	run(0, "store", "check", "--state", b.dir, "--json")
	if code := probe(t, b, sim.NewSX127x(0x12), "--json"); code != 0 {
		t.Errorf("probe: got exit %d", code)
	}
	s.check("board probe", b.out)
	chip := sim.NewSX127x(0x12)
	chip.Break(sim.MISOLow)
	probe(t, b, chip, "--json")
	s.check("board probe, no chip", b.out)
	scan(t, b, nil, "--json")
	s.check("board probe of no board", b.out)
	scan(t, b, map[string]spi.PortCloser{"uputronics-ce0": sim.NewSX127x(0x12)}, "--json")
	s.check("board probe of a board", b.out)
	showSerial(t, b, "--json")
	s.check("board serial", b.out)
	examine(t, b, "--json")
	s.check("doctor", b.out)
	for _, line := range []string{"nosuch", "status --nosuch", "status x", "send clinic photo.jpg", "config check --config /nonexistent/p.toml", "sim run nosuch"} {
		run(2, append(strings.Fields(line), "--json")...)
	}
	sayCourier(t, s)
	sayEndpoint(t, s)
	s.check("air", airSays(t))
	s.check("events", eventsSay(t, full()))
	s.check("ready and dev", readySays(t))
	for _, path := range []string{"GET /v1/status", "GET /v1/queue", "GET /v1/inbox", "POST /v1/pairing", "GET /v1/pairing", "GET /v1/contacts", "GET /v1/domain", "GET /v1/courier", "GET /v1/contacts/card", "POST /v1/reload", "GET /nosuch"} {
		method, path, _ := strings.Cut(path, " ")
		s.check(path, ask(t, full(), method, path, ""))
	}
	s.check("contacts", ask(t, full(), "POST", "/v1/contacts", `{"name":"hq","text":"x"}`))
	for _, name := range slices.Sorted(maps.Keys(s.all)) {
		if !s.seen[name] && !strings.HasPrefix(name, "packhorse.bench_") && name != "packhorse.image/1" { // of testbench/hil/report and tools/image
			t.Errorf("%s: no command was seen to answer it", name)
		}
	}
}

// storeIn makes a store with two values in a state directory.
func storeIn(t *testing.T, dir string) {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"a", "b"} {
		if err := s.Apply(store.Op{Kind: 1, Key: key, Value: []byte(strings.Repeat(key, 1000))}); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// airSays is what sim air prints in JSON, with a look at its counters.
func airSays(t *testing.T) string {
	t.Helper()
	air, err := lab.NewAir(lab.Options{Stations: 2, Links: "all", Dir: filepath.Join(t.TempDir(), "radios")})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- air.Run(ctx) }()
	var out bytes.Buffer
	a := &app{out: &out, json: true}
	if err := a.showAir(air); err != nil {
		t.Error(err)
	}
	if err := a.airStats(ctx, air); err != nil {
		t.Error(err)
	}
	stop()
	<-done
	return out.String()
}

// readySays is the line of a gateway that has started, and that of a village.
func readySays(t *testing.T) string {
	t.Helper()
	var out bytes.Buffer
	a := &app{out: &out, err: &out, json: true}
	if err := a.showReady("ridge-1", "127.0.0.1:13276", "/p.sock"); err != nil {
		t.Error(err)
	}
	if err := a.showVillage(&lab.Village{Nodes: []*lab.Node{{Name: "a", Dir: "d", PoWeb: "127.0.0.1:1", Socket: "s"}, {Name: "b"}}}); err != nil {
		t.Error(err)
	}
	return out.String()
}

// ask is a request to the API.
func ask(t *testing.T, b admin.Backend, method, path, body string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := &http.Server{Handler: admin.NewHandler(b)}
	go srv.Serve(l)
	defer srv.Close()
	ctx, stop := context.WithTimeout(t.Context(), time.Minute)
	defer stop()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+l.Addr().String()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out bytes.Buffer
	out.ReadFrom(res.Body)
	return out.String()
}

func eventsSay(t *testing.T, f *fake) string { return ask(t, f, "GET", "/v1/events", "") }

var (
	snake = regexp.MustCompile(`^[a-z0-9]+(_[a-z0-9]+)*$`)
	units = regexp.MustCompile(`_(s|bytes|db|dbi|dbm|hz|symbols|ratio|celsius|volts)$`)
	lower = regexp.MustCompile(`^[a-z0-9_]+$`)
	// counts are numbers of things; they need no unit.
	counts = []string{"parcels", "letters", "frames_in", "frames_out", "frames_sent", "frames_received", "frames_lost", "frames_collided", "frames_foreign",
		"buckets", "records", "syncs", "repairs", "failures", "damaged", "quarantined", "snapshots", "files", "same", "changed", "absent", "only_here", "waiting", "delivered", "collected", "refused", "cargo_in", "parcels_in", "acks_in", "cargo_out", "parcels_out", "acks_out", "relayed_in", "relayed_out", "acknowledged", "expired", "for_others", "known", "later", "notes", "cargo", "ccas", "files_on_stick", "removed", "gateways", "owed", "resting", "secrets", "values", "line", "bands", "spreading_factor", "frames_per_hour", "seed", "commands", "differences", "neighbours", "parcels_waiting", "radios", "exit", "etx", "cores", "lines", "passed", "failed", "skipped", "pid"}
)

// TestSchemasKeepTheRules checks names, units, ids, enumerations and arrays of every schema.
func TestSchemasKeepTheRules(t *testing.T) {
	for name, doc := range schemaFiles(t) {
		walkSchema(doc, func(key string, v map[string]any) {
			if !snake.MatchString(key) {
				t.Errorf("%s: %s is not snake_case", name, key)
			}
			switch kind := v["type"]; {
			case kind == nil && v["const"] == nil:
				t.Errorf("%s: %s has no single type: nothing is ever null", name, key)
			case (kind == "number" || kind == "integer") && !units.MatchString(key) && !slices.Contains(counts, key):
				t.Errorf("%s: %s has no unit in its name", name, key)
			case key == "id" && !strings.HasPrefix(v["pattern"].(string), "^[0-9a-f]"):
				t.Errorf("%s: id is not in hex", name)
			}
			for _, e := range list(v["enum"]) {
				if !lower.MatchString(e.(string)) {
					t.Errorf("%s: %s has a value %v that is not lower-case", name, key, e)
				}
			}
			if v["description"] == nil && v["const"] == nil {
				t.Errorf("%s: %s is not described", name, key)
			}
		})
		if name != "packhorse.error/1" && (!slices.Contains(list(doc["required"]), any("schema")) || !slices.Contains(list(doc["required"]), any("at"))) {
			t.Errorf("%s: schema and at are not required", name)
		}
	}
}

func list(v any) []any { l, _ := v.([]any); return l }

// walkSchema visits every property.
func walkSchema(v any, f func(key string, v map[string]any)) {
	m, ok := v.(map[string]any)
	if !ok {
		return
	}
	props, _ := m["properties"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(props)) {
		sub := props[key].(map[string]any)
		f(key, sub)
		walkSchema(sub, f)
	}
	walkSchema(m["items"], f)
}
