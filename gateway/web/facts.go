package web

import (
	"context"
	"net/http"
	"sync"
	"time"

	"packhorse/gateway/admin"
	shared "packhorse/gateway/internal/web"
)

// fresh is how long facts hold: strangers who look all the time cost the gateway no more than that.
const fresh = time.Second

// facing is how long the gateway may take to answer: less than WriteTimeout, so that who looks is told.
const facing = 5 * time.Second

// cache keeps the last facts.
type cache struct {
	from Source
	now  func() time.Time

	mu   sync.Mutex
	last Facts
	err  error
	at   time.Time
}

func (c *cache) get(ctx context.Context) (Facts, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now := c.now(); c.at.IsZero() || now.Sub(c.at) >= fresh || now.Before(c.at) {
		ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), facing) // who hangs up spoils it for nobody
		defer stop()
		f, err := c.from.Facts(ctx)
		c.last, c.err, c.at = f, err, now
	}
	return c.last, c.err
}

func (s server) reply(w http.ResponseWriter, r *http.Request) {
	f, err := s.facts.get(r.Context())
	if err != nil {
		shared.AnswerError(w, shared.Fail(http.StatusServiceUnavailable, "the gateway does not answer"))
		return
	}
	b, err := encode(Reply{admin.NewHead(Schema, f.Clock), f})
	if err != nil {
		shared.AnswerError(w, err)
		return
	}
	shared.Answer(w, http.StatusOK, "application/json", b)
}
