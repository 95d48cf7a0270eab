package radio

import (
	"context"
	"testing"
	"time"

	"packhorse/radio/phy"
)

type plain struct{ Radio }

type sensing struct{}

func (sensing) Sense(context.Context, phy.Sensing) (bool, error) { return true, nil }

type clearing struct{}

func (clearing) Clear() time.Time { return time.Unix(1, 0) }

type timing struct{}

func (timing) OnAir() time.Duration { return 1 }

func TestForwardGivesWhatIsThereAndNoMore(t *testing.T) {
	for name, inner := range map[string]Radio{
		"none": plain{},
		"s": struct {
			plain
			sensing
		}{},
		"c": struct {
			plain
			clearing
		}{},
		"t": struct {
			plain
			timing
		}{},
		"sc": struct {
			plain
			sensing
			clearing
		}{},
		"st": struct {
			plain
			sensing
			timing
		}{},
		"ct": struct {
			plain
			clearing
			timing
		}{},
		"sct": struct {
			plain
			sensing
			clearing
			timing
		}{},
	} {
		got := Forward(plain{}, inner)
		if can(got) != can(inner) {
			t.Errorf("%s: got %v, want %v", name, can(got), can(inner))
		}
	}
}

// can lists the optional interfaces.
func can(r Radio) (c [3]bool) {
	_, c[0] = r.(Sensor)
	_, c[1] = r.(Clearer)
	_, c[2] = r.(Timed)
	return c
}

type late struct{ plain }

func (late) Clear() time.Time { return time.Unix(2, 0) }

type measuring struct{ plain }

func (measuring) Channel() ChannelStats { return ChannelStats{Busy: 0.5, NoiseDBm: -117} }

func TestForwardOfTheMeter(t *testing.T) {
	if got := Forward(plain{}, measuring{}).(Meter).Channel(); got.Busy != 0.5 || got.NoiseDBm != -117 {
		t.Errorf("got %+v", got)
	}
	if got := Forward(plain{}, plain{}).(Meter).Channel(); Measured(got.Busy) || Measured(got.NoiseDBm) {
		t.Errorf("nothing below: got %+v, want nothing measured", got)
	}
}

func TestForwardPrefersTheWrappersOwn(t *testing.T) {
	got := Forward(late{}, struct {
		plain
		clearing
	}{})
	if at := got.(Clearer).Clear(); at != time.Unix(2, 0) {
		t.Errorf("got %v, want the wrapper's answer", at)
	}
}
