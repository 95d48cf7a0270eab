package clouds

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"math/big"
	"net/http"
	"os"
	"testing"
	"time"

	mrand "math/rand/v2"

	"packhorse/gateway/permit"
	"packhorse/gateway/pki"
)

// ends are two people, and one more beside the second, with the processes between them.
type ends struct {
	t                 *testing.T
	w                 *internet
	a, b, left, right *process
	ann, ben, bea     *person
}

func newEnds(t *testing.T) *ends {
	w := newInternet(t, "a.example", "b.example")
	e := &ends{t: t, w: w, a: w.clouds["a.example"], b: w.clouds["b.example"], left: w.private("left", "a.example", "b.example"), right: w.private("right", "b.example")}
	e.ann, e.ben, e.bea = newPerson(t, "ann", e.left), newPerson(t, "ben", e.right), newPerson(t, "bea", e.right)
	e.ann.knows(e.ben.app)
	e.ben.knows(e.ann.app)
	e.bea.knows(e.ann.app)
	return e
}

// Two people behind two private gateways of ours, each registered with an Internet gateway of ours: all that the processes
// are is real, but for the names of hosts.
func TestParcelsCrossTheInternet(t *testing.T) {
	t.Parallel()
	e := newEnds(t)
	e.restarts()
	e.silentPoHTTP()
	e.large()
	e.limits()
	e.denial()
	e.secondChoice()
	e.ann.none()
	e.ben.none()
}

// restarts ends and starts each of the six, while parcels are between them.
func (e *ends) restarts() {
	e.t.Helper()
	restarts := []func(){e.a.restart, e.b.restart, e.ann.reopen, e.ben.reopen,
		func() { e.ann.stop(); e.left.restart(); e.ann.open() },
		func() { e.ben.stop(); e.bea.stop(); e.right.restart(); e.ben.open(); e.bea.open() }}
	var toAnn, toBen []string
	for _, i := range mrand.New(seeded("restarts", 1)).Perm(len(restarts)) {
		toBen, toAnn = append(toBen, e.ann.post(e.ben)), append(toAnn, e.ben.post(e.ann))
		restarts[i]()
	}
	e.ben.await(toBen...)
	e.ann.await(toAnn...)
}

// silentPoHTTP has one Internet gateway not answer the other for a while.
func (e *ends) silentPoHTTP() {
	e.t.Helper()
	mark := e.a.log.end()
	e.b.fronts["PoHTTP"].point("")
	id := e.ann.post(e.ben)
	e.a.log.await(e.t, mark, "a parcel waits", "b.example")
	e.b.fronts["PoHTTP"].point(e.b.role.Addr("PoHTTP"))
	e.ben.await(id)
}

// limits lets one write more than he may: that waits, and the parcels of others do not.
func (e *ends) limits() {
	e.t.Helper()
	pda := e.ann.authorise(e.ben.app)
	e.ann.pdas[e.ben.id] = must[*pki.Certificate](e.t)(pki.Issue(pki.Template{Subject: e.ben.key.Public(), Issuer: e.ann.cert, IssuerKey: e.ann.key,
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), RateLimit: &pki.RateLimit{Limit: 2, Period: time.Hour}, Rand: rand.Reader}))
	e.ann.await(e.ben.post(e.ann), e.ben.post(e.ann))
	mark := e.b.log.end()
	e.ben.post(e.ann)
	e.b.log.await(e.t, mark, "a parcel waits", "a.example")
	e.ann.await(e.bea.post(e.ann))
	e.ann.pdas[e.ben.id] = pda
}

// denial takes back what one may write: the Internet gateway refuses it, and the sender's drops it.
func (e *ends) denial() {
	e.t.Helper()
	pdd := must[[]byte](e.t)(permit.Sign(permit.PDD{Recipient: e.ann.id, Serials: []*big.Int{e.ann.authorise(e.bea.app).X509.SerialNumber}, Expires: time.Now().Add(day).Truncate(time.Second),
		Signer: e.ann.cert, Chain: []*pki.Certificate{e.ann.gw}}, e.ann.key, rand.Reader))
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(must[[]byte](e.t)(os.ReadFile(e.w.cert)))
	c := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, DisableKeepAlives: true}}
	r := must[*http.Request](e.t)(http.NewRequestWithContext(context.Background(), http.MethodPost, "https://"+e.a.fronts["PoWeb"].address()+"/v1/deauthorisations", bytes.NewReader(pdd)))
	r.Header.Set("Content-Type", "application/vnd.awala.parcel-delivery-deauthorisation")
	answer := must[*http.Response](e.t)(c.Do(r))
	if answer.Body.Close(); answer.StatusCode != http.StatusAccepted {
		e.t.Fatalf("the deauthorisation is answered %s", answer.Status)
	}
	mark := e.b.log.end()
	e.bea.post(e.ann)
	e.b.log.await(e.t, mark, "a parcel was refused", "a.example")
	e.ann.await(e.ben.post(e.ann))
}

// secondChoice takes the Internet gateway from its private gateway.
func (e *ends) secondChoice() {
	e.t.Helper()
	mark := e.left.log.end()
	e.a.fronts["PoWeb"].point("")
	e.left.log.await(e.t, mark, "connection to an Internet gateway", "b.example", "live=true")
	e.ben.await(e.ann.post(e.ben))
}
