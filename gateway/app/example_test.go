package app_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/app"
	"packhorse/gateway/node"
	"packhorse/gateway/pki"
	"packhorse/store"
)

// Two apps of one machine write to each other through its gateway.
func Example() {
	ctx := context.Background()
	gateway, dir, stop := privateGateway()
	defer stop()

	alice := open(ctx, filepath.Join(dir, "alice"), gateway)
	defer alice.Close()
	bob := open(ctx, filepath.Join(dir, "bob"), gateway)
	defer bob.Close()

	// Bob gives Alice his card; she answers with what he needs to write to her.
	contact, err := alice.Authorise(bob.Card(), app.Terms{})
	check(err)
	check(bob.AddContact("alice", contact))

	sent, err := bob.Send(ctx, "alice", app.Message{Type: "text/plain", Content: []byte("Hello, world!")})
	check(err)
	fmt.Println("with the gateway:", sent.Posted)

	check(alice.Fetch(ctx, func(_ context.Context, l app.Letter) error {
		fmt.Println(l.Type, string(l.Content))
		return nil
	}))
	// Output:
	// with the gateway: true
	// text/plain Hello, world!
}

// A sensor may send so many readings in a time, and no more: the gateways see to it.
func Example_sensor() {
	ctx := context.Background()
	gateway, dir, stop := privateGateway()
	defer stop()

	station := open(ctx, filepath.Join(dir, "station"), gateway)
	defer station.Close()
	sensor := open(ctx, filepath.Join(dir, "sensor"), gateway)
	defer sensor.Close()

	contact, err := station.Authorise(sensor.Card(), app.Terms{Limit: &pki.RateLimit{Limit: 2, Period: 24 * time.Hour}})
	check(err)
	check(sensor.AddContact("station", contact))

	for n, celsius := range []string{"12.5", "12.7", "12.6"} {
		// An ID of its own makes a reading go out once, also when the power goes and the program says it again.
		_, err := sensor.Send(ctx, "station", app.Message{ID: fmt.Sprintf("reading %d", n), Type: "text/plain", Content: []byte(celsius)})
		fmt.Println("reading", n, "refused:", app.ReasonOf(err) == app.Refused)
	}
	check(station.Fetch(ctx, func(_ context.Context, l app.Letter) error {
		fmt.Println(l.ID, string(l.Content))
		return nil
	}))
	// Output:
	// reading 0 refused: false
	// reading 1 refused: false
	// reading 2 refused: true
	// reading 0 12.5
	// reading 1 12.7
}

// A program that runs for ever answers each letter as it comes.
func ExampleEndpoint_Receive() {
	ctx := context.Background()
	gateway, dir, stop := privateGateway()
	defer stop()

	echo := open(ctx, filepath.Join(dir, "echo"), gateway)
	defer echo.Close()
	caller := open(ctx, filepath.Join(dir, "caller"), gateway)
	defer caller.Close()
	meet(echo, "echo", caller, "caller")

	_, err := caller.Send(ctx, "echo", app.Message{Type: "text/plain", Content: []byte("anybody there?")})
	check(err)

	ctx, end := context.WithCancel(ctx)
	err = echo.Receive(ctx, func(ctx context.Context, l app.Letter) error {
		defer end() // this example ends here; others return nil alone and go on
		// The answer has the id of the letter: should the power go before we return, the letter comes again, and
		// still it is answered once.
		_, err := echo.Send(ctx, l.From, app.Message{ID: l.ID, Type: l.Type, Content: append([]byte("you said: "), l.Content...)})
		return err
	})
	fmt.Println(errors.Is(err, context.Canceled))

	check(caller.Fetch(context.Background(), func(_ context.Context, l app.Letter) error {
		fmt.Printf("%s: %s\n", l.From, l.Content)
		return nil
	}))
	// Output:
	// true
	// echo: you said: anybody there?
}

// What an endpoint allowed it can take back.
func ExampleEndpoint_Deauthorise() {
	ctx := context.Background()
	gateway, dir, stop := privateGateway()
	defer stop()

	alice := open(ctx, filepath.Join(dir, "alice"), gateway)
	defer alice.Close()
	mallory := open(ctx, filepath.Join(dir, "mallory"), gateway)
	defer mallory.Close()
	meet(alice, "alice", mallory, "mallory")

	known, err := alice.Deauthorise(ctx, mallory.ID())
	check(err)
	fmt.Println("the gateway knows:", known)
	_, err = mallory.Send(ctx, "alice", app.Message{Type: "text/plain", Content: []byte("buy now")})
	fmt.Println(app.ReasonOf(err))
	// Output:
	// the gateway knows: true
	// refused
}

// open opens the endpoint in a directory and registers it.
func open(ctx context.Context, dir, gateway string) *app.Endpoint {
	e, err := app.Open(dir, app.Options{})
	check(err)
	_, err = e.Register(ctx, gateway)
	check(err)
	return e
}

// meet lets two endpoints write to each other.
func meet(a *app.Endpoint, aName string, b *app.Endpoint, bName string) {
	forB, err := a.Authorise(b.Card(), app.Terms{})
	check(err)
	check(b.AddContact(aName, forB))
	forA, err := b.Authorise(a.Card(), app.Terms{})
	check(err)
	check(a.AddContact(bName, forA))
}

// privateGateway runs a gateway for the examples, as `packhorse dev` does; apps find theirs at app.DefaultGateway.
func privateGateway() (url, dir string, stop func()) {
	dir, err := os.MkdirTemp("", "packhorse-example-")
	check(err)
	n, err := node.Open(node.Config{StateDir: filepath.Join(dir, "gateway"), Name: "ridge-1", PoWeb: "127.0.0.1:0", Store: store.Options{Reserve: -1}})
	check(err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error)
	go func() { done <- n.Run(ctx) }()
	_, err = n.API().Up(ctx, admin.Up{Domain: "ridge"})
	check(err)
	return "http://" + n.PoWebAddr(), dir, func() {
		cancel()
		check(<-done)
		check(os.RemoveAll(dir))
	}
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}
