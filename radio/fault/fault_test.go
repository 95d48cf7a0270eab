package fault_test

import (
	"bytes"
	"context"
	"errors"
	"math/bits"
	"testing"
	"testing/synctest"

	"packhorse/radio"
	"packhorse/radio/fault"
	"packhorse/radio/phy"
)

// loop hears all that it sends.
type loop struct {
	radio.Radio
	air [][]byte
}

func (l *loop) Transmit(_ context.Context, frame []byte) error {
	l.air = append(l.air, bytes.Clone(frame))
	return nil
}

func (l *loop) Receive(context.Context) (radio.Packet, error) {
	if len(l.air) == 0 {
		return radio.Packet{}, errors.New("silence")
	}
	p := radio.Packet{Data: l.air[0]}
	l.air = l.air[1:]
	return p, nil
}

func (l *loop) Sense(context.Context, phy.Sensing) (bool, error) { return false, nil }

const frames = 2000

// run sends and receives many frames, and returns all that came up.
func run(t *testing.T, p fault.Plan) ([]radio.Packet, int, fault.Counts) {
	t.Helper()
	r, counts, err := fault.Wrap(&loop{}, p)
	if err != nil {
		t.Fatal(err)
	}
	ctx, refused := context.Background(), 0
	for range frames {
		if err := r.Transmit(ctx, []byte("a frame")); errors.Is(err, fault.ErrInjected) {
			refused++
		}
	}
	var got []radio.Packet
	for {
		p, err := r.Receive(ctx)
		if err != nil {
			return got, refused, counts.Counts()
		}
		got = append(got, p)
	}
}

func near(got int, share float64) bool {
	want := share * frames
	return float64(got) > 0.8*want && float64(got) < 1.2*want
}

func TestEachFaultComesAsOftenAsPlanned(t *testing.T) {
	got, refused, c := run(t, fault.Plan{Seed: 1, Refuse: 0.1})
	if !near(refused, 0.1) || len(got) != frames-refused || c.Refused != refused {
		t.Errorf("refused %d of %d, %d came up", refused, frames, len(got))
	}
	if got, _, c := run(t, fault.Plan{Seed: 1, LoseSent: 0.2}); !near(c.LostSent, 0.2) || len(got) != frames-c.LostSent {
		t.Errorf("%+v with %d received", c, len(got))
	}
	if got, _, c := run(t, fault.Plan{Seed: 1, LoseReceived: 0.3}); !near(c.LostReceived, 0.3) || len(got) != frames-c.LostReceived {
		t.Errorf("%+v with %d received", c, len(got))
	}
	if got, _, c := run(t, fault.Plan{Seed: 1, Repeat: 0.1}); !near(c.Repeated, 0.1) || len(got) != frames+c.Repeated {
		t.Errorf("%+v with %d received", c, len(got))
	}
	got, _, c = run(t, fault.Plan{Seed: 1, Damage: 0.1})
	wrong := 0
	for _, p := range got {
		differ := 0
		for i, b := range []byte("a frame") {
			differ += bits.OnesCount8(b ^ p.Data[i])
		}
		wrong += differ
	}
	if !near(c.Damaged, 0.1) || wrong != c.Damaged {
		t.Errorf("%d bits differ, %+v", wrong, c)
	}
}

func TestASeedIsAFate(t *testing.T) {
	plan := fault.Plan{Seed: 7, LoseSent: 0.1, LoseReceived: 0.1, Damage: 0.1, Repeat: 0.1, Refuse: 0.1}
	a, _, _ := run(t, plan)
	b, _, _ := run(t, plan)
	plan.Seed = 8
	c, _, _ := run(t, plan)
	if join(a) != join(b) || join(a) == join(c) {
		t.Error("the same seed differs, or two seeds agree")
	}
}

func join(all []radio.Packet) (s string) {
	for _, p := range all {
		s += string(p.Data) + "\n"
	}
	return s
}

func TestGone(t *testing.T) {
	r, _, err := fault.Wrap(&loop{}, fault.Plan{GoneAfter: 2})
	if err != nil {
		t.Fatal(err)
	}
	ctx := context.Background()
	if err := errors.Join(r.Transmit(ctx, []byte("x")), r.Transmit(ctx, []byte("y"))); err != nil {
		t.Fatal(err)
	}
	_, err = r.Receive(ctx)
	if !errors.Is(err, fault.ErrInjected) || !errors.Is(r.Transmit(ctx, []byte("z")), fault.ErrInjected) {
		t.Errorf("got %v, want the radio gone for good", err)
	}
}

// silence hears nothing for ever.
type silence struct{ loop }

func (s *silence) Receive(ctx context.Context) (radio.Packet, error) {
	<-ctx.Done()
	return radio.Packet{}, ctx.Err()
}

func TestGoneEndsWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, _, err := fault.Wrap(&silence{}, fault.Plan{GoneAfter: 2})
		if err != nil {
			t.Fatal(err)
		}
		ended := make(chan error, 1)
		go func() {
			_, err := r.Receive(t.Context())
			ended <- err
		}()
		synctest.Wait()
		if err := r.Transmit(t.Context(), []byte("x")); err != nil {
			t.Fatal(err)
		}
		if err := <-ended; !errors.Is(err, fault.ErrInjected) {
			t.Errorf("got %v, want the radio gone", err)
		}
	})
}

func TestWrapKeepsWhatTheRadioCanAndRefusesNonsense(t *testing.T) {
	r, _, err := fault.Wrap(&loop{}, fault.Plan{})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := r.(radio.Sensor); !ok {
		t.Error("it cannot listen any more")
	}
	for _, p := range []fault.Plan{{Refuse: 1.1}, {Damage: -0.1}, {LoseReceived: 1}} {
		if _, _, err := fault.Wrap(&loop{}, p); err == nil {
			t.Errorf("%+v was taken", p)
		}
	}
}
