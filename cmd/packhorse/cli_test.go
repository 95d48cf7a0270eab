package main

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"packhorse/gateway/admin"
	"packhorse/store"
)

func TestUsageMistakesEndWith2AndAFix(t *testing.T) {
	b := newBench(t, nil)
	big := filepath.Join(b.dir, "big.bin")
	if err := os.WriteFile(big, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(big, admin.MaxContent+1); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"nosuch"}, {"--nosuch"}, {"status", "x"}, {"send"}, {"send", "a", "b", "c"}, {"contact"}, {"contact", "add", "x"},
		{"send", "clinic", "x", "--priority", "soon"}, {"send", "clinic", "x", "--ttl", "never"}, {"send", "clinic", "x", "--ttl", "181d"},
		{"send", "clinic", "x", "--wait", "sent"}, {"send", "clinic", "photo.jpg"}, {"send", "clinic", "--text", ""},
		{"send", "clinic", "--file", "/nonexistent"}, {"send", "clinic", "--file", b.dir}, {"send", "clinic", b.dir}, {"send", "clinic", "--file", big},
		{"send", "clinic", "x", "--ttl", "0d"}, {"send", "clinic", "x", "--timeout", "-1s"}, {"send", "clinic", "-"}, {"run", "--sim", "0"}, {"run", "--sim", "99"},
		{"help", "nosuch"}, {"completion"}, {"completion", "nosuch"}, {"demo", "--loss", "2"}, {"demo", "--size", "0"}, {"dev", "--poweb", "99999"}, {"dev", "--loss", "-1"},
		{"config", "check", "--config", "/nonexistent/p.toml"}, {"inbox", "read", "a09f", "--save", "/nonexistent/x"}, {"inbox", "read"}, {"status", "--interval", "1x"},
		{"sim", "air", "--links", "0-9"}, {"send", "clinic", "x", "--text", "y"}, {"config", "frobnicate"},
	} {
		b.want(2, []string{"packhorse: ", "fix: "}, args...)
		if b.out != "" {
			t.Errorf("%v: stdout is not empty: %q", args, b.out)
		}
	}
}

func TestOfflineEndsWith3(t *testing.T) {
	b := newBench(t, nil)
	for _, args := range [][]string{{"status"}, {"queue"}, {"inbox"}, {"pair"}, {"pair", "K7QM-2XTD"}, {"contact", "card"}, {"up"}, {"send", "clinic", "hello"}} {
		b.want(3, []string{"no gateway answers on", "fix: packhorse run"}, args...)
	}
	b.want(3, nil, "status", "--json")
	var e admin.ErrorReply
	if err := json.Unmarshal([]byte(b.out), &e); err != nil || e.Error == nil || e.Error.Code != admin.CodeOffline || e.Error.Exit != 3 {
		t.Errorf("got %q (%v), want the error as JSON", b.out, err)
	}
}

func TestATypoIsAnsweredWithTheWordMeant(t *testing.T) {
	b := newBench(t, nil)
	b.want(2, []string{"fix: did you mean packhorse status?"}, "stauts")
	b.want(2, []string{"fix: did you mean packhorse config check?"}, "config", "chek")
}

