package poweb

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
)

// busyBackend makes PNRAs as slowly as a small board.
type busyBackend struct {
	internetBackend
	done chan struct{}
}

func (b busyBackend) PreRegister(ctx context.Context, digest [32]byte) ([]byte, error) {
	<-b.done
	return b.internetBackend.PreRegister(ctx, digest)
}

// A PNRA costs us a signature and whoever asks for it nothing.
func TestOneAddressDoesNotKeepOthersFromRegistering(t *testing.T) {
	quick := internetBackend{newBackend(t)}
	synctest.Test(t, func(t *testing.T) {
		b := busyBackend{quick, make(chan struct{})}
		h := newInternetHandler(b, InternetOptions{})
		ask := func(from string) *httptest.ResponseRecorder {
			w := httptest.NewRecorder()
			r := httptest.NewRequest(http.MethodPost, "/v1/pre-registrations", strings.NewReader(strings.Repeat("0", 64)))
			r.Header.Set("Content-Type", typeDigest)
			r.RemoteAddr = from
			go h.ServeHTTP(w, r)
			synctest.Wait()
			return w
		}
		all := []*httptest.ResponseRecorder{ask("192.0.2.1:1"), ask("192.0.2.1:2"), ask("192.0.2.1:3"), ask("192.0.2.2:1")}
		close(b.done)
		synctest.Wait()
		for i, want := range []int{200, 200, 503, 200} {
			if all[i].Code != want {
				t.Errorf("number %d: got %d, want %d", i, all[i].Code, want)
			}
		}
	})
}
