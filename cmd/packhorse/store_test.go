package main

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"packhorse/gateway"
	"packhorse/link/port"
	"packhorse/store"
)

// putIn writes values into the store of a state directory.
func putIn(t *testing.T, dir string, ops ...store.Op) {
	t.Helper()
	s, err := store.Open(filepath.Join(dir, "store"), store.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	for _, op := range ops {
		if err := s.Apply(op); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestCheckOfAnEncryptedStoreSaysHowDeepItLooked(t *testing.T) {
	b, key := stateBench(t)
	b.want(0, nil, "store", "encrypt", "--key-file", key)
	b.want(0, []string{"ok ", "2 values in 1 bucket"}, "store", "check", "--key-file", key)
	b.want(0, []string{"ok ", "records in 1 bucket: checksums and sequences verified, no deeper", "takes the key"}, "store", "check")
	b.want(0, []string{`"sealed":true`, `"kinds":[]`}, "store", "check", "--json")
	if strings.Contains(b.out, `"values"`) {
		t.Errorf("values cannot be known: %s", b.out)
	}
	for _, what := range []string{"dump", "repair", "stats"} {
		b.want(2, []string{"is encrypted, and no key file was given", "fix: "}, "store", what)
		b.want(0, nil, "store", what, "--key-file", key)
	}
	other := filepath.Join(b.dir, "other.key")
	b.want(0, nil, "store", "keygen", other)
	b.want(4, []string{"fix: check"}, "store", "check", "--key-file", other)
}

func TestStatsShowRoomWearAndBuckets(t *testing.T) {
	f := &fake{stored: fullStore(time.Date(2026, 11, 21, 14, 31, 7, 0, time.UTC))}
	b := newBench(t, f)
	b.want(0, []string{"4.0 kB live of 1.1 GB", "20.0 kB written in 2h for 10.0 kB to be kept (2.00 times), 12 syncs",
		"half within 4 ms, 99 of 100 within 16 ms, worst 15.1 ms", "2 writes that it refused", "about 40.0 kB written", "1 damaged place, 1 file put aside",
		"parcel  3       4.0 kB", "X damaged\n#X.\n"}, "store", "stats")
}

func TestStatsOfAStoppedGatewayComeFromItsFiles(t *testing.T) {
	b := newBench(t, nil)
	b.want(1, []string{"there is no store in", "fix: "}, "store", "stats", "--state", b.dir)
	putIn(t, b.dir, store.Op{Kind: gateway.KindLetter, Key: "a", Value: make([]byte, 500)}, store.Op{Kind: gateway.KindLetter, Key: "b"}, store.Op{Kind: 77, Key: "x"})
	b.want(0, []string{"3 values", "only a running gateway counts", "letter   2       534 B", "kind_77  1       17 B", "oldest first", "stay free"}, "store", "stats", "--state", b.dir)
}

func TestDumpListsRecordsAndPrintsValues(t *testing.T) {
	b := newBench(t, nil)
	value := append([]byte("head\x00"), bytes.Repeat([]byte("0123456789abcdef"), 20000)...)
	putIn(t, b.dir, store.Op{Kind: gateway.KindLetter, Key: "a", Value: []byte("old")}, store.Op{Kind: gateway.KindLetter, Key: "a", Value: []byte("new")},
		store.Op{Kind: gateway.KindLetterBody, Key: "a", Value: value}, store.Op{Kind: gateway.KindNote, Key: "evil\x1b[2J\xff", Value: []byte("x")},
		store.Op{Kind: gateway.KindDraft, Key: "gone"}, store.Op{Kind: gateway.KindDraft, Key: "gone", Delete: true})
	dump := func(code int, says []string, args ...string) {
		t.Helper()
		b.want(code, says, append([]string{"store", "dump", "--state", b.dir}, args...)...)
		if strings.Contains(b.out+b.err, "\x1b") || strings.Contains(b.out+b.err, "\xff") {
			t.Errorf("%v: what others chose steers the terminal: %q", args, b.out)
		}
	}
	dump(0, []string{"live    put       letter", "live    large     letter_body  320.0 kB", "  evil?[2J\ufffd\n"})
	if n := strings.Count(b.out, "\n"); n != 3 {
		t.Errorf("got %d lines, want the 3 live values:\n%s", n, b.out)
	}
	dump(0, []string{"dead    put       letter", "live    chunk     letter_body", "dead    deletion  draft", "head", "batch end"}, "--dead")
	dump(0, []string{"letter_body"}, "--kind", "letter_body", "--values")
	if !strings.Contains(b.out, hex.EncodeToString(value)) {
		t.Error("the value is not shown")
	}
	dump(0, []string{`"kind":"note","key_hex":"6576696c1b5b324aff"`}, "--kind", "note", "--json")
	dump(2, []string{"letter and letter_body", "fix: add --kind letter"}, "--key", "a")
	dump(0, []string{"00000000  6e 65 77 ", "|new|"}, "--key", "a", "--kind", "letter")
	dump(0, nil, "--key", "a", "--kind", "letter_body", "--raw")
	if b.out != string(value) {
		t.Errorf("raw: got %d octets, want %d", len(b.out), len(value))
	}
	dump(1, []string{`"gone"`, "--dead"}, "--key", "gone")
	dump(0, []string{"deletion  draft"}, "--key", "gone", "--dead")
	dump(2, []string{"no kind"}, "--kind", "nosuch")
	dump(2, []string{"--key"}, "--raw")
}

func TestRepairEarnsNoAirtimeAndTakesNoCountBack(t *testing.T) {
	for name, kind := range map[string]store.Kind{"transport lora0": gateway.KindTransport, "counter dispatch": gateway.KindCounter} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t, nil)
			key := strings.Fields(name)[1]
			putIn(t, b.dir, store.Op{Kind: kind, Key: key, Value: bytes.Repeat([]byte("a"), 100)}, store.Op{Kind: gateway.KindTransport, Key: "lora1", Value: []byte("whole")})
			flipFirst(t, filepath.Join(b.dir, "store"), 'a')
			b.want(6, []string{"lost  " + name}, "store", "repair", "--state", b.dir)
			s, err := store.Open(filepath.Join(b.dir, "store"), store.Options{Reserve: -1})
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			got, err := s.Get(kind, key)
			if kind == gateway.KindTransport && (err != nil || !bytes.Equal(got, port.LostState())) {
				t.Errorf("got %q, %v, want a ledger that knows nothing", got, err)
			}
			if kind == gateway.KindCounter && (err != nil || len(got) != 8 || binary.BigEndian.Uint64(got) < 1<<20) {
				t.Errorf("got %x, %v, want a count far ahead", got, err)
			}
		})
	}
}

