package update

import (
	"bytes"
	"crypto/sha256"
	"encoding/json"
	"testing"
)

// bounded fails the test when more is written than a manifest allows.
type bounded struct {
	t    *testing.T
	left int64
	bytes.Buffer
}

func (b *bounded) Write(p []byte) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		b.t.Fatal("more was written than the manifest allows")
	}
	return b.Buffer.Write(p)
}

// FuzzFile gives whole files: only what the key signed may come out.
func FuzzFile(f *testing.F) {
	s := newSigner(f, 1)
	good := updateOf(f, next, sector, s)
	f.Add(good)
	f.Add(good[:1024])
	f.Add(archived(f, member{name: ManifestName, data: []byte("{}")}, member{name: SignatureName}, member{name: PayloadName}))
	f.Fuzz(func(t *testing.T, file []byte) {
		m, got, err := read(file, s.keys())
		if err == nil && (m.Release() != next || !bytes.Equal(got, sector)) {
			t.Errorf("got %+v and %d octets that nobody signed", m, len(got))
		}
	})
}

// FuzzSigned gives manifests and payloads with a good signature: nothing is written that the manifest does not name.
func FuzzSigned(f *testing.F) {
	s := newSigner(f, 1)
	payload := gzipped(sector)
	text, err := json.Marshal(manifestOf(sector, payload))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text, payload)
	f.Add(text, payload[:20])
	f.Add([]byte(`{"format":"packhorse-update/2"}`), payload)
	f.Fuzz(func(t *testing.T, text, payload []byte) {
		file, err := Open(bytes.NewReader(archived(t, s.signedText(t, text, payload)...)), s.keys())
		if err != nil {
			return
		}
		out := &bounded{t: t, left: file.Size}
		if err := file.CopyTo(out); err != nil {
			return
		}
		sum := sha256.New()
		sum.Write(out.Bytes())
		if int64(out.Len()) != file.Size || !is(sum, file.SHA256) {
			t.Errorf("took %d octets of %d", out.Len(), file.Size)
		}
	})
}
