package app

import (
	"context"
	"errors"
	"net/http"

	"packhorse/gateway/poweb"
	"packhorse/store"
)

// Reason is why something did not work, for programs.
type Reason string

const (
	Usage        Reason = "usage"        // what was asked for makes no sense: a broken card, a name that is taken
	Busy         Reason = "busy"         // another program, or another call, has it
	NotContact   Reason = "not_contact"  // nobody is known by that name, or they let us write no more
	Unregistered Reason = "unregistered" // with a gateway, or not with the one that answers
	Unreachable  Reason = "unreachable"  // no gateway answers
	NotYet       Reason = "not_yet"      // the gateway cannot now
	Refused      Reason = "refused"      // the gateway will never take this
	Full         Reason = "full"         // no room
	Disk         Reason = "disk"         // the directory cannot be read or written
)

// Error is what went wrong and what to do about it.
type Error struct {
	Reason  Reason
	Message string
	Fix     string // what to do next
	Err     error  // below it; may be nil
}

// Error is the message and the fix, one line.
func (e *Error) Error() string {
	if e.Fix == "" {
		return "app: " + e.Message
	}
	return "app: " + e.Message + ": " + e.Fix
}

func (e *Error) Unwrap() error { return e.Err }

// ReasonOf finds the Reason of an error; empty: it has none, such as the end of a context.
func ReasonOf(err error) Reason {
	var e *Error
	if errors.As(err, &e) {
		return e.Reason
	}
	return ""
}

// storeError is an error of the directory.
func storeError(err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, store.ErrFull):
		return &Error{Reason: Full, Message: err.Error(), Fix: "free space on the disk, or give the endpoint more with Options.MaxBytes", Err: err}
	}
	return &Error{Reason: Disk, Message: err.Error(), Fix: "look at the disk and at who may read and write the directory", Err: err}
}

// gatewayError turns what a client of PoWeb hears into words. An answer that is none of the gateway's stays as it is.
func gatewayError(url string, err error) error {
	var c *poweb.ClientError
	if !errors.As(err, &c) || errors.Is(err, context.Canceled) {
		return err
	}
	said := c.Message
	if said == "" {
		said = c.Error()
	}
	switch {
	case c.Status == 0:
		return &Error{Reason: Unreachable, Message: "no gateway answers at " + url + " (" + c.Error() + ")", Fix: "start it there, or register with another one", Err: err}
	case c.Unauthorised():
		return &Error{Reason: Unregistered, Message: "the gateway does not know this endpoint: " + said, Fix: "register again", Err: err}
	case c.Refused():
		return &Error{Reason: Refused, Message: "the gateway refuses it: " + said, Fix: fixOf(c.Status), Err: err}
	}
	return &Error{Reason: NotYet, Message: "the gateway cannot take it now: " + said, Fix: "look at the gateway's own status; what waits here is sent again", Err: err}
}

// fixOf is what to do about a refusal of a parcel.
func fixOf(status int) string {
	switch status {
	case http.StatusRequestEntityTooLarge:
		return "send less at once: a parcel has at most 8,322,038 octets"
	case http.StatusUnprocessableEntity:
		return "above a rate limit: send it again later; too old: send it again; else ask the recipient to authorise this endpoint again"
	}
	return "this program and the gateway do not speak the same language: update both"
}
