package main

import (
	"reflect"
	"testing"
)

func TestParseJoinsNamesToTheirPackage(t *testing.T) {
	out := "FuzzA\nFuzzB\nok  \tpackhorse/link/wire\t0.004s\n?   \tpackhorse/x\t[no test files]\nok  \tpackhorse/y\t0.1s\nFuzzC\nok  \tpackhorse/z\t(cached)\n"
	want := []fuzzer{{"packhorse/link/wire", "FuzzA"}, {"packhorse/link/wire", "FuzzB"}, {"packhorse/z", "FuzzC"}}
	if got := parse(out); !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestChosenByName(t *testing.T) {
	got, err := chosen([]string{"./gateway/cms/ber.FuzzAgainstDER", "./gateway/ramf.FuzzParse"}, "")
	want := []fuzzer{{"./gateway/cms/ber", "FuzzAgainstDER"}, {"./gateway/ramf", "FuzzParse"}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	if _, err := chosen([]string{"./gateway/ramf"}, ""); err == nil {
		t.Error("took a package without a test")
	}
}

func TestLastCount(t *testing.T) {
	said := "fuzz: elapsed: 0s, gathering baseline coverage\nfuzz: elapsed: 3s, execs: 7 (2/sec)\nfuzz: elapsed: 6s, execs: 9 (1/sec)\nPASS\n"
	if got := lastCount([]byte(said)); got != "6s, execs: 9 (1/sec)" {
		t.Errorf("got %q", got)
	}
}
