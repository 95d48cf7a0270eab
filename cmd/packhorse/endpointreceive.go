package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	awala "packhorse/gateway/app"
	"packhorse/gateway/pki"
)

// endpointLetter is a message that came, in JSON.
type endpointLetter struct {
	admin.Head
	Message   string     `json:"message"` // its id
	From      string     `json:"from"`    // a contact, else the sender's id
	Sender    pki.NodeID `json:"sender"`
	Type      string     `json:"type"`
	SizeBytes int        `json:"size_bytes"`
	Written   time.Time  `json:"written"`
	Again     bool       `json:"again"`
	Content   []byte     `json:"content,omitempty"`
	Path      string     `json:"path,omitempty"` // of the file that it was saved to
}

func (a *app) endpointReceiveCommand(f *endpointFlags) *cobra.Command {
	follow, save := false, ""
	c := &cobra.Command{
		Use:   "receive",
		Short: "print or save the messages that came; the gateway then forgets them",
		Long: `Prints the texts that wait and ends; with --follow it goes on with those that come, until Ctrl-C, also through restarts of the
gateway. With --save each message becomes a file of its own, named by who sent it and its id. A message is printed once; only one
that was being printed when the power went comes again, marked "again".`,
		Args: none,
		RunE: func(c *cobra.Command, _ []string) error {
			if save != "" && !isDir(save) {
				return usage("make it first, or choose another with --save", "there is no directory %s", save)
			}
			return a.withEndpoint(f, func(e *awala.Endpoint) error {
				take := func(_ context.Context, l awala.Letter) error { return a.takeLetter(l, save) }
				if follow {
					return e.Receive(c.Context(), take)
				}
				return e.Fetch(c.Context(), take)
			})
		},
	}
	c.Flags().BoolVar(&follow, "follow", false, "go on until Ctrl-C")
	c.Flags().StringVar(&save, "save", "", "write each message to a file in this `directory`")
	return c
}

// takeLetter prints or saves one; with nil it is done with.
func (a *app) takeLetter(l awala.Letter, dir string) error {
	out := endpointLetter{Head: a.head("packhorse.endpoint_letter/1"), Message: l.ID, From: l.From, Sender: l.Sender, Type: l.Type,
		SizeBytes: len(l.Content), Written: l.Written, Again: l.Again, Content: l.Content}
	if out.From == "" {
		out.From = string(l.Sender)
	}
	switch {
	case dir != "":
		path, err := saveMessage(dir, l)
		if err != nil {
			return err
		}
		out.Path, out.Content = path, nil
	case !a.json && !strings.HasPrefix(l.Type, "text/"):
		return &admin.Error{Code: admin.CodeUsage, Message: "a message of " + cell(out.From) + " is not a text but " + cell(l.Type) + ": it is kept", Fix: "packhorse endpoint receive --save DIR"}
	}
	if a.json {
		return lines(a.out, out)
	}
	return a.showMessage(out)
}

// showMessage fails where nobody reads any more: the message is then kept.
func (a *app) showMessage(l endpointLetter) error {
	again, body := "", clean(string(l.Content))
	if l.Again {
		again = ", again"
	}
	if l.Path != "" {
		body = "wrote " + l.Path
	}
	_, err := fmt.Fprintf(a.out, "from %s, %s, %s, written %s%s\n%s\n", cell(l.From), cell(l.Type), size(int64(l.SizeBytes)),
		l.Written.Local().Format(time.DateTime), again, body)
	return err
}

// saveMessage writes a file, whole, durable and under the same name should the message come again. Nothing of the sender's is in
// the name.
func saveMessage(dir string, l awala.Letter) (path string, err error) {
	name := sha256.Sum256([]byte(string(l.Sender) + "\x00" + l.ID))
	path = filepath.Join(dir, "message-"+hex.EncodeToString(name[:8])+".bin")
	t, err := os.CreateTemp(dir, ".message-")
	if err != nil {
		return "", err
	}
	defer os.Remove(t.Name())
	defer t.Close()
	if _, err = t.Write(l.Content); err == nil {
		err = t.Sync()
	}
	if err == nil {
		err = os.Rename(t.Name(), path)
	}
	if err != nil {
		return "", err
	}
	return path, syncDir(dir)
}
