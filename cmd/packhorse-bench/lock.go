package main

import (
	"fmt"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"packhorse/gateway/admin"
	"packhorse/testbench/hil/benchfile"
	"packhorse/testbench/hil/lock"
)

// lockReply is packhorse.bench_lock/1.
type lockReply struct {
	admin.Head
	Bench   string       `json:"bench"`
	Path    string       `json:"path"`
	Holder  *lock.Holder `json:"holder,omitempty"` // absent: nobody
	Running bool         `json:"running"`
	Taken   *lock.Holder `json:"taken_from,omitempty"` // whose stale lock it was
}

// mine is how others know us: the user that asked for root's rights, where there is one.
func mine() string {
	name := os.Getenv("SUDO_USER")
	if u, err := user.Current(); err == nil && name == "" {
		name = u.Username
	}
	host, _ := os.Hostname()
	return name + "@" + host
}

// benchFlag names the bench file of commands that need one.
func (a *app) benchFlag(c *cobra.Command) func() (*benchfile.File, error) {
	path := c.Flags().String("bench", "", "bench `file` (default $"+fileVar+")")
	return func() (*benchfile.File, error) {
		if *path == "" {
			*path = a.getenv(fileVar)
		}
		if *path == "" {
			return nil, usage("--bench FILE, or set "+fileVar, "there is no bench file")
		}
		return benchfile.Load(*path)
	}
}

func (a *app) lockCommand() *cobra.Command {
	c := &cobra.Command{Use: "lock", Short: "reserve a bench for yourself for a while", Args: cobra.NoArgs}
	file := a.benchFlag(c)
	long := c.Flags().Duration("for", time.Hour, "how `long`")
	why := c.Flags().String("purpose", "", "what for, in a few `words`")
	owner := c.Flags().String("owner", mine(), "`who`")
	c.RunE = func(*cobra.Command, []string) error {
		f, err := file()
		if err != nil {
			return err
		}
		now := time.Now()
		h := lock.Holder{Owner: *owner, Purpose: *why, Since: now, Until: now.Add(*long)}
		stale, err := bookOf(f).Reserve(now, h)
		if err != nil {
			return err
		}
		return a.tell(lockReply{Holder: &h, Taken: stale}, f)
	}
	return c
}

func (a *app) unlockCommand() *cobra.Command {
	c := &cobra.Command{Use: "unlock", Short: "give a reserved bench back", Args: cobra.NoArgs}
	file := a.benchFlag(c)
	owner := c.Flags().String("owner", mine(), "`who` reserved it")
	force := c.Flags().Bool("force", false, "also when somebody else has reserved it; a run that goes on is never ended")
	c.RunE = func(*cobra.Command, []string) error {
		f, err := file()
		if err != nil {
			return err
		}
		was, err := bookOf(f).Release(time.Now(), *owner, *force)
		if err != nil {
			return err
		}
		if was == nil && !a.json {
			fmt.Fprintln(a.err, "it was not reserved")
		}
		return a.tell(lockReply{}, f)
	}
	return c
}

func (a *app) statusCommand() *cobra.Command {
	c := &cobra.Command{Use: "status", Short: "say who has a bench, and until when", Args: cobra.NoArgs}
	file := a.benchFlag(c)
	c.RunE = func(*cobra.Command, []string) error {
		f, err := file()
		if err != nil {
			return err
		}
		h, running, err := bookOf(f).Status(time.Now())
		if err != nil {
			return err
		}
		return a.tell(lockReply{Holder: h, Running: running}, f)
	}
	return c
}

func bookOf(f *benchfile.File) lock.Book { return lock.Book{Dir: f.Bench.LockDir, Bench: f.Bench.Name} }

func (a *app) tell(r lockReply, f *benchfile.File) error {
	r.Head, r.Bench, r.Path = head("packhorse.bench_lock/1"), f.Bench.Name, bookOf(f).Path()
	if a.json {
		a.say(r)
		return nil
	}
	if r.Taken != nil {
		fmt.Fprintf(a.out, "taken over: it was %s, and that is over\n", r.Taken)
	}
	if r.Holder == nil {
		fmt.Fprintf(a.out, "the bench %s is free\n", r.Bench)
		return nil
	}
	fmt.Fprintf(a.out, "the bench %s is %s\n", r.Bench, r.Holder)
	return nil
}
