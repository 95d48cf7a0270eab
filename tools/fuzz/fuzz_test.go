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
