package discovery

import (
	"errors"
	"fmt"
)

// Kind sorts what can go wrong by what helps.
type Kind uint8

const (
	BadAddress    Kind = iota + 1 // not of the form that it needs
	NoSuchAddress                 // the name, or the service for it, does not exist
	NotSigned                     // there is an answer, but DNSSEC does not vouch for it
	Unreachable                   // the resolver cannot be reached
	Failed                        // the resolver cannot find out, or answers nonsense
)

// Error is a lookup that failed.
type Error struct {
	Kind Kind
	Name string // the address
	Err  error  // what is behind it; may be nil
}

func (e *Error) Error() string {
	what := map[Kind]string{BadAddress: "is not an address that can be used", NoSuchAddress: "does not exist, or does not offer this service",
		NotSigned: "is not signed with DNSSEC", Unreachable: "cannot be looked up: the resolver is out of reach",
		Failed: "cannot be looked up: the resolver failed"}[e.Kind]
	if e.Err != nil {
		return fmt.Sprintf("discovery: %q %s: %v", e.Name, what, e.Err)
	}
	return fmt.Sprintf("discovery: %q %s", e.Name, what)
}

func (e *Error) Unwrap() error { return e.Err }

// Fix says what a person can do about it.
func (e *Error) Fix() string {
	switch e.Kind {
	case BadAddress:
		return "write a domain name, such as frankfurt.relaycorp.cloud; an URL of a resolver begins with https://"
	case NoSuchAddress:
		return "check the spelling of the address"
	case NotSigned:
		return "ask its operator to sign the domain, or give its hosts in [[uplink.fixed]]"
	case Unreachable:
		return "check the Internet connection, or name another resolver with uplink.doh"
	}
	return "wait, or name another resolver with uplink.doh"
}

// KindOf is the kind of a lookup's error; 0 when it is none.
func KindOf(err error) Kind {
	var e *Error
	if !errors.As(err, &e) {
		return 0
	}
	return e.Kind
}

// named adds the address to an error.
func named(name string, err error) error {
	var e *Error
	if !errors.As(err, &e) {
		e = &Error{Kind: Failed, Err: err}
	}
	e.Name = name
	return e
}
