package board

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// sentence puts the checksum on.
func sentence(body string) string {
	sum := byte(0)
	for i := range len(body) {
		sum ^= body[i]
	}
	return fmt.Sprintf("$%s*%02X", body, sum)
}

func rmc(at time.Time, status, mode string) string {
	return sentence(fmt.Sprintf("GNRMC,%s,%s,5133.82,N,00042.24,W,0.0,231.8,%s,,,%s", at.Format("150405.00"), status, at.Format("020106"), mode))
}

func zda(at time.Time) string {
	return sentence("GPZDA," + at.Format("150405.00,02,01,2006") + ",00,00")
}

// feed gives a GPS a sentence a second.
func feed(lines ...string) (*GPS, time.Time) {
	g := &GPS{}
	at := noon
	for _, l := range lines {
		at = at.Add(time.Second)
		g.Sentence(l, at)
	}
	return g, at
}

func TestGPSNeedsTwoFixesThatFit(t *testing.T) {
	sat := noon.Add(3 * time.Hour) // what the satellites say; the clock here is behind
	next := func(n int) time.Time { return sat.Add(time.Duration(n) * time.Second) }
	type heard struct {
		lines []string
		known bool
	}
	for name, c := range map[string]heard{
		"two":                {[]string{rmc(next(1), "A", "A"), rmc(next(2), "A", "D")}, true},
		"old receiver":       {[]string{sentence("GPRMC,150001,A,5133.82,N,00042.24,W,0.0,0.0,221126,,"), sentence("GPRMC,150002,A,5133.82,N,00042.24,W,0.0,0.0,221126,,")}, true},
		"one":                {[]string{rmc(next(1), "A", "A")}, false},
		"none":               {nil, false},
		"no position":        {[]string{rmc(next(1), "V", "N"), rmc(next(2), "V", "N")}, false},
		"estimated":          {[]string{rmc(next(1), "A", "E"), rmc(next(2), "A", "E")}, false},
		"simulated":          {[]string{rmc(next(1), "A", "S"), rmc(next(2), "A", "S")}, false},
		"a leap between":     {[]string{rmc(next(1), "A", "A"), rmc(next(9), "A", "A")}, false},
		"lost between":       {[]string{rmc(next(1), "A", "A"), rmc(next(2), "V", "N"), rmc(next(3), "A", "A")}, false},
		"1,024 weeks behind": {[]string{rmc(next(1).AddDate(0, 0, -7168), "A", "A"), rmc(next(2).AddDate(0, 0, -7168), "A", "A")}, false},
		"ZDA agrees":         {[]string{rmc(next(1), "A", "A"), zda(next(2)), rmc(next(3), "A", "A")}, true},
		"ZDA contradicts":    {[]string{rmc(next(1), "A", "A"), zda(next(2).AddDate(-20, 0, 0)), rmc(next(3), "A", "A")}, false},
		"ZDA alone":          {[]string{zda(next(1)), zda(next(2))}, false},
		"damaged":            {[]string{strings.Replace(rmc(next(1), "A", "A"), "N", "S", 2), strings.Replace(rmc(next(2), "A", "A"), "5133", "5134", 1)}, false},
		"no checksum":        {[]string{strings.Split(rmc(next(1), "A", "A"), "*")[0], strings.Split(rmc(next(2), "A", "A"), "*")[0]}, false},
	} {
		g, at := feed(c.lines...)
		got, known := g.Time(at)
		if known != c.known {
			t.Errorf("%s: got %v, %v, want %v", name, got, known, c.known)
		}
		if want := next(len(c.lines)); known && got.Sub(want).Abs() > time.Second {
			t.Errorf("%s: got %v, want %v", name, got, want)
		}
	}
}

func TestGPSVouchesForAClockThatAgrees(t *testing.T) {
	g, at := feed(rmc(noon.Add(time.Second), "A", "A"), rmc(noon.Add(2*time.Second), "A", "A"))
	for after, want := range map[time.Duration]bool{0: true, fixLife: true, fixLife + time.Second: false, -time.Minute: false} {
		if g.Confirms(at.Add(after)) != want {
			t.Errorf("%v after: got %v", after, !want)
		}
	}
	g, at = feed(rmc(noon.Add(time.Hour), "A", "A"), rmc(noon.Add(time.Hour+time.Second), "A", "A"))
	if _, known := g.Time(at); !known || g.Confirms(at) {
		t.Errorf("a clock an hour behind: known %v, confirmed %v", known, g.Confirms(at))
	}
	var none *GPS
	if none.Confirms(noon) {
		t.Error("no receiver confirms nothing")
	}
}

