package radio

import "context"

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
