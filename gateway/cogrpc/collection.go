package cogrpc

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"google.golang.org/grpc"
)

// window is how much cargo of one collection may wait for acknowledgement.
const window = 16

// collection is a collection at a courier.
type collection struct {
	service *service
	stream  grpc.ServerStream
	sub     Subscription
	acks    chan string       // ids that the client acknowledged; closed when it says no more
	waiting map[string]string // key of the cargo that went out under an id
}

func newCollection(s *service, stream grpc.ServerStream, sub Subscription) *collection {
	return &collection{service: s, stream: stream, sub: sub, acks: make(chan string), waiting: map[string]string{}}
}

// run sends what waits, and ends after the last acknowledgement or when none can come.
func (c *collection) run() error {
	done := make(chan struct{})
	defer close(done)
	go c.listen(done)
	for more := true; more || len(c.waiting) > 0; {
		var err error
		if more && len(c.waiting) < window {
			more, err = c.send()
		} else {
			err = c.awaitAck()
		}
		if err != nil || c.acks == nil {
			return err
		}
	}
	return nil
}

// listen passes acknowledgements on until the client says no more.
func (c *collection) listen(done <-chan struct{}) {
	acks := c.acks
	defer close(acks)
	for {
		var m message
		if c.stream.RecvMsg(&m) != nil {
			return
		}
		select {
		case acks <- m.id:
		case <-done:
			return
		}
	}
}

// send sends the next cargo, if there is one, and hears what is acknowledged meanwhile.
func (c *collection) send() (more bool, err error) {
	next, ok, err := c.sub.Next(c.stream.Context())
	if err != nil {
		return false, statusOf(err, collectCodes)
	}
	if !ok {
		return false, nil
	}
	id := newID()
	c.waiting[id] = next.Key
	sent := make(chan error, 1)
	go func() { sent <- c.stream.SendMsg(&message{id, next.Raw}) }()
	t := time.NewTimer(c.service.patience)
	defer t.Stop()
	for acks := c.acks; ; {
		select {
		case err := <-sent:
			return true, err
		case id, ok := <-acks:
			if !ok {
				acks = nil // what is on its way may still arrive
				continue
			}
			if err := c.acknowledge(id); err != nil {
				return false, err
			}
		case <-t.C:
			return false, errSilent
		}
	}
}

// awaitAck waits for an acknowledgement of something that waits for one. Others do not buy time.
func (c *collection) awaitAck() error {
	t := time.NewTimer(c.service.patience)
	defer t.Stop()
	for before := len(c.waiting); len(c.waiting) == before; {
		select {
		case id, ok := <-c.acks:
			if !ok {
				c.acks = nil
				return nil
			}
			if err := c.acknowledge(id); err != nil {
				return err
			}
		case <-t.C:
			return errSilent
		}
	}
	return nil
}

// acknowledge lets go of a cargo. An id that is not ours, or comes twice, means nothing.
func (c *collection) acknowledge(id string) error {
	key, ok := c.waiting[id]
	if !ok {
		return nil
	}
	delete(c.waiting, id)
	if err := c.sub.Ack(context.WithoutCancel(c.stream.Context()), key); err != nil {
		return statusOf(err, collectCodes)
	}
	return nil
}

// newID is a random UUID (RFC 9562 section 5.4).
func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails: crypto/rand ends the process first
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
