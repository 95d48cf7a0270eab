package clock

import (
	"context"
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"testing"
	"time"
)

func TestSplitServer(t *testing.T) {
	for name, want := range map[string]netip.AddrPort{
		"192.0.2.1": netip.MustParseAddrPort("192.0.2.1:123"), "192.0.2.1:1123": netip.MustParseAddrPort("192.0.2.1:1123"),
		"2001:db8::1": netip.MustParseAddrPort("[2001:db8::1]:123"), "[2001:db8::1]:1123": netip.MustParseAddrPort("[2001:db8::1]:1123"),
	} {
		host, port, err := splitServer(name)
		if err != nil || host != want.Addr().String() || port != want.Port() {
			t.Errorf("%s: got %s %d, %v", name, host, port, err)
		}
	}
	if host, port, err := splitServer("ntp.example"); host != "ntp.example" || port != 123 || err != nil {
		t.Error(host, port, err)
	}
	if _, _, err := splitServer("ntp.example:x"); err == nil {
		t.Error("x is a port")
	}
}

// serveNTP answers one request as told and returns the address.
func serveNTP(t *testing.T, answer func(b []byte)) netip.AddrPort {
	c, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:0")))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	go func() {
		b := make([]byte, 512)
		n, from, err := c.ReadFromUDPAddrPort(b)
		if err != nil || n < 48 {
			return
		}
		a := make([]byte, 48)
		a[0], a[1] = 0x24, 2 // version 4, server
		copy(a[24:], b[40:48])
		answer(a)
		c.WriteToUDPAddrPort(a, from)
	}()
	return c.LocalAddr().(*net.UDPAddr).AddrPort()
}

// stamp writes a time of NTP: seconds since 1900 and their fraction.
func stamp(b []byte, t time.Time) {
	binary.BigEndian.PutUint32(b, uint32(t.Unix()+2208988800))
	binary.BigEndian.PutUint32(b[4:], uint32(uint64(t.Nanosecond())<<32/1e9))
}

func TestQueryARealSocket(t *testing.T) {
	ahead := time.Now().Add(time.Hour)
	good := func(a []byte) { stamp(a[16:], ahead); stamp(a[32:], ahead); stamp(a[40:], ahead) }
	s, err := query(context.Background(), serveNTP(t, good))
	if err != nil || (s.offset-time.Hour).Abs() > time.Minute {
		t.Errorf("got %+v, %v", s, err)
	}
	for what, spoil := range map[string]func(a []byte){
		"kiss of death":      func(a []byte) { good(a); a[1] = 0; copy(a[12:], "RATE") },
		"not in sync itself": func(a []byte) { good(a); a[0] |= 0xc0 },
		"stratum 16":         func(a []byte) { good(a); a[1] = 16 },
		"1999": func(a []byte) {
			for _, i := range []int{16, 32, 40} {
				stamp(a[i:], time.Date(1999, 1, 1, 0, 0, 0, 0, time.UTC))
			}
		},
	} {
		s, err := query(context.Background(), serveNTP(t, spoil))
		if err == nil || errors.Is(err, errGoAway) != (what == "kiss of death") {
			t.Errorf("%s: got %+v, %v", what, s, err)
		}
	}
}
