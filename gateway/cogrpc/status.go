package cogrpc

import (
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Codes by which servers tell refusals. A collection has other ones than a delivery.
var (
	deliverCodes = map[Refusal]codes.Code{Full: codes.ResourceExhausted, Invalid: codes.InvalidArgument,
		Foreign: codes.InvalidArgument, Spent: codes.InvalidArgument}
	collectCodes = map[Refusal]codes.Code{Full: codes.ResourceExhausted, Invalid: codes.Unauthenticated,
		Foreign: codes.InvalidArgument, Spent: codes.PermissionDenied}
	deliverRefusals = map[codes.Code]Refusal{codes.ResourceExhausted: Full, codes.InvalidArgument: Invalid}
	collectRefusals = map[codes.Code]Refusal{codes.Unauthenticated: Invalid, codes.InvalidArgument: Foreign,
		codes.PermissionDenied: Spent}
)

// statusOf is what a server answers for an error of its backend. Others than refusals are told without their
// text, which may name files.
func statusOf(err error, table map[Refusal]codes.Code) error {
	var e *Error
	if !errors.As(err, &e) {
		return status.Error(codes.Internal, "internal error; try again later")
	}
	return status.Error(table[e.Refusal], e.Detail)
}

// refusalOf turns what a client heard into an Error where it is one.
func refusalOf(err error, table map[codes.Code]Refusal) error {
	s, ok := status.FromError(err)
	if !ok || table[s.Code()] == 0 {
		return err
	}
	return &Error{Refusal: table[s.Code()], Detail: clip(s.Message())}
}

// clip bounds text of strangers.
func clip(s string) string { return s[:min(len(s), 200)] }
