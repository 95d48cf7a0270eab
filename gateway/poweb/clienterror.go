package poweb

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"unicode"
)

// maxMessage bounds what is repeated of a gateway's words, in octets.
const maxMessage = 200

// ClientError is what a Client hears instead of an answer.
type ClientError struct {
	What    string // was asked
	Status  int    // of HTTP; 0: there was no answer, or a broken one, and Err says why
	Message string // the gateway's own words, printable; may be empty
	Err     error
}

// Error is one line.
func (e *ClientError) Error() string {
	switch {
	case e.Err != nil:
		return "poweb: " + e.What + ": " + e.Err.Error()
	case e.Message != "":
		return fmt.Sprintf("poweb: %s: %d: %s", e.What, e.Status, e.Message)
	}
	return fmt.Sprintf("poweb: %s: %d %s", e.What, e.Status, http.StatusText(e.Status))
}

func (e *ClientError) Unwrap() error { return e.Err }

// Refused tells that the gateway will never take what was sent, because of what it is: drop it. All else is about
// the gateway, the way to it, or who delivers: keep it.
func (e *ClientError) Refused() bool {
	switch e.Status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnprocessableEntity:
		return true
	}
	return false
}

// Unauthorised tells that the gateway does not take who delivers: a registration that ended, or another
// gateway at this address.
func (e *ClientError) Unauthorised() bool {
	return e.Status == http.StatusUnauthorized || e.Status == http.StatusForbidden
}

// messageOf reads the words of an error's body.
func messageOf(b []byte) string {
	var v struct{ Message string }
	if json.Unmarshal(b[:min(len(b), maxAnswer)], &v) != nil {
		return ""
	}
	return clip(v.Message)
}

// clip makes a stranger's words fit for a log or a terminal.
func clip(s string) string {
	s = strings.ToValidUTF8(s[:min(len(s), maxMessage)], "")
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return ' '
	}, s)
}
