package radio

import (
	"context"
	"time"
)

// Take is the Receive of a driver whose goroutine puts frames into a channel: it waits for the next one. When gone is
// closed, what had come before still comes, and then the error that why points to, which must be set before.
func Take(ctx context.Context, frames <-chan Packet, gone <-chan struct{}, why *error) (Packet, error) {
	select {
	case p := <-frames:
		return p, nil
	default:
	}
	select {
	case p := <-frames:
		return p, nil
	case <-gone:
		return Packet{}, *why
	case <-ctx.Done():
		return Packet{}, ctx.Err()
	}
}

// Because prefers the reason for which such a driver's goroutine has ended to err, which may be nil.
func Because(gone <-chan struct{}, why *error, err error) error {
	select {
	case <-gone:
		return *why
	default:
		return err
	}
}

// Pause waits, unless ctx or such a driver's goroutine ends first.
func Pause(ctx context.Context, gone <-chan struct{}, why *error, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-gone:
		return *why
	case <-ctx.Done():
		return ctx.Err()
	}
}
