package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
)

func (a *app) inboxCommand() *cobra.Command {
	list := func(c *cobra.Command, _ []string) error {
		return a.with(func(b admin.Client) error {
			in, err := b.Inbox(c.Context())
			if err != nil {
				return err
			}
			return a.answer(admin.InboxReply{Head: a.head(admin.SchemaInbox), Letters: some(in)}, func() { a.showInbox(in) })
		})
	}
	c := &cobra.Command{Use: "inbox", Short: "what arrived for this gateway", Args: none, RunE: list}
	c.AddCommand(&cobra.Command{Use: "list", Short: "list letters, the newest first", Args: none, RunE: list}, a.readCommand(), a.deleteCommand())
	return c
}

func (a *app) showInbox(in []admin.Letter) {
	if len(in) == 0 {
		a.say("Nothing arrived yet.")
		return
	}
	rows := [][]string{{"NEW", "FROM", "SIZE", "WRITTEN", "ARRIVED", "WHAT", "ID"}}
	for _, l := range in {
		mark, what := "", l.Type
		if l.New {
			mark = "*"
		}
		if l.Filename != "" {
			what = l.Filename
		}
		rows = append(rows, []string{mark, cell(l.From), size(int64(l.SizeBytes)), clock(l.Written), clock(l.Arrived), cell(what), cell(l.ID)})
	}
	table(a.out, rows)
}

// clock is the time of day today, the date otherwise.
func clock(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	if time.Since(t) < 24*time.Hour {
		return t.Local().Format("15:04")
	}
	return t.Local().Format("2006-01-02")
}

func (a *app) readCommand() *cobra.Command {
	var save string
	c := &cobra.Command{
		Use:   "read ID",
		Short: "print a letter, or save it with --save",
		Args:  between(1, 1, "the id of a letter, or its beginning"),
		RunE: func(c *cobra.Command, args []string) error {
			if err := mayWrite(save); err != nil {
				return err
			}
			return a.with(func(b admin.Client) error {
				l, err := b.Read(c.Context(), args[0])
				if err != nil {
					return err
				}
				if save != "" {
					return a.saveLetter(l, save)
				}
				return a.answer(admin.LetterReply{Head: a.head(admin.SchemaLetter), Letter: l}, func() { a.showLetter(l) })
			})
		},
	}
	c.Flags().StringVar(&save, "save", "", "write it to this `file or directory`; nothing is ever overwritten")
	return c
}

func (a *app) deleteCommand() *cobra.Command {
	var read bool
	c := &cobra.Command{
		Use:   "delete ID | --read",
		Short: "delete a letter, or with --read all that were read",
		Args:  between(0, 1, "the id of a letter, or its beginning"),
		RunE: func(c *cobra.Command, args []string) error {
			if read == (len(args) == 1) {
				return usage("packhorse inbox delete ID, or packhorse inbox delete --read", "name one letter, or give --read")
			}
			id := strings.Join(args, "")
			if id == "" && !read {
				return usage("packhorse inbox", "the id of a letter is empty")
			}
			return a.with(func(b admin.Client) error {
				n, err := b.Delete(c.Context(), id)
				if err != nil {
					return err
				}
				return a.answer(admin.DeletedReply{Head: a.head(admin.SchemaDeleted), Letters: n}, func() { a.say("deleted %d", n) })
			})
		},
	}
	c.Flags().BoolVar(&read, "read", false, "all letters that were read")
	return c
}

// showLetter prints the content: as it is into a pipe, without what steers a terminal on one.
func (a *app) showLetter(l admin.Letter) {
	if !terminal(a.out) {
		a.out.Write(l.Content)
		return
	}
	if strings.HasPrefix(l.Type, "text/") {
		a.say("%s", clean(string(l.Content)))
		return
	}
	a.hint("%s from %s is not a text: packhorse inbox read %s --save .", size(int64(l.SizeBytes)), cell(l.From), l.ID)
}

// mayWrite finds a wrong --save before the letter is marked as read.
func mayWrite(to string) error {
	fi, err := os.Stat(to)
	switch {
	case to == "" || err == nil && fi.IsDir():
		return nil
	case err == nil:
		return usage("choose another name with --save", "%s is there already", to)
	}
	if dir := filepath.Dir(to); !isDir(dir) {
		return usage("make it first, or choose another with --save", "there is no directory %s", dir)
	}
	return nil
}

// saveLetter writes a new file, whole or not at all.
func (a *app) saveLetter(l admin.Letter, to string) error {
	if fi, err := os.Stat(to); err == nil && fi.IsDir() {
		to = filepath.Join(to, safeName(l))
	}
	f, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if errors.Is(err, os.ErrExist) {
		return usage("choose another name with --save", "%s is there already", to)
	}
	if err != nil {
		return fmt.Errorf("save the letter: %w", err)
	}
	_, err = f.Write(l.Content)
	if err = errors.Join(err, f.Close()); err != nil {
		os.Remove(to)
		return fmt.Errorf("save the letter: %w", err)
	}
	v := struct {
		admin.Head
		Path string `json:"path"`
	}{a.head("packhorse.letter_saved/1"), to}
	return a.answer(v, func() { a.say("wrote %s, %s", to, size(int64(len(l.Content)))) })
}

// safeName is the sender's file name without what leads elsewhere or hides.
func safeName(l admin.Letter) string {
	name := filepath.Base(strings.ReplaceAll(l.Filename, "\\", "/"))
	name = strings.Map(func(r rune) rune {
		if r == '/' || strings.ContainsRune(clean(string(r)), '?') || r == '\n' || r == '\t' {
			return '_'
		}
		return r
	}, name)
	name = strings.TrimLeft(name, ".-")
	if len(name) > 120 {
		name = name[len(name)-120:]
	}
	if name == "" || l.Filename == "" {
		return "letter-" + l.ID + ".bin"
	}
	return name
}
