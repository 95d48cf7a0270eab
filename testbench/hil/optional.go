package hil

import "context"

// Feeder is a node whose commands can be given something to read, such as a file to send: SSH and processes can, a serial
// console cannot.
type Feeder interface {
	// RunWith is Run with stdin.
	RunWith(ctx context.Context, stdin []byte, args ...string) (Result, error)
}

// Starter is a node on which a command can go on while others are given. A Console does the same by Type, Expect and Finish.
type Starter interface {
	Start(ctx context.Context, args ...string) (Running, error)
}

// Running is a command that was started. One goroutine at a time may use it, and must call Wait.
type Running interface {
	// Line waits for the next line that the command prints.
	Line(ctx context.Context) (string, error)
	// Wait waits for its end. Output holds the lines that Line has not returned.
	Wait(ctx context.Context) (Result, error)
}

// Readier is a node that knows by other means than its console when its gateway is ready. Slot is empty where there are none.
type Readier interface {
	Ready(ctx context.Context) (Banner, error)
}

// Observer is an Air that counts frames itself: Frames may be called at any time, by any goroutine, and while nodes are off.
// Other airs ask the nodes.
type Observer interface {
	Air
	Observes()
}
