package hil

import "testing"

func TestWhatATerminalWantsIsDropped(t *testing.T) {
	const said = "packhorse> \x1b[11D\x1b[Kready\r\n\x00packhorse> \x1bcst\x1b[2;5Hatus"
	const want = "packhorse> ready\npackhorse> status"
	for cut := range len(said) { // wherever the line breaks it into two
		var c cleaner
		got := string(c.clean([]byte(said[:cut])))
		if got += string(c.clean([]byte(said[cut:]))); got != want {
			t.Errorf("cut at %d: %q", cut, got)
		}
	}
}
