package admin

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// Cargo on a stick. The command reads and writes the files, with the rights of the user who plugged the stick in; octets
// cross this API. A gateway that runs as a service sees no removable media, and must not open paths for others.

// StickFile is a file that is on a stick: the first octets of it tell what it is.
type StickFile struct {
	Name      string `json:"name"`
	SizeBytes int64  `json:"size_bytes"`
	Head      []byte `json:"head"`
}

// CourierExport asks for what a stick has not yet, in files of at most RoomBytes together; each takes a multiple of
// BlockBytes.
type CourierExport struct {
	Files      []StickFile `json:"files"`
	RoomBytes  int64       `json:"room_bytes"`
	BlockBytes int64       `json:"block_bytes"`
}

// CourierPart is one line of the answer to an export. Over may leave the stick: what the first line names at once, what a later
// one names when the files before it are there. One with SizeBytes is followed by the octets of a file; the last tells what
// had no room.
type CourierPart struct {
	Clock       string   `json:"clock,omitempty"`      // as Head.Clock
	Over        []string `json:"over,omitempty"`       // names of files: expired, acknowledged, damaged
	WaitBytes   int64    `json:"wait_bytes,omitempty"` // about what comes, and of it
	WaitParcels int      `json:"wait_parcels,omitempty"`

	Kind      string    `json:"kind,omitempty"` // bundle cargo cca
	To        string    `json:"to,omitempty"`
	Priority  string    `json:"priority,omitempty"`
	Parcels   int       `json:"parcels,omitempty"`
	Notes     int       `json:"notes,omitempty"`
	SizeBytes int64     `json:"size_bytes,omitempty"`
	Expires   time.Time `json:"expires,omitzero"`
	Content   []byte    `json:"-"` // belongs to who is given it

	End   bool         `json:"end,omitempty"`
	Left  *CourierLeft `json:"left,omitempty"`
	Error *Error       `json:"error,omitempty"`
}

// CourierLeft is what had no room.
type CourierLeft struct {
	Parcels   int   `json:"parcels"`
	Cargo     int   `json:"cargo"`
	SizeBytes int64 `json:"size_bytes"`
}

// CourierTaken tells what became of a file.
type CourierTaken struct {
	Fate    string `json:"fate"`           // done others later damaged strange expired refused
	Kind    string `json:"kind,omitempty"` // bundle cargo cca; absent: none of them
	From    string `json:"from,omitempty"` // gateway that wrote it
	Parcels int    `json:"parcels"`        // taken from it
	Known   int    `json:"known"`          // that were here
	Notes   int    `json:"notes"`          // receipts and other small things
	Custody int    `json:"acknowledged"`   // of what was exported here
	Refused int    `json:"refused"`        // never taken
	Later   int    `json:"later"`          // not taken now
	Held    bool   `json:"held"`           // for others: it is here too
	Ack     []byte `json:"ack,omitempty"`  // a bundle to put onto the stick before the file leaves it
}

// The fates of a file: it may go; it is for another gateway; some was not taken now; it is spoiled; nobody that is known
// wrote it; its time is over; it will never be taken.
const (
	FateDone    = "done"
	FateOthers  = "others"
	FateLater   = "later"
	FateDamaged = "damaged"
	FateStrange = "strange"
	FateExpired = "expired"
	FateRefused = "refused"
)

// StickBackend is the part of a Backend that makes and takes the files of a stick.
type StickBackend interface {
	// CourierExport gives each part in turn; an error of each ends it and is answered.
	CourierExport(ctx context.Context, q CourierExport, each func(CourierPart) error) error
	// CourierImport takes the content of a file. All that it counts is durable.
	CourierImport(ctx context.Context, content []byte) (CourierTaken, error)
}

// CourierTakenReply answers POST /v1/courier/import.
type CourierTakenReply struct {
	Head
	CourierTaken
}

// Schemas of what is said about sticks; the first two are the command's answers.
const (
	SchemaCourierExport = "packhorse.courier_export/1"
	SchemaCourierImport = "packhorse.courier_import/1"
	SchemaCourierTaken  = "packhorse.courier_taken/1"
)

const (
	maxStick     = 48 << 20 // of the list of what is on a stick
	maxStickFile = 9 << 20
	maxPart      = 4 << 20 // of one line

	// slowStick is how long a stick may take to a file while the next one waits.
	slowStick = 10 * time.Minute
)

// courierExport streams. What fails after the first line is told in the last.
func (s *server) courierExport(w http.ResponseWriter, r *http.Request) {
	var q CourierExport
	if err := decode(r, maxStick, &q); err != nil {
		writeError(w, err)
		return
	}
	out := &slowly{w: w, rc: http.NewResponseController(w), patience: slowStick}
	err := s.b.CourierExport(r.Context(), q, func(p CourierPart) error {
		p.Clock = s.head("").Clock
		return writePart(out, p)
	})
	switch {
	case err != nil && !out.begun:
		writeError(w, err)
	case err != nil:
		writePart(out, CourierPart{Error: AsError(err)})
	}
}

func writePart(out *slowly, p CourierPart) error {
	line, err := json.Marshal(p)
	if err != nil {
		return err
	}
	if _, err = out.Write(append(line, '\n')); err == nil && len(p.Content) > 0 {
		_, err = out.Write(p.Content)
	}
	if err == nil {
		err = out.rc.Flush()
	}
	return err
}

func (s *server) courierImport(r *http.Request) (any, error) {
	select {
	case s.sends <- struct{}{}:
		defer func() { <-s.sends }()
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	b, err := io.ReadAll(http.MaxBytesReader(nil, r.Body, maxStickFile))
	if err != nil {
		return nil, &Error{Code: CodeUsage, Message: fmt.Sprintf("no file of at most %d octets: %v", maxStickFile, err), Fix: "packhorse courier import DIR"}
	}
	t, err := s.b.CourierImport(r.Context(), b)
	return CourierTakenReply{s.head(SchemaCourierTaken), t}, err
}

func (c *client) CourierExport(ctx context.Context, q CourierExport, each func(CourierPart) error) error {
	res, err := c.do(ctx, "POST", "/v1/courier/export", q)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	in := bufio.NewReaderSize(res.Body, 64<<10)
	for {
		p, err := readPart(in)
		if err != nil {
			return c.offline(ctx, err)
		}
		if p.Error != nil {
			return p.Error
		}
		c.clock.Store(p.Clock)
		if err := each(p); err != nil || p.End {
			return err
		}
	}
}

// readPart reads a line and the octets behind it.
func readPart(in *bufio.Reader) (p CourierPart, err error) {
	var line []byte
	for more := true; more && err == nil; {
		var piece []byte
		piece, err = in.ReadSlice('\n')
		more = errors.Is(err, bufio.ErrBufferFull)
		if line = append(line, piece...); more && len(line) < maxPart {
			err = nil
		}
	}
	if err == nil {
		err = json.Unmarshal(line, &p)
	}
	if err != nil || p.SizeBytes == 0 {
		return p, err
	}
	if p.SizeBytes < 0 || p.SizeBytes > maxStickFile {
		return p, fmt.Errorf("a file of %d octets", p.SizeBytes)
	}
	p.Content = make([]byte, p.SizeBytes)
	_, err = io.ReadFull(in, p.Content)
	return p, err
}

func (c *client) CourierImport(ctx context.Context, content []byte) (CourierTaken, error) {
	var t CourierTakenReply
	err := c.callWith(ctx, "/v1/courier/import", bytes.NewReader(content), &t)
	return t.CourierTaken, err
}
