package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
)

// Message types of the built-in endpoint's service.
const (
	typeText = "text/plain"
	typeFile = "application/octet-stream"
)

// sending is what the flags of send say.
type sending struct {
	text, file              string
	priority, ttl, wait     string
	timeout                 time.Duration
	hasText, hasFile, quiet bool
}

func (a *app) sendCommand() *cobra.Command {
	var s sending
	c := &cobra.Command{
		Use:   "send TO [TEXT | FILE | -]",
		Short: "send a text or a file to a contact",
		Long: `Sends a text, a file, or what comes on stdin, as one parcel. TO is a contact, or a gateway of the domain by name
or id. An argument that names a file is sent as that file; --text and --file say it beyond doubt. The parcel is safe
on this gateway's disk once "saved" is printed.
--wait waits longer: "carried" means the next gateway has it on disk, "delivered" that the recipient's
gateway signed for it. When --timeout ends the wait, the exit code is 5 and the parcel stays queued.`,
		Args: between(1, 2, "a contact, and a text, a file or - (stdin)"),
		RunE: func(c *cobra.Command, args []string) error {
			s.hasText, s.hasFile = c.Flags().Changed("text"), c.Flags().Changed("file")
			q, err := a.parcelOf(s, args)
			if err != nil {
				return err
			}
			return a.with(func(b admin.Client) error { return a.send(c.Context(), b, q, s) })
		},
	}
	f := c.Flags()
	f.StringVar(&s.text, "text", "", "send this `text`")
	f.StringVar(&s.file, "file", "", "send this `file`")
	f.StringVar(&s.priority, "priority", "", "emergency, message or bulk (default message for texts, bulk for files)")
	f.StringVar(&s.ttl, "ttl", "14d", "how `long` it may take before it is dropped")
	f.StringVar(&s.wait, "wait", "saved", "saved, carried or delivered")
	f.DurationVar(&s.timeout, "timeout", 0, "longest wait; 0 waits as long as it takes")
	f.BoolVar(&s.quiet, "quiet", false, "no progress on stderr")
	return c
}

// parcelOf makes the request from flags and arguments, and reads the content.
func (a *app) parcelOf(s sending, args []string) (admin.Send, error) {
	q := admin.Send{To: args[0], Type: typeText, Priority: s.priority}
	if _, ok := ranks[admin.State(s.wait)]; !ok || s.wait == string(admin.Expired) || s.wait == string(admin.Refused) {
		return q, usage("--wait saved, carried or delivered", "%q is not a state to wait for", s.wait)
	}
	switch s.priority {
	case "", "emergency", "message", "bulk":
	default:
		return q, usage("--priority emergency, message or bulk", "%q is no priority", s.priority)
	}
	var err error
	if q.TTL, err = lifetime(s.ttl); err != nil {
		return q, err
	}
	if s.timeout < 0 {
		return q, usage("--timeout 10m, or none to wait as long as it takes", "a timeout of %s is over already", s.timeout)
	}
	if q.TTL > 180*24*time.Hour {
		return q, usage("--ttl 180d", "a parcel lives at most 180 days")
	}
	if err := a.fill(&q, s, args[1:]); err != nil {
		return q, err
	}
	if len(q.Content) == 0 {
		return q, usage("give a text, a file, or - to read stdin", "there is nothing to send")
	}
	if q.Priority == "" {
		q.Priority = "message"
		if q.Type == typeFile {
			q.Priority = "bulk"
		}
	}
	return q, nil
}

func (a *app) fill(q *admin.Send, s sending, rest []string) error {
	given := len(rest)
	if s.hasText {
		given++
	}
	if s.hasFile {
		given++
	}
	switch {
	case given > 1:
		return usage("give one of them", "more than one thing to send")
	case s.hasText:
		q.Content = []byte(s.text)
	case s.hasFile:
		return fileInto(q, s.file)
	case given == 0 && terminal(a.in):
		return usage("packhorse send TO TEXT, or - and then Ctrl-D at the end", "there is nothing to send")
	case given == 0 || rest[0] == "-":
		return stdinInto(q, a.in)
	case isFile(rest[0]):
		return fileInto(q, rest[0])
	case isDir(rest[0]) && looksLikeFile(rest[0]):
		return usage("send the files in it one by one, or send the name as it is with --text", "%s is a directory", rest[0])
	case looksLikeFile(rest[0]):
		return usage("check the name, or send it as it is with --text", "there is no file %s", rest[0])
	default:
		q.Content = []byte(rest[0])
	}
	return nil
}

func isFile(arg string) bool {
	fi, err := os.Stat(arg)
	return err == nil && fi.Mode().IsRegular()
}

func isDir(arg string) bool {
	fi, err := os.Stat(arg)
	return err == nil && fi.IsDir()
}

// looksLikeFile catches a mistyped file name before it is sent as a text.
func looksLikeFile(arg string) bool {
	return !strings.ContainsAny(arg, " \n") && len(arg) < 200 &&
		(strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "./") || strings.HasPrefix(arg, "../") || len(filepath.Ext(arg)) > 2 && len(filepath.Ext(arg)) <= 5)
}

func fileInto(q *admin.Send, path string) error {
	if isDir(path) {
		return usage("send the files in it one by one", "%s is a directory", path)
	}
	f, err := os.Open(path)
	if err != nil {
		return usage("check the name", "%s", err)
	}
	defer f.Close()
	q.Type, q.Filename = typeFile, filepath.Base(path)
	return contentInto(q, f, path)
}

func stdinInto(q *admin.Send, in io.Reader) error { return contentInto(q, in, "stdin") }

func contentInto(q *admin.Send, r io.Reader, name string) error {
	b, err := io.ReadAll(io.LimitReader(r, admin.MaxContent+1))
	if err != nil {
		return fmt.Errorf("read %s: %w", name, err)
	}
	if len(b) > admin.MaxContent {
		return usage("send it in parts", "%s is larger than a parcel may be (%s)", name, size(admin.MaxContent))
	}
	q.Content = b
	return nil
}

// ended is the error for a parcel that will not arrive.
func ended(p admin.Parcel) error {
	switch p.State {
	case admin.Refused:
		return &admin.Error{Code: admin.CodeRefused, Message: fmt.Sprintf("%s to %s was refused: %s", p.ID, p.To, p.Why), Fix: "packhorse contact list shows whom we may write to"}
	case admin.Expired:
		return &admin.Error{Code: admin.CodeFailed, Message: fmt.Sprintf("%s to %s expired on its way", p.ID, p.To), Fix: "send it again with a longer --ttl"}
	}
	return nil
}

func notYet(p admin.Parcel, wait string) error {
	return &admin.Error{Code: admin.CodeNotYet, Message: fmt.Sprintf("%s to %s is %s, not %s yet (%s); it is still queued", p.ID, p.To, p.State, wait, cell(why(p))),
		Fix: "packhorse queue shows what it waits for"}
}

// offline tells whether an error only means that the gateway is away for now.
func offline(err error) bool {
	var e *admin.Error
	return errors.As(err, &e) && e.Code == admin.CodeOffline
}
