package radio_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/radio"
)

func TestTake(t *testing.T) {
	frames, gone := make(chan radio.Packet, 2), make(chan struct{})
	why := errors.New("unplugged")
	frames <- radio.Packet{Data: []byte("last")}
	close(gone)
	if p, err := radio.Take(t.Context(), frames, gone, &why); err != nil || string(p.Data) != "last" {
		t.Errorf("got %q, %v, want what had come before the end", p.Data, err)
	}
	if _, err := radio.Take(t.Context(), frames, gone, &why); err != why {
		t.Errorf("got %v, want the reason of the end", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := radio.Take(ctx, frames, nil, &why); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want the end of the context", err)
	}
}

func TestPauseAndItsReasons(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		why, gone := errors.New("unplugged"), make(chan struct{})
		from, refused := time.Now(), errors.New("refused")
		if err := radio.Pause(t.Context(), gone, &why, time.Second); err != nil || time.Since(from) != time.Second {
			t.Errorf("%v after %v, want a second", err, time.Since(from))
		}
		if err := radio.Because(gone, &why, refused); err != refused {
			t.Errorf("got %v, want %v", err, refused)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := radio.Pause(ctx, gone, &why, time.Hour); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want the end of the context", err)
		}
		close(gone)
		if err := radio.Pause(t.Context(), gone, &why, time.Hour); err != why {
			t.Errorf("got %v, want %v", err, why)
		}
		if err := radio.Because(gone, &why, refused); err != why {
			t.Errorf("got %v, want %v", err, why)
		}
	})
}
