package interop

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"testing"
	"time"

	"packhorse/gateway/cargo"
	"packhorse/gateway/cogrpc"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf"
	"packhorse/gateway/registration"
	"packhorse/gateway/uplink"
)

// remote is a private gateway of our codecs and clients alone, for faults that a whole gateway would mend by itself.
type remote struct {
	key  *rsa.PrivateKey
	book *uplink.Book
	tls  *tls.Config
}

func newRemote(t *testing.T, a *authority) *remote {
	t.Helper()
	key := pkitest.Key(t, "gateway")
	book, err := uplink.New(key)
	if err != nil {
		t.Fatal(err)
	}
	return &remote{key: key, book: book, tls: &tls.Config{RootCAs: a.pool, ServerName: "localhost"}}
}

// order is what a script wants done. Port is of a double, Silence and Timeout are in milliseconds.
type order struct {
	Address string
	Port    uint16
	Timeout int
	Silence int
	Keep    bool
	Fail    bool // to store what comes
	Most    int  // stop after so many
	SPKI    []byte
	Parcels [][]byte
	Raw     [][]byte
	Acks    []cargo.PCA
}

// outcome is what became of it.
type outcome struct {
	Class   string // of the failure; empty: none
	Error   string
	Raw     [][]byte
	Parcels int
	Acks    int
	Turns   int // certificate rotations taken
	Skipped int
}

func (r *remote) verbs() verbs {
	out := verbs{}
	for name, f := range map[string]func(context.Context, order) (outcome, error){
		"register": r.register, "endpoint": r.endpoint, "deliver": r.deliver, "collect": r.collect, "params": r.params,
		"cca": r.cca, "pack": r.pack, "bring": r.bring, "fetch": r.fetch, "open": r.open,
	} {
		out[name] = func(args json.RawMessage) (any, error) {
			var o order
			if err := json.Unmarshal(args, &o); err != nil {
				return nil, err
			}
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			if len(o.Raw) == 0 && slices.Contains([]string{"fetch", "open"}, name) {
				return nil, errors.New("nothing was given")
			}
			result, err := f(ctx, o)
			if err != nil {
				result.Class, result.Error = classOf(err), err.Error()
			}
			return result, nil
		}
	}
	return out
}

// classOf names what our callers tell apart.
func classOf(err error) string {
	var web *poweb.ClientError
	var rpc *cogrpc.Error
	var message *ramf.Error
	var book *uplink.Error
	switch {
	case errors.As(err, &rpc):
		return [...]string{cogrpc.Full: "full", cogrpc.Invalid: "invalid", cogrpc.Foreign: "foreign", cogrpc.Spent: "spent"}[rpc.Refusal]
	case errors.As(err, &message), errors.As(err, &book):
		return "bad"
	case !errors.As(err, &web):
		return "other"
	case web.Refused():
		return "refused"
	case web.Unauthorised():
		return "unauthorised"
	}
	return "later"
}

func (r *remote) web(o order) (*poweb.Client, error) {
	return poweb.NewClient(poweb.ClientOptions{URL: fmt.Sprintf("https://localhost:%d", o.Port), TLS: r.tls,
		Timeout: time.Duration(o.Timeout) * time.Millisecond, Silence: time.Duration(o.Silence) * time.Millisecond})
}

func (r *remote) register(ctx context.Context, o order) (outcome, error) {
	c, err := r.web(o)
	if err != nil {
		return outcome{}, err
	}
	defer c.Close()
	pnr, err := c.RegisterKey(ctx, r.key)
	if err != nil {
		return outcome{}, err
	}
	change, err := r.book.Register(o.Address, pnr, time.Now(), pki.ClockNTP)
	if err == nil {
		change.Apply()
	}
	return outcome{}, err
}

func (r *remote) params(ctx context.Context, o order) (outcome, error) {
	c, err := r.web(o)
	if err != nil {
		return outcome{}, err
	}
	defer c.Close()
	p, err := c.ConnectionParams(ctx)
	return outcome{Raw: [][]byte{p}}, err
}

func (r *remote) signer(o order) (poweb.Signer, error) {
	cert, err := r.book.Signer(o.Address, time.Now(), pki.ClockNTP)
	return poweb.Signer{Certificate: cert, Key: r.key}, err
}

// endpoint registers an endpoint of this gateway, and answers its PNR.
func (r *remote) endpoint(_ context.Context, o order) (outcome, error) {
	key, err := pki.ParseSPKI(o.SPKI)
	if err != nil {
		return outcome{}, err
	}
	s, err := r.signer(o)
	if err != nil {
		return outcome{}, err
	}
	cert, err := pki.Issue(pki.Template{Subject: key, Issuer: s.Certificate, IssuerKey: r.key, CA: true, Rand: rand.Reader,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(24 * time.Hour)})
	if err != nil {
		return outcome{}, err
	}
	pnr := registration.Result{Node: cert, Gateway: s.Certificate, Address: o.Address}
	return outcome{Raw: [][]byte{pnr.Marshal()}}, nil
}

