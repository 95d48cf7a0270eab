package inetnode

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway/inet"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/shell"
)

// A courier may hang up while its CCA is judged: the collection may be open by then, and nobody else closes it.
func TestCollectionThatIsGivenUpIsClosed(t *testing.T) {
	key := pkitest.Key(t, "root")
	synctest.Test(t, func(t *testing.T) {
		core, err := inet.New(inet.Config{Address: "gw.example.org", Key: key, Clock: pki.ClockNTP, Rand: rand.Reader}, nil)
		if err != nil {
			t.Fatal(err)
		}
		n := &Node{owner: shell.NewOwner(), core: core, log: slog.New(slog.DiscardHandler)}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() {
			_, err := cargoAPI{n}.Collect(ctx, []byte("CCA"))
			done <- err
		}()
		synctest.Wait()
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
		var asked int
		for ; len(n.owner.Inbox()) > 0; asked++ {
			(<-n.owner.Inbox())(time.Now())
		}
		if asked != 3 {
			t.Errorf("the owner was asked for %d things, want three: to open, to forget the question, and to close", asked)
		}
	})
}
