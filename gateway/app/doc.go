// Package app is what a Go program needs to be an Awala app: an endpoint that registers with a private gateway,
// authorises others to write to it, sends and receives. It speaks PoWeb (RS-016), so that any of Awala's
// private gateways will do: ours, the desktop one, the one in Android. The CLI's packhorse endpoint is built on it. It is called app
// because app writers import it: clients there are of several protocols here, and endpoint is the pure core below it.
//
// # An app on one page
//
// An endpoint lives in a directory: an identity key, which is what it is, in a file of mode 0600, and a store of
// everything else that survives a power cut at any moment. One process has it open at a time.
//
//	e, err := app.Open(dir, app.Options{})
//	defer e.Close()
//	_, err = e.Register(ctx, "") // with the gateway of this machine; once is enough, it is renewed in time
//
// Nobody can write to an endpoint that did not authorise them, so before the first message a card goes one way and a
// contact the other, by mail, paper or any other way that nobody can tamper with:
//
//	we                                            they
//	e.Card().String()        -- card -->          card, err := app.ParseCard(text)
//	                                              contact, err := e.Authorise(card, app.Terms{})
//	c, err := app.ParseContact(text)  <-- contact.String() --
//	err = e.AddContact("bob", c)
//
// Then we can write to them. If they shall answer, the same goes the other way round. An authorisation may be limited in time
// and in letters per period, which gateways enforce, and is taken back with Deauthorise.
//
//	sent, err := e.Send(ctx, "bob", app.Message{Type: "text/plain", Content: []byte("hello")})
//
// With a nil error the message is safe on this disk. sent.Posted says that it is on the gateway's as well; if not, it waits, and
// goes out with the next message, or while the program receives. A message with an ID is sent once, however often the program
// is started again and says so.
//
//	err = e.Receive(ctx, func(ctx context.Context, l app.Letter) error {
//		fmt.Println(l.From, string(l.Content))
//		return nil // done with: the gateway may forget it
//	})
//
// Receive goes on until its context ends, through restarts of the gateway; Fetch takes what waits and returns. Letters are
// handed out one at a time and once: the same letter again is told by its sender and id until it expires. Only where the power
// went while the handler ran, nobody knows how far it came; such a letter comes again with Again set. A handler may send.
//
// Errors are of type *Error: a Reason for programs, and for people what happened and what to do about it.
package app