func TestGPSReadsAPort(t *testing.T) {
	text := "\xff\x00garbage\r\n" + strings.Repeat("x", 3*maxSentence) + "\r\n" + rmc(noon, "A", "A") + "\r\n$GPGSV,1,1,00*79\r\n" + rmc(noon, "A", "A") + "\r\n" + "$GPRMC,half"
	g := &GPS{}
	if err := g.Read(strings.NewReader(text)); err != nil {
		t.Error(err)
	}
	if got, known := g.Time(time.Now()); !known || got.Sub(noon).Abs() > time.Minute {
		t.Errorf("got %v, %v, want %v", got, known, noon)
	}
}

func FuzzGPSSentence(f *testing.F) {
	f.Add(rmc(noon, "A", "A"))
	f.Add(zda(noon))
	f.Add("$GPRMC,,V,,,,,,,,,,N*53")
	f.Add(sentence("GPZDA,999999.99,99,99,9999,99,99"))
	f.Fuzz(func(t *testing.T, body string) {
		g := &GPS{}
		for i, line := range []string{body, sentence(strings.Trim(body, "$")), rmc(noon, "A", "A"), body} {
			g.Sentence(line, noon.Add(time.Duration(i)*time.Second))
		}
		if got, known := g.Time(noon.Add(4 * time.Second)); known && got.Year() < firstPlausible {
			t.Errorf("got %v", got)
		}
	})
}

func TestRTC(t *testing.T) {
	for _, c := range []struct {
		files map[string]string
		ok    bool
	}{
		{map[string]string{"/sys/class/rtc/rtc0/hctosys": "1\n", "/sys/class/rtc/rtc0/since_epoch": fmt.Sprintf("%d\n", noon.Unix())}, true},
		{map[string]string{"/sys/class/rtc/rtc0/hctosys": "0\n", "/sys/class/rtc/rtc0/since_epoch": "1\n", "/sys/class/rtc/rtc1/hctosys": "1\n", "/sys/class/rtc/rtc1/since_epoch": fmt.Sprint(noon.Unix())}, true},
		{map[string]string{"/sys/class/rtc/rtc0/hctosys": "0\n", "/sys/class/rtc/rtc0/since_epoch": fmt.Sprint(noon.Unix())}, false},
		{map[string]string{"/sys/class/rtc/rtc0/hctosys": "1\n", "/sys/class/rtc/rtc0/since_epoch": "12345\n"}, false},
		{map[string]string{"/sys/class/rtc/rtc0/hctosys": "1\n", "/sys/class/rtc/rtc0/since_epoch": "not a number\n"}, false},
		{nil, false},
	} {
		if got, ok := tree(t, c.files).RTC(); ok != c.ok || ok && !got.Equal(noon) {
			t.Errorf("%v: got %v, %v", c.files, got, ok)
		}
	}
}

func TestRTCVouchesForAClockThatAgrees(t *testing.T) {
	h := tree(t, map[string]string{"/sys/class/rtc/rtc0/hctosys": "1\n", "/sys/class/rtc/rtc0/since_epoch": fmt.Sprint(noon.Unix())})
	for off, want := range map[time.Duration]bool{0: true, 50 * time.Second: true, -50 * time.Second: true, 2 * time.Minute: false, -2 * time.Minute: false} {
		if c := (&ClockSource{Host: h}); c.rtcConfirms(noon.Add(off)) != want {
			t.Errorf("%v apart: got %v", off, !want)
		}
	}
	c := &ClockSource{Host: h}
	if !c.rtcConfirms(noon) || !c.rtcConfirms(noon.Add(9*time.Minute)) {
		t.Error("what was read a while ago counts on")
	}
	if c.rtcConfirms(noon.Add(11 * time.Minute)) {
		t.Error("it is read again after ten minutes, and has stood still")
	}
	if (&ClockSource{Host: tree(t, pi4)}).rtcConfirms(noon) {
		t.Error("no clock with a battery confirms nothing")
	}
}

func TestClockWords(t *testing.T) {
	for q, want := range []string{"none", "set", "ntp", "gps", "rtc"} {
		if got := ClockQuality(q).String(); got != want {
			t.Errorf("%d: got %s, want %s", q, got, want)
		}
	}
}
