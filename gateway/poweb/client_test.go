package poweb

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/internal/web"
	"packhorse/gateway/pki"
	"packhorse/gateway/pki/pkitest"
)

const fakeURL = "http://127.0.0.1:13276"

// newClient is a client of whatever listens on p.
func newClient(t testing.TB, p pipes) *Client {
	t.Helper()
	c, err := NewClient(ClientOptions{URL: fakeURL, Dial: p.dial})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// withGateway runs a test of a client against a gateway of the test's own.
func withGateway(t *testing.T, h http.HandlerFunc, test func(t *testing.T, c *Client)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		p := pipes{make(chan net.Conn)}
		s := &http.Server{Handler: h}
		go s.Serve(p)
		c := newClient(t, p)
		test(t, c)
		s.Close()
		c.Close()
	})
}

func signer(t testing.TB, chain pkitest.Chain) Signer {
	return Signer{chain.Endpoint, pkitest.Key(t, "endpoint")}
}

func TestClientRegistersAndDelivers(t *testing.T) {
	withServer(t, func(k *collectors) {
		c := newClient(t, k.net)
		defer c.Close()
		pnra, err := c.PreRegister(k.t.Context(), sha256.Sum256(nil))
		if err != nil || !strings.HasPrefix(string(pnra), "PNRA for ") {
			t.Errorf("pre-registration: got %q, %v", pnra, err)
		}
		pnr, err := c.RegisterKey(k.t.Context(), pkitest.Key(t, "endpoint"))
		if err != nil || !bytes.HasPrefix(pnr, []byte("PNR for ")) || !bytes.Contains(pnr, []byte("PNRA for ")) {
			t.Errorf("registration: got %q, %v", pnr, err)
		}
		if err := c.Deliver(k.t.Context(), []byte("hello"), signer(t, k.b.chain)); err != nil {
			t.Error(err)
		}
		if len(k.b.got) != 1 || string(k.b.got[0]) != "hello" {
			t.Errorf("delivered %q, want hello", k.b.got)
		}
	})
}

func TestClientTellsRefusalsFromTrouble(t *testing.T) {
	for _, tt := range []struct {
		name                  string
		status                int
		refused, unauthorised bool
	}{
		{"malformed", 400, true, false}, {"too big", 413, true, false}, {"invalid", 422, true, false},
		{"bad countersignature", 401, false, true}, {"bad countersignature, by the specification", 403, false, true},
		{"another server", 404, false, false}, {"another server's type", 415, false, false}, {"broken", 500, false, false},
		{"full", 507, false, false}, {"moved", 308, false, false},
	} {
		withGateway(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			web.AnswerError(w, web.Fail(tt.status, "no\x1b[2J way"))
		}, func(t *testing.T, c *Client) {
			err := c.Deliver(t.Context(), nil, signer(t, pkitest.NewChain(t)))
			var e *ClientError
			if !errors.As(err, &e) || e.Status != tt.status || e.Refused() != tt.refused || e.Unauthorised() != tt.unauthorised {
				t.Errorf("%s: got %#v", tt.name, err)
			}
			if want := "poweb: deliver: "; !strings.HasPrefix(err.Error(), want) || !strings.Contains(err.Error(), "no [2J way") {
				t.Errorf("%s: got words %q", tt.name, err)
			}
		})
	}
}

func TestClientIsNotFlooded(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"without end": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", typeAuthorization)
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
		"an octet too many": func(w http.ResponseWriter, r *http.Request) {
			web.Answer(w, http.StatusOK, typeAuthorization, make([]byte, maxAnswer+1))
		},
		"endless error": func(w http.ResponseWriter, r *http.Request) {
			w.WriteHeader(http.StatusInternalServerError)
			for {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		},
		"large header": func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X", strings.Repeat("x", maxHeader+1))
			web.Answer(w, http.StatusOK, typeAuthorization, nil)
		},
		"of another type": func(w http.ResponseWriter, r *http.Request) {
			web.Answer(w, http.StatusOK, "text/html", []byte("<html>"))
		},
		"another address": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "/", http.StatusTemporaryRedirect)
		},
	} {
		withGateway(t, h, func(t *testing.T, c *Client) {
			b, err := c.PreRegister(t.Context(), [32]byte{})
			var e *ClientError
			if b != nil || !errors.As(err, &e) {
				t.Errorf("%s: got %d octets, %v, want a *ClientError", name, len(b), err)
			}
		})
	}
	withGateway(t, func(w http.ResponseWriter, r *http.Request) {
		web.Answer(w, http.StatusOK, typeAuthorization+"; charset=x", make([]byte, maxAnswer))
	}, func(t *testing.T, c *Client) {
		if b, err := c.PreRegister(t.Context(), [32]byte{}); err != nil || len(b) != maxAnswer {
			t.Errorf("largest answer: got %d octets, %v", len(b), err)
		}
	})
}