func TestRepairSavesWhatIsWholeAndNamesWhatIsLost(t *testing.T) {
	b := newBench(t, nil)
	putIn(t, b.dir, store.Op{Kind: gateway.KindLetter, Key: "lost", Value: bytes.Repeat([]byte("a"), 1000)}, store.Op{Kind: gateway.KindLetter, Key: "kept", Value: bytes.Repeat([]byte("b"), 1000)},
		store.Op{Kind: gateway.KindLetter, Key: "last"})
	run := func(code int, says []string, args ...string) {
		t.Helper()
		b.want(code, says, append([]string{"store"}, append(args, "--state", b.dir)...)...)
	}
	run(0, []string{"ok ", "nothing to repair"}, "repair")
	flipFirst(t, filepath.Join(b.dir, "store"), 'a')
	run(6, []string{"fix: ", "packhorse store repair"}, "check")
	run(6, []string{"would repair", "1 damaged file", "lost  letter lost\n"}, "repair", "--dry-run")
	if _, err := os.Stat(filepath.Join(b.dir, "store", "quarantine")); err == nil {
		t.Error("a dry run put something aside")
	}
	run(6, []string{"repaired ", "2 records", "wrong checksum", "lost  letter lost\n", "quarantine"}, "repair")
	run(0, []string{"ok ", "2 values", "put aside by repair"}, "check")
	run(0, []string{"1 file put aside"}, "stats")
	run(0, []string{"nothing to repair"}, "repair")
	s, err := store.Open(filepath.Join(b.dir, "store"), store.Options{Reserve: -1})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	run(1, []string{"stop it first", "fix: stop the gateway"}, "repair")
}
