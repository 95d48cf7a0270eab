package chip

import (
	"testing"
	"time"

	"packhorse/radio/phy"
)

func TestSense(t *testing.T) {
	law := phy.Sensing{For: 5 * time.Millisecond, BelowDBm: -80}
	virtual("free", t, func(t *testing.T) {
		r, f := open(t)
		busy, err := r.Sense(t.Context(), phy.Sensing{})
		now := f.look()
		if busy || err != nil || now.mode != "rx" || now.detects != 1 || now.samples != 0 {
			t.Errorf("got %v, %v in %s", busy, err, now.mode)
		}
	})
	virtual("activity", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.activity = true })
		busy, err := r.Sense(t.Context(), law)
		now := f.look()
		if !busy || err != nil || now.mode != "rx" {
			t.Errorf("got %v, %v in %s", busy, err, now.mode)
		}
	})
	virtual("after activity the receiver has the time to find the packet", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.activity = true })
		_, _ = r.Sense(t.Context(), law)
		f.do(func() { f.activity = false })
		time.Sleep(phy.Wave{Modulation: sf7}.HeaderTime() - time.Millisecond)
		if busy, err := r.Sense(t.Context(), law); !busy || err != nil || f.look().detects != 1 {
			t.Errorf("before the end of a header: got %v, %v, %d detections", busy, err, f.look().detects)
		}
		time.Sleep(2 * time.Millisecond)
		if busy, err := r.Sense(t.Context(), law); busy || err != nil || f.look().detects != 2 {
			t.Errorf("after it: got %v, %v, %d detections", busy, err, f.look().detects)
		}
	})
	for name, begin := range map[string]func(*fake){
		"header": func(f *fake) { f.tell(Event{Began: true}) },
		"signal": func(f *fake) { f.do(func() { f.signal = true }) },
	} {
		virtual("a packet is coming in: "+name, t, func(t *testing.T) {
			r, f := open(t)
			begin(f)
			busy, err := r.Sense(t.Context(), law)
			now := f.look()
			if !busy || err != nil || now.detects != 0 || now.mode != "rx" {
				t.Errorf("got %v, %v, %d detections", busy, err, now.detects)
			}
		})
	}
	virtual("a packet came in", t, func(t *testing.T) {
		r, f := open(t)
		f.tell(Event{Began: true})
		time.Sleep(time.Millisecond)
		f.hear(1)
		time.Sleep(time.Millisecond)
		if busy, err := r.Sense(t.Context(), law); busy || err != nil {
			t.Errorf("got %v, %v", busy, err)
		}
	})
	virtual("a packet began and never ended", t, func(t *testing.T) {
		r, f := open(t)
		f.tell(Event{Began: true})
		time.Sleep(sf7.TimeOnAir(255) + time.Millisecond)
		if busy, err := r.Sense(t.Context(), law); busy || err != nil {
			t.Errorf("got %v, %v", busy, err)
		}
	})
	virtual("energy for as long as the law says", t, func(t *testing.T) {
		r, f := open(t)
		from := time.Now()
		busy, err := r.Sense(t.Context(), law)
		now := f.look()
		if took := time.Since(from) - 2*sf7.SymbolTime(); busy || err != nil || took < law.For || now.samples < 11 {
			t.Errorf("got %v, %v after %v and %d samples", busy, err, took, now.samples)
		}
	})
	virtual("energy near the end", t, func(t *testing.T) {
		r, f := open(t)
		f.do(func() {
			f.level = func() float64 {
				if f.samples == 10 {
					return -80
				}
				return -120
			}
		})
		if busy, err := r.Sense(t.Context(), law); !busy || err != nil {
			t.Errorf("got %v, %v", busy, err)
		}
	})
	virtual("one sample at least", t, func(t *testing.T) {
		r, f := open(t)
		if busy, err := r.Sense(t.Context(), phy.Sensing{For: 1, BelowDBm: -80}); busy || err != nil || f.look().samples == 0 {
			t.Errorf("got %v, %v, %d samples", busy, err, f.look().samples)
		}
	})
	virtual("detection that does not end", t, func(t *testing.T) {
		r, f := open(t, func(f *fake) { f.hang = true })
		_, err := r.Sense(t.Context(), law)
		checkInterrupted(t, err, ErrStuck)
		now := f.look()
		if now.mode != "rx" {
			t.Error(now.mode)
		}
	})
}
