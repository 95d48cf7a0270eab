package link

import "testing"

// ETX is what De Couto et al. ("A High-Throughput Path Metric", MobiCom 2003) call it, for one direction; the cost of a neighbour grows with it.
func TestETXAndCostFollowTheLoss(t *testing.T) {
	p := &port{mtu: 254, airtime: sf7, medium: Radio}
	clear := (&path{peer: &peer{}, port: p}).cost()
	if least := 4 * sf7(254); clear < least || clear > 2*least {
		t.Errorf("1,000 octets cost %v without loss, want %v and a little more", clear, least)
	}
	for _, c := range []struct{ loss, etx float64 }{{0, 1}, {.5, 2}, {.75, 4}, {1, 10}} {
		pa := &path{peer: &peer{}, port: p, loss: c.loss}
		if got := pa.etx(); got < c.etx*.999 || got > c.etx*1.001 {
			t.Errorf("loss %v: ETX %v, want %v", c.loss, got, c.etx)
		}
		if r := pa.cost().Seconds() / clear.Seconds(); r < .8*c.etx || r > c.etx {
			t.Errorf("loss %v: the cost is %.2f times that without, want about %v", c.loss, r, c.etx)
		}
	}
}
