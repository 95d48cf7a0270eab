package node

import (
	"io/fs"
	"net/http"
	"path/filepath"
	"regexp"
	"testing"
	"testing/synctest"
	"time"

	crand "crypto/rand"

	"packhorse/gateway/pki"
	"packhorse/gateway/poweb"
	"packhorse/gateway/ramf/ramftest"
)

// plainName is what files of a state directory are called.
var plainName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9.-]*$`)

func TestHostileIDsReachNoFile(t *testing.T) {
	top := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		n, _, h := ridge(t, filepath.Join(top, "a", "b"))
		p := powebAPI{n.n}
		alice, bob := register(t, p, "alice"), register(t, p, "bob")
		pda := must[*pki.Certificate](t)(pki.Issue(pki.Template{Subject: alice.key.Public(), Issuer: bob.cert, IssuerKey: bob.key,
			NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour), Rand: crand.Reader}))
		allowed := 0
		for _, hostile := range ramftest.HostileIDs() {
			raw := ramftest.Parcel(t, hostile.ID, bob.id, time.Now(), pda, []*pki.Certificate{bob.cert, bob.gw}, "alice")
			want := http.StatusBadRequest
			if hostile.Allowed {
				allowed, want = allowed+1, http.StatusAccepted
			}
			if w := alice.post(t, h, raw); w.Code != want {
				t.Errorf("%q: status %d %s, want %d", hostile.ID, w.Code, w.Body, want)
			}
		}
		sub := must[poweb.Subscription](t)(p.Collect(t.Context(), []pki.NodeID{bob.id}))
		for i := range allowed {
			d, ok, err := sub.Next(t.Context(), false)
			if err != nil || !ok {
				t.Fatalf("parcel %d of %d: %v, %v", i, allowed, ok, err)
			}
			if err := sub.Ack(t.Context(), d); err != nil {
				t.Fatal(err)
			}
		}
		sub.Close()
		n.stop()
	})
	err := filepath.WalkDir(top, func(path string, d fs.DirEntry, err error) error {
		if in, _ := filepath.Rel(filepath.Join(top, "a", "b"), path); path != top && filepath.Dir(path) != top && in != "." && !plainName.MatchString(d.Name()) {
			t.Errorf("there is a file %q", path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if in, err := filepath.Glob(filepath.Join(top, "*")); err != nil || len(in) != 1 {
		t.Errorf("outside of the state directory: %q, %v", in, err)
	}
}
