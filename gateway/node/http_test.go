package node

import (
	"bytes"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway/admin"
	"packhorse/gateway/cms"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
	"packhorse/gateway/poweb"
	"packhorse/gateway/registration"
	"packhorse/store"
)

// slowDisk holds batches back, or fails them.
type slowDisk struct {
	held, full atomic.Bool
	let        chan struct{}
}

func (d *slowDisk) apply(s *store.Store, ops ...store.Op) error {
	if d.held.Load() {
		<-d.let
	}
	if d.full.Load() {
		return fmt.Errorf("batch: %w", store.ErrFull)
	}
	return s.Apply(ops...)
}

// release lets the batch go that is held, and those after it.
func (d *slowDisk) release() {
	d.held.Store(false)
	d.let <- struct{}{}
}

// ridge runs a gateway in a domain, on a slow disk.
func ridge(t *testing.T, dir string) (running, *slowDisk, http.Handler) {
	t.Helper()
	d := &slowDisk{let: make(chan struct{})}
	n := start(t, Config{StateDir: dir, Name: "ada", apply: d.apply}, nil)
	must[admin.Status](t)(n.Up(t.Context(), admin.Up{Domain: "ridge"}))
	return n, d, poweb.NewHandler(powebAPI{n.n})
}

func post(t *testing.T, h http.Handler, path, contentType string, body []byte, authorization string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), "POST", path, bytes.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	if authorization != "" {
		r.Header.Set("Authorization", authorization)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// post delivers a parcel over HTTP.
func (a app) post(t *testing.T, h http.Handler, parcel []byte) *httptest.ResponseRecorder {
	sig := must[[]byte](t)(cms.Countersign(pki.ParcelDelivery, parcel, a.cert, a.key, crand.Reader))
	return post(t, h, "/v1/parcels", "application/vnd.awala.parcel", parcel, "Relaynet-Countersignature "+base64.StdEncoding.EncodeToString(sig))
}

func TestAcceptedLeavesAfterTheDisk(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n, disk, h := ridge(t, dir)
		defer n.stop()
		alice, bob := register(t, powebAPI{n.n}, "alice"), register(t, powebAPI{n.n}, "bob")
		raw := alice.parcel(t, bob, "p1", time.Now())
		synctest.Wait()
		disk.held.Store(true)
		first := make(chan int, 1)
		go func() { first <- alice.post(t, h, raw).Code }()
		synctest.Wait()
		if len(first) != 0 {
			t.Error("answered before the store had the parcel")
		}
		if w := alice.post(t, h, raw); w.Code != http.StatusServiceUnavailable {
			t.Errorf("the same while it is saved: status %d %s, want 503", w.Code, w.Body)
		}
		disk.release()
		if got := <-first; got != http.StatusAccepted {
			t.Errorf("status %d, want 202", got)
		}
		if w := alice.post(t, h, raw); w.Code != http.StatusAccepted {
			t.Errorf("the same again: status %d %s, want 202", w.Code, w.Body)
		}
	})
}

func TestFullStoreAnswers507(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n, disk, h := ridge(t, dir)
		defer n.stop()
		alice, bob := register(t, powebAPI{n.n}, "alice"), register(t, powebAPI{n.n}, "bob")
		raw := alice.parcel(t, bob, "p1", time.Now())
		disk.full.Store(true)
		if w := alice.post(t, h, raw); w.Code != http.StatusInsufficientStorage {
			t.Errorf("full store: status %d %s, want 507", w.Code, w.Body)
		}
		disk.full.Store(false)
		if w := alice.post(t, h, raw); w.Code != http.StatusAccepted {
			t.Errorf("with room again: status %d %s, want 202", w.Code, w.Body)
		}
	})
}

// Between the largest parcel and the largest body the gateway itself must refuse.
func TestParcelOverTheLimitAnswers413(t *testing.T) {
	const largest = 8_322_038
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n, _, h := ridge(t, dir)
		defer n.stop()
		alice := register(t, powebAPI{n.n}, "alice")
		for _, c := range []struct{ size, want int }{
			{largest, http.StatusBadRequest}, // not too big, but no parcel
			{largest + 1, http.StatusRequestEntityTooLarge},
			{poweb.MaxParcel, http.StatusRequestEntityTooLarge},
		} {
			w := alice.post(t, h, make([]byte, c.size))
			if w.Code != c.want {
				t.Errorf("%d octets: status %d %s, want %d", c.size, w.Code, w.Body, c.want)
			}
			if c.size > largest && !strings.Contains(w.Body.String(), "8,322,038") {
				t.Errorf("%d octets: %s does not name the limit", c.size, w.Body)
			}
		}
	})
}

// An authorization is good for one registration, of the key that it was made for. A refusal is 400, as with
// Awala's own gateway for desktops.
func TestAuthorizationIsForOneUseOfItsKey(t *testing.T) {
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n, _, h := ridge(t, dir)
		defer n.stop()
		authorize := func(name string) []byte {
			digest := sha256.Sum256(must[[]byte](t)(pki.EncodeSPKI(pkitest.Key(t, name).Public())))
			w := post(t, h, "/v1/pre-registrations", "text/plain", []byte(hex.EncodeToString(digest[:])), "")
			if w.Code != http.StatusOK {
				t.Fatalf("pre-registration: status %d %s, want 200", w.Code, w.Body)
			}
			return w.Body.Bytes()
		}
		use := func(what string, pnra []byte, name string, want int) {
			t.Helper()
			pnrr := must[[]byte](t)(registration.NewRequest(pnra, pkitest.Key(t, name), crand.Reader))
			if w := post(t, h, "/v1/nodes", "application/vnd.awala.node-registration.request", pnrr, ""); w.Code != want {
				t.Errorf("%s: status %d %s, want %d", what, w.Code, w.Body, want)
			}
		}
		pnra := authorize("alice")
		use("another key's authorization", pnra, "bob", http.StatusBadRequest)
		use("its own key", pnra, "alice", http.StatusOK)
		use("used before", pnra, "alice", http.StatusBadRequest)
		late := authorize("alice")
		time.Sleep(registration.Lifetime + time.Nanosecond)
		use("too late", late, "alice", http.StatusBadRequest)
	})
}
