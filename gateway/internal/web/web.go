// Package web is what Awala's bindings over HTTP have in common: errors as JSON, bodies of bounded size, and places
// that strangers share.
package web

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

const (
	maxAhead    = 256 << 10 // octets of a body that are believed before they come
	bodyTimeout = time.Minute
	slowest     = 16 << 10 // octets a second
)

// StatusError makes a server answer an HTTP status other than 500.
type StatusError struct {
	Status  int
	Message string
}

func (e *StatusError) Error() string { return e.Message }

// Fail is a StatusError.
func Fail(status int, message string) *StatusError { return &StatusError{status, message} }

// Patience is how long to wait for size octets on a slow line, besides the usual.
func Patience(size int64) time.Duration { return time.Duration(max(0, size)) * time.Second / slowest }

// AnswerError writes an error as JSON; nil writes nothing.
func AnswerError(w http.ResponseWriter, err error) {
	if err == nil {
		return
	}
	status := http.StatusInternalServerError
	var s *StatusError
	if errors.As(err, &s) {
		status = s.Status
	}
	body, _ := json.Marshal(map[string]string{"message": err.Error()}) // a map of strings always encodes
	Answer(w, status, "application/json", body)
}

// Answer writes a whole answer.
func Answer(w http.ResponseWriter, status int, contentType string, body []byte) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// ReadBody reads a body of at most limit octets. Errors are *StatusError.
func ReadBody(w http.ResponseWriter, r *http.Request, limit int64) ([]byte, error) {
	if r.ContentLength > limit {
		return nil, tooBig(limit)
	}
	// Without a deadline a client that stalls would keep its place for ever. Recorders in
	// tests have none to set.
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout + Patience(r.ContentLength)))
	buf := bytes.NewBuffer(make([]byte, 0, min(max(0, r.ContentLength), maxAhead)+bytes.MinRead))
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, limit))
	var tooLong *http.MaxBytesError
	if errors.As(err, &tooLong) {
		return nil, tooBig(limit)
	}
	if err != nil {
		return nil, Fail(http.StatusBadRequest, "the body broke off: "+err.Error())
	}
	return buf.Bytes(), nil
}

// CheckType compares the content type of a request; parameters and case do not matter.
func CheckType(r *http.Request, want string) error {
	got, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if !strings.EqualFold(strings.TrimSpace(got), want) {
		return Fail(http.StatusUnsupportedMediaType, fmt.Sprintf("content type is %q, use %s", got, want))
	}
	return nil
}

func tooBig(limit int64) error {
	return Fail(http.StatusRequestEntityTooLarge, fmt.Sprintf("the body is larger than %d octets", limit))
}
