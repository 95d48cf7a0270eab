// Package control is how a command on the appliance asks its init for something: one line of JSON each way over a unix
// socket that only root may open.
package control

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"time"

	"packhorse/board/card"
	"packhorse/gateway/admin"
)

// What can be asked.
const (
	DoStatus   = "status"   // which system runs, and how the gateway is
	DoReboot   = "reboot"   // orderly; with Trial into the other slot, once
	DoPowerOff = "poweroff" // orderly
	DoReset    = "reset"    // factory reset at the next start; taken from who is at the box, never over the socket
	DoLog      = "log"      // what the gateway said last
)

// maxLine bounds one question or answer in octets: the longest answer is the log.
const maxLine = 1 << 20

// Request is one question.
type Request struct {
	Do    string `json:"do"`
	Trial bool   `json:"trial,omitempty"` // of DoReboot

	// Presence tells that whoever asks is at the box. It never comes over the socket.
	Presence bool `json:"-"`
}

// Status is the answer to DoStatus.
type Status struct {
	Name    string `json:"name"`
	Version string `json:"version"`
	Build   string `json:"build,omitempty"`
	Slot    string `json:"slot,omitempty"` // "A" or "B"; empty: nobody could tell
	// Partition is the slot's number in the table, and Disk the device of the whole card; 0 and empty: nobody could tell.
	Partition int     `json:"partition,omitempty"`
	Disk      string  `json:"disk,omitempty"`
	Trial     bool    `json:"trial"` // this start is a trial, and not yet found healthy
	UptimeS   float64 `json:"uptime_s"`
	State     string  `json:"state"`            // "starting", "ready", "waiting", "failed", "stopping"
	Reason    string  `json:"reason,omitempty"` // of "waiting" and "failed"
	Starts    int     `json:"starts"`           // of the gateway since this start of the box
}

// Reply is one answer: OK, or Error with what to do.
type Reply struct {
	OK     bool     `json:"ok,omitempty"`
	Error  string   `json:"error,omitempty"`
	Fix    string   `json:"fix,omitempty"`
	Status *Status  `json:"status,omitempty"`
	Log    []string `json:"log,omitempty"`
}

// Refuse is an answer that says no.
func Refuse(fix, format string, v ...any) Reply {
	return Reply{Error: fmt.Sprintf(format, v...), Fix: fix}
}

// Err is what an answer refuses, as an error for a person; nil when it does not.
func (r Reply) Err() error {
	if r.OK {
		return nil
	}
	return &admin.Error{Code: admin.CodeRefused, Message: r.Error, Fix: r.Fix}
}

// Ask asks the init of this box. A refusal is an error too, of type *admin.Error.
func Ask(ctx context.Context, q Request) (Reply, error) { return AskAt(ctx, card.InitSocket, q) }

// AskAt asks at another socket.
func AskAt(ctx context.Context, path string, q Request) (Reply, error) {
	var d net.Dialer
	c, err := d.DialContext(ctx, "unix", path)
	if err != nil {
		return Reply{}, unreachable(err)
	}
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	if err := json.NewEncoder(c).Encode(q); err != nil {
		return Reply{}, fmt.Errorf("ask the init: %w", err)
	}
	var r Reply
	if err := json.NewDecoder(io.LimitReader(c, maxLine)).Decode(&r); err != nil {
		return Reply{}, fmt.Errorf("hear the init's answer: %w", err)
	}
	return r, r.Err()
}

func unreachable(err error) error {
	e := &admin.Error{Code: admin.CodeOffline, Message: "there is no init of Packhorse's to ask: " + err.Error(),
		Fix: "this works on the appliance image; elsewhere use the system's own commands, such as systemctl reboot"}
	if errors.Is(err, fs.ErrPermission) {
		e.Code, e.Fix = admin.CodeRefused, "ask as root, or at the box's console"
	}
	return e
}

// askTime is how long a question may take to come, and its answer to go.
const askTime = 5 * time.Second

// Serve answers questions on l, one at a time, until it is closed. handle runs on this goroutine.
func Serve(l net.Listener, handle func(Request) Reply) {
	for {
		c, err := l.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue
		}
		_ = c.SetDeadline(time.Now().Add(askTime))
		_ = json.NewEncoder(c).Encode(answer(c, handle))
		c.Close()
	}
}

func answer(r io.Reader, handle func(Request) Reply) Reply {
	line, err := bufio.NewReader(io.LimitReader(r, 4<<10)).ReadBytes('\n')
	var q Request
	if err == nil {
		err = json.Unmarshal(line, &q)
	}
	if err != nil {
		return Refuse("send one line of JSON, such as {\"do\":\"status\"}", "not understood: %v", err)
	}
	if q.Do == DoReset {
		return Refuse("type reset on the serial console or the screen, or put a file "+card.ResetFile+" on the boot partition", "a factory reset needs somebody at the box")
	}
	return handle(q)
}
