package radio_test

import (
	"context"
	"errors"
	"testing"

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
