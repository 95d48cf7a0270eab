package sim

import (
	"strings"
	"testing"
	"time"
)

func sikOn(s SiK) (*sikModem, *quietAir) {
	air := newQuietAir()
	m := newSiK(air, 0, s)
	m.timeout(noon)
	return m, air
}

// typed gives a radio text and returns what it says within two seconds.
func typed(m *sikModem, now time.Time, text string) string {
	m.feed(now, []byte(text))
	until(m, now, now.Add(2*time.Second))
	return string(m.take())
}

func TestSiKEscapeNeedsSilenceOnBothSides(t *testing.T) {
	for _, c := range []struct {
		name   string
		before time.Duration // of silence
		text   string
		enters bool
	}{
		{"after silence", 1100 * time.Millisecond, "+++", true},
		{"without silence before", 900 * time.Millisecond, "+++", false},
		{"not alone", 1100 * time.Millisecond, "+++a", false},
		{"four", 1100 * time.Millisecond, "++++", false},
		{"two", 1100 * time.Millisecond, "++", false},
		{"after something", 1100 * time.Millisecond, "a+++", false},
	} {
		m, _ := sikOn(SiK{})
		now := noon.Add(5 * time.Second)
		m.feed(now, []byte("x"))
		now = now.Add(c.before)
		if got := typed(m, now, c.text); (got == "OK\r\n") != c.enters {
			t.Errorf("%s: said %q", c.name, got)
		}
	}
}

// commanded is a radio in command mode, and the time there.
func commanded(t *testing.T, s SiK) (*sikModem, *quietAir, time.Time) {
	t.Helper()
	m, air := sikOn(s)
	now := noon.Add(5 * time.Second)
	if got := typed(m, now, "+++"); got != "OK\r\n" {
		t.Fatalf("said %q", got)
	}
	return m, air, now.Add(2 * time.Second)
}

func TestSiKCommands(t *testing.T) {
	m, _, now := commanded(t, SiK{})
	for _, c := range []struct{ command, want string }{
		{"at\r", "AT\r\nOK\r\n"},
		{"ATI\r", "ATI\r\nSiK 2.2 on HM-TRP\r\n"},
		{"ATS3?\r", "ATS3?\r\n25\r\n"},
		{"ATS3=7\r", "ATS3=7\r\nOK\r\n"},
		{"ATS3?\r", "ATS3?\r\n7\r\n"},
		{"ATS0=1\r", "ATS0=1\r\nERROR\r\n"},
		{"ATS4=21\r", "ATS4=21\r\nERROR\r\n"},
		{"ATS4=12\r", "ATS4=12\r\nOK\r\n"},
		{"ATS4?\r", "ATS4?\r\n14\r\n"},
		{"ATS99?\r", "ATS99?\r\nERROR\r\n"},
		{"ATS\r", "ATS\r\nERROR\r\n"},
		{"ATX\r", "ATX\r\nERROR\r\n"},
		{"+++\r", "+++\r\n"},
	} {
		if got := typed(m, now, c.command); got != c.want {
			t.Errorf("%q: got %q, want %q", c.command, got, c.want)
		}
	}
	if got := typed(m, now, "ATI5\r"); !strings.Contains(got, "S8:MIN_FREQ=868000\r\nS9:MAX_FREQ=870000\r\nS10:NUM_CHANNELS=10\r\n") {
		t.Errorf("the board's defaults are not in %q", got)
	}
}

func TestSiKKeepsWhatIsSavedOverARestart(t *testing.T) {
	for save, want := range map[string]string{"": "25", "AT&W\r": "7"} {
		m, air, now := commanded(t, SiK{})
		typed(m, now, "ATS3=7\r")
		typed(m, now, save)
		typed(m, now, "ATZ\r")
		if log := strings.Join(air.log, ","); !strings.Contains(log, "off 0,tune 0") {
			t.Errorf("air got %q", log)
		}
		now = now.Add(10 * time.Second)
		if got := typed(m, now, "+++"); got != "OK\r\n" {
			t.Fatalf("after the restart: %q", got)
		}
		if got := typed(m, now.Add(3*time.Second), "ATS3?\r"); got != "ATS3?\r\n"+want+"\r\n" {
			t.Errorf("saved by %q: got %q, want %s", save, got, want)
		}
	}
}

func TestSiKLeavesCommandModeWhenALineIsTooLong(t *testing.T) {
	m, _, now := commanded(t, SiK{})
	typed(m, now, strings.Repeat("A", 17))
	if m.at.active {
		t.Error("still in command mode")
	}
}

func TestSiKLosesWhatItsBufferCannotHold(t *testing.T) {
	m, _ := sikOn(SiK{})
	m.duty = 1 // it may not send for a while
	m.feed(noon, make([]byte, sikBuffer+100))
	if len(m.buffer) != sikBuffer || m.overflow != 100 {
		t.Errorf("holds %d, lost %d", len(m.buffer), m.overflow)
	}
}

// FuzzSiK feeds any octets: no panic, no growth, and the radio can still be commanded.
func FuzzSiK(f *testing.F) {
	f.Add([]byte("+++"), []byte("ATS3=1\rATZ\r"))
	f.Add([]byte("x+++"), []byte("ATS99999999999999999999=\rATS=\rAT&\r\x7f\x00"))
	f.Add([]byte("0"), []byte("0000000000000"))
	f.Fuzz(func(t *testing.T, data, commands []byte) {
		m, _ := sikOn(SiK{})
		now := noon.Add(5 * time.Second)
		typed(m, now, string(data))
		now = now.Add(10 * time.Second)
		typed(m, now, "+++")
		typed(m, now.Add(3*time.Second), string(commands))
		if len(m.buffer) > sikBuffer || len(m.at.line) > sikCommand {
			t.Fatalf("holds %d and %d octets", len(m.buffer), len(m.at.line))
		}
		answer := ""
		for range 3 { // a line that was begun may grow too long by the escape sequence, which ends command mode
			now = now.Add(20 * time.Second)
			typed(m, now, "+++")
			if answer = typed(m, now.Add(3*time.Second), "\rAT\r"); strings.HasSuffix(answer, "OK\r\n") {
				return
			}
		}
		t.Fatalf("said %q", answer)
	})
}
