//go:build linux

package virtual

import (
	"testing"

	"packhorse/board/card"
)

func TestFirmwareChoosesASlot(t *testing.T) {
	text, err := card.Autoboot{Default: card.SlotB, Trial: card.SlotA}.AppendText(nil)
	if err != nil {
		t.Fatal(err)
	}
	for tryboot, want := range map[bool]int{false: card.SlotB, true: card.SlotA} {
		if slot, err := choose(text, tryboot); err != nil || slot != want {
			t.Errorf("tryboot %v: slot %d, %v", tryboot, slot, err)
		}
	}
	if _, err := choose([]byte("[all]\n"), false); err == nil {
		t.Error("chose a slot of nothing")
	}
}

func TestCommandLineHasTheMachinesNames(t *testing.T) {
	got := commandLine([]byte("console=serial0,115200  quiet\npanic=10\r\n"), card.SlotB)
	if want := "console=ttyAMA0,115200 quiet panic=10 packhorse.partition=3"; got != want {
		t.Errorf("got %q", got)
	}
}
