package admin

import (
	"errors"
	"net/http"
)

// Code is a machine-readable error word; each has one exit code of the CLI.
type Code string

// The codes, with the exit code that the CLI ends with. The list only grows.
const (
	CodeFailed   Code = "failed"    // 1
	CodeNotFound Code = "not_found" // 1: no such parcel, letter or contact
	CodeUsage    Code = "usage"     // 2
	CodeOffline  Code = "offline"   // 3
	CodeRefused  Code = "refused"   // 4: policy, authorisation
	CodeQuota    Code = "quota"     // 4
	CodeNotYet   Code = "not_yet"   // 5
	CodeRegion   Code = "region"    // 7
)

// codes joins each code to its exit code and HTTP status.
var codes = map[Code]struct{ exit, status int }{
	CodeFailed:   {1, http.StatusInternalServerError},
	CodeNotFound: {1, http.StatusNotFound},
	CodeUsage:    {2, http.StatusBadRequest},
	CodeOffline:  {3, http.StatusServiceUnavailable},
	CodeRefused:  {4, http.StatusForbidden},
	CodeQuota:    {4, http.StatusInsufficientStorage},
	CodeNotYet:   {5, http.StatusGatewayTimeout},
	CodeRegion:   {7, http.StatusConflict},
}

// Exit is the exit code that goes with a code; 1 for a word it does not know.
func (c Code) Exit() int {
	if k, ok := codes[c]; ok {
		return k.exit
	}
	return 1
}

// Error is what went wrong and what to do next. Exit may be left 0: it then follows
// from Code.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
	Fix     string `json:"fix,omitempty"`
	Exit    int    `json:"exit"`
	// RetryAfterS is when asking again may help, in seconds; absent when unknown.
	RetryAfterS float64 `json:"retry_after_s,omitempty"`
}

// Error is the message alone; a person also wants Fix.
func (e *Error) Error() string { return e.Message }

// AsError finds the *Error in err, or makes one of CodeFailed, and fills in Exit. The
// result is a copy. A nil err answers nil.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	out := Error{Code: CodeFailed, Message: err.Error()}
	var e *Error
	if errors.As(err, &e) && e != nil {
		out = *e
	}
	if out.Exit == 0 {
		out.Exit = out.Code.Exit()
	}
	return &out
}

// status is the HTTP status an error is answered with.
func (e *Error) status() int {
	if k, ok := codes[e.Code]; ok {
		return k.status
	}
	return http.StatusInternalServerError
}
