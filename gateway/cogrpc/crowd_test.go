package cogrpc

import (
	"net/netip"
	"testing"
)

func TestCustomerWithManyAddressesHasOneShare(t *testing.T) {
	for _, tc := range []struct {
		name string
		from []string
		in   int // of them
	}{
		{"one network of the Internet", []string{"2001:db8::1", "2001:db8::2", "2001:db8::3"}, 2},
		{"two networks of the Internet", []string{"2001:db8::1", "2001:db8:0:1::1", "2001:db8::2", "2001:db8:0:1::2"}, 4},
		{"a local network", []string{"fe80::1", "fe80::2", "fe80::3"}, 3},
		{"one address", []string{"192.0.2.1", "192.0.2.1", "192.0.2.1"}, 2},
	} {
		c, in := newCrowd(4), 0
		for _, a := range tc.from {
			if c.enter(netip.MustParseAddr(a)) {
				in++
			}
		}
		if in != tc.in {
			t.Errorf("%s: %d got in, want %d", tc.name, in, tc.in)
		}
		for _, a := range tc.from[:in] {
			c.exit(netip.MustParseAddr(a))
		}
		if len(c.of) != 0 || c.all != 0 {
			t.Errorf("%s: %d are left behind", tc.name, c.all)
		}
	}
}
