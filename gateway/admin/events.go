package admin

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"
)

const (
	// heartbeat keeps a silent stream alive, and finds readers that have gone.
	heartbeat = 15 * time.Second
	// slowReader is how long one event may take to leave before the reader is dropped.
	slowReader = 10 * time.Second
)

// events streams JSON Lines, or Server-Sent Events when the client accepts those.
// A blank line (a comment in SSE) is the heartbeat.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	ch, err := s.b.Events(r.Context())
	if err != nil {
		writeError(w, err)
		return
	}
	st := stream{w: w, rc: http.NewResponseController(w), sse: strings.Contains(r.Header.Get("Accept"), "text/event-stream")}
	st.start()
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for err == nil {
		select {
		case <-r.Context().Done():
			return
		case <-beat.C:
			err = st.beat()
		case e, ok := <-ch:
			if !ok {
				return
			}
			h := s.head(SchemaEvent)
			if !e.At.IsZero() {
				h.At = e.At
			}
			e.Head = h
			err = st.event(e)
		}
	}
}

// stream writes events to one reader.
type stream struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	sse bool
}

func (s *stream) start() {
	kind := "application/x-ndjson"
	if s.sse {
		kind = "text/event-stream"
	}
	s.w.Header().Set("Content-Type", kind)
	s.w.Header().Set("Cache-Control", "no-store")
	s.w.WriteHeader(http.StatusOK)
	s.rc.Flush()
}

func (s *stream) beat() error {
	if s.sse {
		return s.write(": \n\n")
	}
	return s.write("\n")
}

func (s *stream) event(e Event) error {
	b, err := json.Marshal(e)
	if err != nil {
		return err
	}
	if s.sse {
		return s.write(fmt.Sprintf("event: %s\ndata: %s\n\n", e.Type, b))
	}
	return s.write(string(b) + "\n")
}

func (s *stream) write(text string) error {
	s.rc.SetWriteDeadline(time.Now().Add(slowReader))
	if _, err := s.w.Write([]byte(text)); err != nil {
		return err
	}
	return s.rc.Flush()
}
