package node

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"packhorse/gateway"
	"packhorse/gateway/admin"
	"packhorse/link/port"
)

const (
	eventBacklog  = 256 // events that a slow reader may be behind before it is dropped
	maxEventReads = 64
)

// hub gives every reader of events its copy.
type hub struct {
	mu   sync.Mutex
	subs map[chan admin.Event]context.Context
}

// subscribe streams until ctx ends or the reader is too slow; then the channel is closed.
func (h *hub) subscribe(ctx context.Context) (<-chan admin.Event, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.subs) >= maxEventReads {
		return nil, &admin.Error{Code: admin.CodeQuota, Message: "too many readers of events", Fix: "close one"}
	}
	if h.subs == nil {
		h.subs = map[chan admin.Event]context.Context{}
	}
	ch := make(chan admin.Event, eventBacklog)
	h.subs[ch] = ctx
	context.AfterFunc(ctx, func() { h.drop(ch) })
	return ch, nil
}

func (h *hub) drop(ch chan admin.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, ok := h.subs[ch]; ok {
		delete(h.subs, ch)
		close(ch)
	}
}

func (h *hub) send(e admin.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	e.At = time.Now().UTC()
	for ch := range h.subs {
		select {
		case ch <- e:
		default:
			delete(h.subs, ch)
			close(ch)
		}
	}
}

// publish turns a notice of the core into an event and, where it matters, a log line.
func (n *Node) publish(e gateway.Event) {
	switch e := e.(type) {
	case gateway.ParcelChanged:
		p := n.parcelInfo(e.Parcel)
		n.events.send(admin.Event{Type: "parcel", Parcel: &p})
	case gateway.PeerChanged:
		p := n.peerInfo(time.Now(), e.Peer)
		n.log.Info("neighbour", "name", p.Name, "path", p.Path)
		n.events.send(admin.Event{Type: "peer", Peer: &p})
	case gateway.LetterArrived:
		l := letterInfo(e.Letter)
		n.events.send(admin.Event{Type: "letter", Letter: &l})
	case gateway.PairingEnded:
		n.pairingEnded(e)
	case gateway.Notice:
		level := slog.LevelInfo
		if e.Warn {
			level = slog.LevelWarn
		}
		n.log.Log(context.Background(), level, e.Text)
		n.events.send(admin.Event{Type: "log", Text: e.Text})
	}
}

func (n *Node) pairingEnded(e gateway.PairingEnded) {
	if e.Err != nil {
		n.log.Warn("pairing failed", "error", e.Err)
		n.events.send(admin.Event{Type: "pairing", Text: e.Err.Error()})
		return
	}
	n.log.Info("paired", "domain", e.Result.Domain, "peer", e.Result.Peer)
	n.events.send(admin.Event{Type: "pairing", Pairing: &admin.PairResult{Domain: e.Result.Domain, Peer: e.Result.Peer}})
}

func radioEvent(h port.Health) admin.Event {
	text := h.Transport + " works"
	if !h.OK {
		text = h.Transport + ": " + h.Problem
	}
	return admin.Event{Type: "radio", Text: text}
}
