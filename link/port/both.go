package port

import (
	"context"
	"time"
)

// both runs two loops of one port; the first to end ends the other, and its
// error is the answer.
func both(ctx context.Context, a, b func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ends := make(chan error, 2)
	for _, f := range []func(context.Context) error{a, b} {
		go func() { ends <- f(ctx) }()
	}
	err := <-ends
	cancel()
	<-ends
	return err
}

// pause waits, or ends with ctx.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
