package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"strconv"
	"time"

	"packhorse/gateway/pki"
	"packhorse/gateway/ramf"
	"packhorse/store"
)

// Message is what Send sends.
type Message struct {
	Type    string // of the content, as the apps agree on it: visible ASCII, such as text/plain
	Content []byte
	// ID makes sending idempotent: of all messages to one contact with the same ID only the first is sent, also after a
	// crash, until it expires. At most 64 characters. Empty: a random one.
	ID string
	// TTL is how long gateways try to deliver it, at most 180 days; 0: 14 days. It ends with the authorisation at the latest.
	TTL time.Duration
}

// Sent is what became of a message. It is durable here in any case.
type Sent struct {
	ID     string
	Posted bool  // the gateway has it on its disk
	Why    error // it has not; what waits is sent with the next message, by Flush, Fetch and Receive
}

const (
	usualTTL = 14 * 24 * time.Hour
	// MaxWaiting bounds the messages that wait for the gateway.
	MaxWaiting = 4096
	// maxNamed bounds those that are remembered for their ID.
	maxNamed = 65536
)

// outRecord is a message of ours, as long as it waits or its ID counts.
type outRecord struct {
	V       int        `json:"v"`
	Number  uint64     `json:"number"` // rises from one to the next
	To      pki.NodeID `json:"to"`
	ID      string     `json:"id"`
	Named   bool       `json:"named,omitempty"`  // by the app: remember it
	Denial  bool       `json:"denial,omitempty"` // a PDD, no parcel
	Posted  bool       `json:"posted,omitempty"`
	Refused string     `json:"refused,omitempty"` // why, in words
	Expires time.Time  `json:"expires"`
}

type outgoing struct {
	outRecord
	state state
	why   error // it was refused
	size  int
}

// state is how far a message is.
type state uint8

const (
	waiting state = iota
	posted
	refused
)

func (o *outRecord) key() string { return fmt.Sprintf("%016x", o.Number) }

// Send seals a message for a contact, by name or id, makes it durable and gives it to the gateway with all that waits before
// it. A nil error says that the message is safe here; whether the gateway has it, Sent tells. A gateway that refuses it for good is an
// error with the Reason Refused.
func (e *Endpoint) Send(ctx context.Context, to string, m Message) (Sent, error) {
	o, err := e.compose(to, m)
	if err != nil {
		return Sent{}, err
	}
	var why error
	if e.stateOf(o) == waiting {
		why = e.Flush(ctx)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	switch o.state {
	case posted:
		return Sent{ID: o.ID, Posted: true}, nil
	case refused:
		return Sent{ID: o.ID}, o.why
	}
	return Sent{ID: o.ID, Why: why}, nil
}

func (e *Endpoint) stateOf(o *outgoing) state {
	e.mu.Lock()
	defer e.mu.Unlock()
	return o.state
}

// compose makes a message durable, or finds the one that it repeats.
func (e *Endpoint) compose(to string, m Message) (*outgoing, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	now := time.Now()
	if err := e.tidy(now); err != nil {
		return nil, err
	}
	k, err := e.contact(to, now)
	if err != nil {
		return nil, err
	}
	o := &outgoing{outRecord: outRecord{To: k.ID, ID: m.ID, Named: m.ID != ""}}
	if o.Named {
		if same := e.sentAs(k.ID, m.ID); same != nil {
			return same, nil
		}
	} else if o.ID, err = ramf.NewID(rand.Reader); err != nil {
		return nil, err
	}
	created := now.UTC().Truncate(time.Second)
	ttl := ttlOf(m, endOf(k).Sub(created))
	o.Expires = created.Add(ttl)
	raw, err := e.ep.Seal(k.ID, o.ID, m.Type, m.Content, created, ttl, rand.Reader)
	if err != nil {
		return nil, &Error{Reason: Usage, Message: err.Error(), Fix: "send a message with a type, of less than 8 MB, with an id of at most 64 characters", Err: err}
	}
	return o, e.enqueue(o, raw)
}

func ttlOf(m Message, most time.Duration) time.Duration {
	ttl := m.TTL
	if ttl <= 0 {
		ttl = usualTTL
	}
	return min(ttl, most, ramf.MaxTTL).Truncate(time.Second)
}

// sentAs finds what went to a contact under an id. e.mu is held.
func (e *Endpoint) sentAs(to pki.NodeID, id string) *outgoing {
	for _, o := range e.out {
		if o.To == to && o.ID == id {
			return o
		}
	}
	return nil
}

// enqueue makes a message durable, with other changes, and puts it last. e.mu is held.
func (e *Endpoint) enqueue(o *outgoing, raw []byte, ops ...store.Op) error {
	if n := e.countWaiting(); n >= MaxWaiting || len(e.out)-n >= maxNamed {
		return &Error{Reason: Full, Message: fmt.Sprintf("%d messages wait for the gateway and %d are remembered", n, len(e.out)-n), Fix: "see that the gateway runs, or use shorter lifetimes"}
	}
	o.V, o.Number = recordVersion, e.number+1
	ops = append(ops, put(kindOut, o.key(), o.outRecord), store.Op{Kind: kindBody, Key: o.key(), Value: raw})
	if err := e.commit(ops...); err != nil {
		return err
	}
	e.number = o.Number
	e.out = append(e.out, o)
	return nil
}

func (e *Endpoint) countWaiting() (n int) {
	for _, o := range e.out {
		if o.state == waiting {
			n++
		}
	}
	return n
}

// Waiting is the ids of the messages that the gateway does not have yet, oldest first.
func (e *Endpoint) Waiting() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	out := []string{}
	for _, o := range e.out {
		if o.state == waiting {
			out = append(out, o.ID)
		}
	}
	return out
}

func (e *Endpoint) restoreOut(_ string, b []byte) error {
	o := &outgoing{}
	if err := e.decode(b, &o.outRecord, &o.V); err != nil {
		return err
	}
	switch {
	case o.Posted:
		o.state = posted
	case o.Refused != "":
		o.state, o.why = refused, &Error{Reason: Refused, Message: o.Refused, Fix: "send another message under another id"}
	}
	e.out, e.number = append(e.out, o), max(e.number, o.Number)
	return nil
}

// tidyOut drops what has expired. e.mu is held.
func (e *Endpoint) tidyOut(now time.Time) (ops []store.Op) {
	kept := e.out[:0:0]
	for _, o := range e.out {
		if !o.Expires.Before(now) {
			kept = append(kept, o)
			continue
		}
		if o.state == waiting {
			o.state, o.why = refused, &Error{Reason: Refused, Message: "message " + quote(o.ID) + " expired before the gateway could be reached", Fix: "send it again"}
			e.o.Report(o.why)
		}
		ops = append(ops, forget(o)...)
	}
	e.out = kept
	return ops
}

func forget(o *outgoing) []store.Op {
	return []store.Op{{Kind: kindOut, Key: o.key(), Delete: true}, {Kind: kindBody, Key: o.key(), Delete: true}}
}

// quote makes what others chose fit for a line of text.
func quote(s string) string { return strconv.Quote(s[:min(len(s), 80)]) }