func (r *remote) deliver(ctx context.Context, o order) (outcome, error) {
	c, err := r.web(o)
	if err != nil {
		return outcome{}, err
	}
	defer c.Close()
	s, err := r.signer(o)
	if err != nil {
		return outcome{}, err
	}
	return outcome{}, c.Deliver(ctx, o.Parcels[0], s)
}

var errNoRoom = errors.New("no room for it here")

func (r *remote) collect(ctx context.Context, o order) (out outcome, err error) {
	c, err := r.web(o)
	if err != nil {
		return out, err
	}
	defer c.Close()
	s, err := r.signer(o)
	if err != nil {
		return out, err
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	take := func(_ context.Context, parcel []byte) error {
		if o.Fail {
			return errNoRoom
		}
		if out.Raw = append(out.Raw, parcel); len(out.Raw) == o.Most {
			time.AfterFunc(50*time.Millisecond, stop) // the acknowledgement goes out before
		}
		return nil
	}
	err = c.Collect(ctx, poweb.Collection{Signers: []poweb.Signer{s}, Keep: o.Keep, Take: take})
	if o.Most > 0 && len(out.Raw) == o.Most {
		err = nil
	}
	return out, err
}

func (r *remote) cca(_ context.Context, o order) (outcome, error) {
	raw, _, err := r.book.MakeCCA(o.Address, time.Now(), pki.ClockNTP, rand.Reader)
	return outcome{Raw: [][]byte{raw}}, err
}

// pack makes one cargo of acknowledgements and parcels.
func (r *remote) pack(_ context.Context, o order) (outcome, error) {
	room, err := r.book.Room(o.Address, 0, time.Now(), pki.ClockNTP)
	if err != nil {
		return outcome{}, err
	}
	batch := cargo.NewBatch(room)
	for _, a := range o.Acks {
		batch.Add(a.Marshal())
	}
	for _, p := range o.Parcels {
		batch.Add(p)
	}
	raw, _, err := r.book.Seal(o.Address, batch, time.Now().Add(time.Hour), time.Now(), pki.ClockNTP, rand.Reader)
	return outcome{Raw: [][]byte{raw}}, err
}

// carrier is a client of the double's CogRPC: of an Internet gateway when it has an address, else of a courier.
func (r *remote) carrier(o order) (*cogrpc.Client, error) {
	if o.Address != "" {
		return cogrpc.DialGateway(fmt.Sprintf("localhost:%d", o.Port), r.tls)
	}
	return cogrpc.DialCourier(netip.AddrPortFrom(netip.AddrFrom4([4]byte{127, 0, 0, 1}), o.Port))
}

// bring delivers cargo; Acks counts what was acknowledged.
func (r *remote) bring(ctx context.Context, o order) (out outcome, err error) {
	c, err := r.carrier(o)
	if err != nil {
		return out, err
	}
	defer c.Close()
	ctx, cancel := r.limit(ctx, o)
	defer cancel()
	var all iter.Seq2[cogrpc.Cargo, error] = func(yield func(cogrpc.Cargo, error) bool) {
		for i, raw := range o.Raw {
			if !yield(cogrpc.Cargo{Key: fmt.Sprint(i), Raw: raw}, nil) {
				return
			}
		}
	}
	err = c.Deliver(ctx, all, func(string) error { out.Acks++; return nil })
	return out, err
}

func (r *remote) limit(ctx context.Context, o order) (context.Context, context.CancelFunc) {
	if o.Timeout == 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, time.Duration(o.Timeout)*time.Millisecond)
}

// fetch collects cargo for a CCA.
func (r *remote) fetch(ctx context.Context, o order) (out outcome, err error) {
	c, err := r.carrier(o)
	if err != nil {
		return out, err
	}
	defer c.Close()
	ctx, cancel := r.limit(ctx, o)
	defer cancel()
	_, err = c.Collect(ctx, o.Raw[0], func(raw []byte) error {
		if o.Fail {
			return errNoRoom
		}
		out.Raw = append(out.Raw, raw)
		return nil
	})
	return out, err
}

// open reads cargo for this gateway and takes rotations.
func (r *remote) open(_ context.Context, o order) (out outcome, err error) {
	m, err := ramf.Parse(o.Raw[0])
	if err != nil {
		return out, err
	}
	opened, err := r.book.Open(m, time.Now(), pki.ClockNTP)
	if err != nil {
		return out, err
	}
	out.Skipped = opened.Skipped
	for _, item := range opened.Items {
		switch {
		case item.PCA != nil:
			out.Acks++
		case item.Rotation != nil:
			out.Turns++
			change, err := r.book.Rotate(opened.From, item.Rotation, time.Now(), pki.ClockNTP)
			if err != nil {
				return out, err
			}
			change.Apply()
		default:
			out.Parcels++
			out.Raw = append(out.Raw, item.Parcel)
		}
	}
	return out, nil
}

// TestClientsOfAwalaServers has our clients meet servers of Awala's library at their worst.
func TestClientsOfAwalaServers(t *testing.T) {
	t.Parallel()
	a := newAuthority(t)
	script{name: "client.mjs", args: []string{a.dir}, env: a.env(), verbs: newRemote(t, a).verbs(), least: 60}.run(t)
}
