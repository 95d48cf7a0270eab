package shell

import (
	"errors"
	"net/http"

	"packhorse/gateway"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
)

// PoWebError chooses the HTTP status of an error of a core. Those of registrations are left to the server.
func PoWebError(err error) error {
	var r *ramf.Error
	var g *gateway.Error
	switch {
	case errors.As(err, &r):
		return &poweb.StatusError{Status: parcelStatus(r.Refusal), Message: r.Detail}
	case errors.As(err, &g):
		return &poweb.StatusError{Status: gatewayStatus(g.Code), Message: g.Message}
	}
	return err
}

func parcelStatus(r ramf.Refusal) int {
	switch r {
	case ramf.Malformed, ramf.WrongType:
		return http.StatusBadRequest
	case ramf.TooBig:
		return http.StatusRequestEntityTooLarge
	}
	return http.StatusUnprocessableEntity
}

func gatewayStatus(code string) int {
	switch code {
	case "quota":
		return http.StatusInsufficientStorage
	case "not_yet":
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
