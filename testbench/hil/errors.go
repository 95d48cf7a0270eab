package hil

import "fmt"

// Error is what went wrong at a node.
type Error struct {
	Node  string
	Doing string // what was tried, such as "switch on"
	Look  string // what to look at, such as the path of a console log or a cable; may be empty
	Err   error
}

func (e *Error) Error() string {
	text := fmt.Sprintf("node %s: %s: %v", e.Node, e.Doing, e.Err)
	if e.Look != "" {
		text += "; look at " + e.Look
	}
	return text
}

func (e *Error) Unwrap() error { return e.Err }

// Unable says that a rig has no means for what was asked: a suite that needs it is left out and counted, for this reason.
type Unable struct {
	What string // such as "attenuate a link"
	Why  string // such as "the bench file names no attenuator"
}

func (e *Unable) Error() string { return "cannot " + e.What + ": " + e.Why }