func TestCallsEnd(t *testing.T) {
	stuck := func(w http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	withGateway(t, stuck, func(t *testing.T, c *Client) {
		start := time.Now()
		_, err := c.ConnectionParams(t.Context())
		var e *ClientError
		if !errors.As(err, &e) || !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != localTimeout {
			t.Errorf("got %v after %v, want the deadline after %v", err, time.Since(start), localTimeout)
		}
	})
	withGateway(t, stuck, func(t *testing.T, c *Client) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := c.ConnectionParams(ctx); err != context.DeadlineExceeded {
			t.Errorf("got %v, want the caller's own deadline", err)
		}
	})
}

func TestSlowUploadOfALargeParcelGoesThrough(t *testing.T) {
	parcel := make([]byte, 1<<20)
	withGateway(t, func(w http.ResponseWriter, r *http.Request) {
		time.Sleep(time.Minute)
		if b, err := io.ReadAll(r.Body); err != nil || len(b) != len(parcel) {
			t.Errorf("got %d octets, %v", len(b), err)
		}
		w.WriteHeader(http.StatusOK) // any 2xx is good
	}, func(t *testing.T, c *Client) {
		if err := c.Deliver(t.Context(), parcel, signer(t, pkitest.NewChain(t))); err != nil {
			t.Error(err)
		}
	})
}

func TestClientOverTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("got HTTP/%d", r.ProtoMajor)
		}
		web.Answer(w, http.StatusOK, typeParams, []byte("params"))
	}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.StartTLS()
	defer s.Close()
	strict, err := NewClient(ClientOptions{URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := strict.ConnectionParams(t.Context()); err == nil {
		t.Error("a certificate of nobody's is taken")
	}
	c, err := NewClient(ClientOptions{URL: s.URL, TLS: s.Client().Transport.(*http.Transport).TLSClientConfig})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if b, err := c.ConnectionParams(t.Context()); err != nil || string(b) != "params" {
		t.Errorf("got %q, %v", b, err)
	}
}

func TestClientAddresses(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://gw.example": true, "https://gw.example:8443/": true, "http://127.0.0.1:13276": true, "http://[::1]:1": true,
		"http://localhost:276": true, "http://gw.example": false, "http://192.0.2.1": false, "ftp://127.0.0.1": false,
		"https://gw.example/v1": false, "gw.example": false, "": false, "https://": false, "http://127.0.0.1.example": false,
	} {
		if _, err := NewClient(ClientOptions{URL: url}); (err == nil) != ok {
			t.Errorf("%s: got %v", url, err)
		}
	}
}

func TestDeliveryIsCountersigned(t *testing.T) {
	chain := pkitest.NewChain(t)
	withGateway(t, func(w http.ResponseWriter, r *http.Request) {
		sig, err := countersignature(r)
		if err != nil {
			t.Error(err)
		}
		s, err := cms.VerifyCountersignature(pki.ParcelDelivery, sig, []byte("p"), []*pki.Certificate{chain.Gateway}, pkitest.Now, pki.ClockGPS)
		if err != nil || s.ID != chain.Endpoint.ID || !strings.HasPrefix(r.Header.Get("Authorization"), "Relaynet-Countersignature ") ||
			r.Header.Get("Content-Type") != "application/vnd.awala.parcel" {
			t.Errorf("got %v, %v, headers %v", s, err, r.Header)
		}
		w.WriteHeader(http.StatusNoContent)
	}, func(t *testing.T, c *Client) {
		if err := c.Deliver(t.Context(), []byte("p"), signer(t, chain)); err != nil {
			t.Error(err)
		}
	})
}
