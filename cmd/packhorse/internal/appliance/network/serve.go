package network

import (
	"context"
	"time"
)

// serve moves a station until ctx ends or the interface is gone.
func serve(ctx context.Context, st *station, carrier <-chan bool, reports chan<- report) error {
	s, err := openSockets(st.index)
	if err != nil {
		return err
	}
	defer s.close()
	st.wire = s
	stop := make(chan struct{})
	defer close(stop)
	ip, arp := make(chan []byte), make(chan []byte)
	go read(s.raw, ip, stop)
	go read(s.arp, arp, stop)
	timer := time.NewTimer(time.Hour)
	defer timer.Stop()
	for {
		reports <- report{st.index, st.link}
		timer.Stop()
		if next := st.next(); !next.IsZero() {
			timer.Reset(time.Until(next))
		}
		select {
		case <-ctx.Done():
			st.end(time.Now())
			return nil
		case up := <-carrier:
			st.carrier(time.Now(), up)
		case b := <-ip:
			now := time.Now()
			st.dhcp.Receive(now, b)
			st.settle(now)
		case b := <-arp:
			now := time.Now()
			st.claim.Receive(now, b)
			st.settle(now)
		case <-timer.C:
			st.timeout(time.Now())
		}
	}
}
