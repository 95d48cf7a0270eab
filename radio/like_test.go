package radio_test

import (
	"context"
	"testing"
	"time"

	"packhorse/radio"
	"packhorse/radio/phy"
)

type plain struct{ radio.Radio }

type sensing struct{ plain }

func (sensing) Sense(context.Context, phy.Sensing) (bool, error) { return true, nil }

type clearing struct{ plain }

func (clearing) Clear() time.Time { return time.Unix(1, 0) }

type both struct {
	sensing
	clearing
	radio.Radio
}

func TestAWrapperCanWhatItsRadioCan(t *testing.T) {
	for _, tc := range []struct {
		name           string
		outer, inner   radio.Radio
		senses, clears bool
	}{
		{"neither", plain{}, plain{}, false, false},
		{"sensor", plain{}, sensing{}, true, false},
		{"clearer", plain{}, clearing{}, false, true},
		{"both", plain{}, both{}, true, true},
		{"one of its own", clearing{}, sensing{}, true, true},
	} {
		got := radio.Forward(tc.outer, tc.inner)
		_, senses := got.(radio.Sensor)
		_, clears := got.(radio.Clearer)
		if senses != tc.senses || clears != tc.clears {
			t.Errorf("%s: senses %v and clears %v, want %v and %v", tc.name, senses, clears, tc.senses, tc.clears)
		}
	}
}