func TestStatusWithoutAGatewaySaysWhatIsThere(t *testing.T) {
	b := newBench(t, nil)
	b.want(3, []string{"NOT RUNNING.\n", "config  ok, 0 files, region as", "not made yet", "fix: packhorse run"}, "status", "--state", filepath.Join(b.dir, "new"))
	storeIn(t, b.dir)
	b.want(3, []string{"2 values in the store, ok"}, "status", "--state", b.dir)
	s, err := store.Open(filepath.Join(b.dir, "store"), store.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	b.want(3, []string{"in use: a gateway runs on it, but listens on another socket"}, "status", "--state", b.dir)
}

func TestInterruptedEndsWith130AndKeepsTheParcel(t *testing.T) {
	f := &fake{steps: []admin.Parcel{{ID: "7c1e4000a1b2", To: "clinic", State: admin.Saved, Why: "no_route"}}}
	b := newBench(t, f)
	for _, args := range [][]string{{"send", "clinic", "hi", "--wait", "delivered"}, {"send", "clinic", "hi", "--wait", "delivered", "--json"}, {"status", "--watch"}} {
		ctx, cancel := context.WithCancel(t.Context())
		f.asked = cancel
		if code := b.runIn(ctx, args...); code != 130 {
			t.Errorf("%v: got exit %d, want 130\n%s%s", args, code, b.out, b.err)
		}
		if args[0] == "send" && !strings.Contains(b.err, "interrupted: 7c1e4000a1b2 to clinic is saved and still queued") {
			t.Errorf("%v: got %q, want that it is still queued", args, b.err)
		}
	}
}

func TestNoColourAndNoEscapesIntoAPipe(t *testing.T) {
	b := newBench(t, full())
	for _, args := range [][]string{{"status"}, {"queue"}, {"inbox"}, {"pair"}, {"send", "clinic", "hi", "--wait", "delivered"}, {"config", "show"}, {"--help"}} {
		b.want(0, nil, args...)
		if strings.ContainsAny(b.out+b.err, "\x1b\r") {
			t.Errorf("%v: escapes in %q%q", args, b.out, b.err)
		}
	}
}

func TestEveryErrorCodeKeepsItsExit(t *testing.T) {
	f := &fake{}
	b := newBench(t, f)
	for code, exit := range map[admin.Code]int{admin.CodeRefused: 4, admin.CodeQuota: 4, admin.CodeNotYet: 5, admin.CodeRegion: 7, admin.CodeFailed: 1} {
		f.err = &admin.Error{Code: code, Message: "what happened", Fix: "what to do"}
		b.want(exit, []string{"packhorse: what happened", "fix: what to do"}, "up", "--region", "XX")
	}
}

func TestStatusPutsTheVerdictFirst(t *testing.T) {
	snr, rssi, last, gone := 8.5, -101.0, 12.0, 240.0
	f := &fake{status: admin.Status{Name: "ridge-1", Domain: "ridge", Region: "EU868", Version: "v1", UptimeS: 273600,
		Problems: []admin.Problem{{Level: "warn", What: "clock is a neighbour's", Fix: "set the time"}},
		Radios:   []admin.RadioInfo{{Name: "lora0", OK: true, Band: "869.4-.65", Modulation: "SF7/BW125", AirtimeUsedS: 212, AirtimeAllowedS: 360, AirtimeLeftS: 148, FreeInS: 190}},
		Peers: []admin.PeerInfo{{Name: "ridge-2\x1b[2J", Path: "direct", Ports: []string{"lora0"}, SNRdB: &snr, LastS: &last, Parcels: 3, Bytes: 41000, Clock: "ntp", ShunnedS: 90,
			Paths: []admin.PathInfo{{Port: "lora0", Up: true, Silent: true, CostS: 1}, {Port: "lora0", Up: true, RSSIdBm: &rssi, Loss: 0.25, ETX: 1.333, CostS: 2.25, Rate: "SF7 BW250"}}},
			{Name: "mill", Path: "direct", Silent: true, LastS: &gone}},
		Queue: admin.QueueTotals{Parcels: 3, Bytes: 41000}, Dropped: map[string]uint64{"duplicate_symbols": 9, "forged": 3, "poisoned_symbols": 2}}}
	b := newBench(t, f)
	b.want(0, []string{"Dropped since the start: 3 forged, 2 poisoned symbols; every reason", "warn  clock is a neighbour's", "fix: set the time", "212.0 of 360 s", "148.0 s", "3m10s", "-101 dBm", "25 %", "1.33", "2.3s", "SF7 BW250", "ntp", "shunned for 1m30s", "direct lora0", "8.5 dB", "3 parcels, 41.0 kB", "direct, silent 4m"}, "status")
	if want := "OK, 1 warning. ridge-1 (v1) in domain ridge, EU868, up 3d4h, clock gps\n"; !strings.HasPrefix(b.out, want) {
		t.Errorf("got %q, want first %q", b.out, want)
	}
	if strings.Contains(b.out, "\x1b") {
		t.Error("a name that others chose steers the terminal")
	}
	if b.run("status", "--check") != 6 {
		t.Error("--check did not end with 6")
	}
	b.want(0, nil, "status", "--json")
	var got admin.Status
	if err := json.Unmarshal([]byte(b.out), &got); err != nil || got.Schema != admin.SchemaStatus || strings.Contains(b.out, "null") {
		t.Errorf("JSON: got %s (%v)", b.out, err)
	}
	f.status = admin.Status{Name: "box"}
	b.want(0, []string{"OK. box", "in no domain, no region", "No neighbours yet."}, "status", "--check")
}

func TestStatusShowsTheWaysToTheInternet(t *testing.T) {
	b := newBench(t, full())
	b.want(0, []string{"via ridge-2, has Internet", "Uplink a.example: connected, registered until 2026-11-21, 2 parcels waiting, 1 acknowledgement for the next cargo\n",
		"Uplink b.example: not registered; what is wrong stands above\n", "Courier: takes cargo on [::]:21473, holds 3 items of others, 9.0 kB\n", "Internet gateway gw.example.org: "}, "status")
	b = newBench(t, &fake{status: admin.Status{Name: "box", Uplinks: []admin.Uplink{{Address: "a.example\x1b[2J", Registered: true}}}})
	b.want(0, []string{"Uplink a.example?[2J: not connected\n"}, "status", "--check")
}

func TestCargoIsAskedForOverTheMesh(t *testing.T) {
	f := full()
	b := newBench(t, f)
	b.want(0, []string{"asked for our cargo over the mesh through ridge-2, 3.4 kB, about 12s of our air", "7c1e4000a1b2 to a.example; cargo can come until 2026-11-21 14:31:07 UTC"}, "courier", "sync", "--mesh")
	b.want(2, []string{"--mesh asks no courier", "fix: packhorse courier sync --mesh"}, "courier", "sync", "--mesh", "--to", "192.168.43.1")
	f.request = admin.CargoRequest{Exit: "ridge-2"}
	b.want(0, []string{"it was answered at once"}, "courier", "sync", "--mesh")
	f.err = &admin.Error{Code: admin.CodeNotYet, Message: "a request for our cargo is under way", Fix: "wait"}
	b.want(5, []string{"is under way", "fix: wait"}, "courier", "sync", "--mesh")
}

func TestSendTakesTextFileAndStdin(t *testing.T) {
	f := &fake{}
	b := newBench(t, f)
	file := filepath.Join(b.dir, "photo.jpg")
	if err := os.WriteFile(file, []byte("pixels"), 0o644); err != nil {
		t.Fatal(err)
	}
	b.in = "piped"
	for _, tc := range []struct {
		args []string
		want admin.Send
	}{
		{[]string{"hello there"}, admin.Send{Type: typeText, Priority: "message", Content: []byte("hello there")}},
		{[]string{file}, admin.Send{Type: typeFile, Priority: "bulk", Filename: "photo.jpg", Content: []byte("pixels")}},
		{[]string{"--file", file, "--priority", "emergency"}, admin.Send{Type: typeFile, Priority: "emergency", Filename: "photo.jpg", Content: []byte("pixels")}},
		{[]string{"--text", "no.txt"}, admin.Send{Type: typeText, Priority: "message", Content: []byte("no.txt")}},
		{[]string{"-"}, admin.Send{Type: typeText, Priority: "message", Content: []byte("piped")}},
		{nil, admin.Send{Type: typeText, Priority: "message", Content: []byte("piped")}},
	} {
		tc.want.To, tc.want.TTL = "clinic", 14*24*time.Hour
		b.want(0, []string{"saved 7c1e4000a1b2 to clinic", "about 14s of our air, expires in 14d"}, append([]string{"send", "clinic"}, tc.args...)...)
		if !reflect.DeepEqual(f.sent, tc.want) {
			t.Errorf("%v:\n got %+v\nwant %+v", tc.args, f.sent, tc.want)
		}
	}
}

func TestSendWaitsAndShowsEachState(t *testing.T) {
	step := func(s admin.State, done int) admin.Parcel {
		return admin.Parcel{ID: "7c1e4000a1b2", To: "clinic", State: s, Next: "ridge-2", Done: done, Total: 10, By: "ridge-2"}
	}
	f := &fake{steps: []admin.Parcel{step(admin.Saved, 1), step(admin.Saved, 6), step(admin.Carried, 10), step(admin.Delivered, 10)}}
	b := newBench(t, f)
	b.want(0, []string{"saved 7c1e4000a1b2", "carried 7c1e4000a1b2 to clinic after", "by ridge-2", "delivered 7c1e4000a1b2"}, "send", "clinic", "hi", "--wait", "delivered")
	if !strings.Contains(b.err, "7c1e4000a1b2 to ridge-2: 60 %\n") || strings.Contains(b.out, "60 %") || strings.Contains(b.err, "\r") {
		t.Errorf("progress belongs on stderr in plain lines\nstdout: %q\nstderr: %q", b.out, b.err)
	}
	with := func(steps ...admin.Parcel) *bench { return newBench(t, &fake{steps: steps}) } // a wait that ended may look once more
	with(step(admin.Carried, 10)).want(0, []string{"carried"}, "send", "clinic", "hi", "--wait", "carried")
	with(admin.Parcel{ID: "7c1e4000a1b2", State: admin.Saved, Why: "no_route"}).want(5, []string{"not delivered yet (no_route); it is still queued"}, "send", "clinic", "hi", "--wait", "delivered", "--timeout", "50ms")
	with(admin.Parcel{ID: "7c1e4000a1b2", To: "clinic", State: admin.Saved, Why: "quota"}, step(admin.Delivered, 10)).want(0, []string{"7c1e4000a1b2 to clinic: custody refused: full; it is offered again later", "delivered"}, "send", "clinic", "hi", "--wait", "delivered")
	with(admin.Parcel{ID: "7c1e4000a1b2", State: admin.Refused, Why: "mailbox full"}).want(4, []string{"refused: mailbox full"}, "send", "clinic", "hi", "--wait", "delivered")
	with(admin.Parcel{ID: "7c1e4000a1b2", State: admin.Expired}).want(1, []string{"expired"}, "send", "clinic", "hi", "--wait", "delivered")
}

func TestInboxNeverOverwritesNorFollowsTheSendersName(t *testing.T) {
	f := &fake{letters: []admin.Letter{{ID: "a09f2b", From: "clinic", Filename: "../../.evil\x1bname", Content: []byte("x"), New: true, SizeBytes: 1}}}
	b := newBench(t, f)
	b.want(0, []string{"*", "clinic", "a09f2b"}, "inbox")
	b.want(0, []string{"x"}, "inbox", "read", "a09f")
	b.want(0, []string{"deleted 1"}, "inbox", "delete", "a09f")
	b.want(2, nil, "inbox", "delete")
	b.want(2, nil, "inbox", "delete", "a09f", "--read")
	b.want(2, nil, "inbox", "delete", "")
	b.want(0, []string{"deleted 1"}, "inbox", "delete", "--read")
	b.want(0, []string{"wrote " + filepath.Join(b.dir, "evil_name")}, "inbox", "read", "a09f", "--save", b.dir)
	b.want(2, []string{"is there already"}, "inbox", "read", "a09f", "--save", b.dir)
	f.letters = nil
	b.want(0, []string{"Nothing arrived yet."}, "inbox", "list")
}

func TestQueueSaysWhy(t *testing.T) {
	f := &fake{queue: []admin.Parcel{
		{ID: "7c1e4000a1b2", To: "clinic", Priority: "bulk", SizeBytes: 8200, State: admin.Saved, Next: "ridge-2", Why: "budget"},
		{ID: "7c1e41", To: "hq", State: admin.Saved, Why: "moving", Done: 1, Total: 4},
		{ID: "7c1e42", To: "hq", State: admin.Saved, Why: "quota"},
		{ID: "7c1e43", Kind: "request", To: "a.example", State: admin.Saved, Why: "no_uplink"}}}
	b := newBench(t, f)
	b.want(0, []string{"ID            KIND     TO", "7c1e4000a1b2  parcel   clinic", "7c1e43        request  a.example", "no_uplink: no gateway of the domain reaches the Internet; packhorse courier sync or export"}, "queue")
	b.want(0, []string{"8.2 kB", "budget", "moving: 25 %", "custody refused: full"}, "queue")
	f.queue = nil
	b.want(0, []string{"nothing waits"}, "queue")
	b.want(0, []string{`"parcels":[]`}, "queue", "--json")
}

func TestPairOpensWithASquareAndJoinsByCodeOrFile(t *testing.T) {
	f := &fake{}
	b := newBench(t, f)
	b.want(0, []string{"code    K7QM-2XTD", "invite  packhorse:1:AAAA", "paired: ridge-2 is now in domain ridge"}, "pair")
	if !strings.Contains(b.err, "\u2580") || strings.Contains(b.out, "\u2580") {
		t.Error("the square belongs on stderr")
	}
	b.want(0, []string{"this gateway is now in domain ridge, let in by ridge-1"}, "pair", "k7qm2xtd")
	if f.joined != "k7qm2xtd" {
		t.Errorf("joined with %q", f.joined)
	}
	invite := filepath.Join(b.dir, "invite.txt")
	if err := os.WriteFile(invite, []byte("packhorse:1:BBBB\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	b.want(0, nil, "pair", invite)
	if f.joined != "packhorse:1:BBBB" {
		t.Errorf("joined with %q, want what the file holds", f.joined)
	}
	b.want(0, []string{`"schema":"packhorse.pair_offer/1"`, `"schema":"packhorse.pair_result/1"`}, "pair", "--json")
}

func TestContactTextComesFromArgumentFileOrStdin(t *testing.T) {
	f := &fake{}
	b := newBench(t, f)
	b.in = "card from stdin\n"
	b.want(0, []string{"packhorse-contact:y"}, "contact", "export", "-")
	if f.card != "card from stdin" {
		t.Errorf("got %q", f.card)
	}
	b.want(0, []string{"packhorse-card:x"}, "contact", "card")
	b.want(0, []string{"clinic"}, "contact", "list")
}

func TestConfigCommands(t *testing.T) {
	b := newBench(t, nil)
	path := filepath.Join(b.dir, "packhorse.toml")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write("name = \"ridge-1\"\n")
	b.env["PACKHORSE_CONFIG"] = path
	b.want(0, []string{"OK, 1 file read", "no radio"}, "config", "check")
	b.want(0, []string{"name", `= "ridge-1"`, "# " + path + ":1", "# environment PACKHORSE_SOCKET", "# default"}, "config", "show", "--origin")
	b.want(0, []string{path}, "config", "path")
	write("regoin = \"EU868\"\n")
	b.want(2, []string{path + ":1:1: unknown key \"regoin\"", "~~~~~~", "fix: did you mean region?"}, "config", "check")
}

func TestWordsForSizesAndSpans(t *testing.T) {
	for _, tc := range []struct {
		d    time.Duration
		want string
	}{{-time.Second, "0s"}, {420 * time.Millisecond, "0.4s"}, {12 * time.Second, "12s"}, {190 * time.Second, "3m10s"}, {time.Hour, "1h"}, {76 * time.Hour, "3d4h"}} {
		if got := span(tc.d); got != tc.want {
			t.Errorf("span(%v): got %s, want %s", tc.d, got, tc.want)
		}
	}
	for n, want := range map[int64]string{412: "412 B", 8200: "8.2 kB", 9_437_184: "9.4 MB", 1 << 30: "1.1 GB"} {
		if got := size(n); got != want {
			t.Errorf("size(%d): got %s, want %s", n, got, want)
		}
	}
}
