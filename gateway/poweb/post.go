package poweb

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"net/http"
	"strings"
	"time"

	"packhorse/gateway/cms"
	"packhorse/gateway/internal/web"
	"packhorse/gateway/pki"
)

// Schemes of the Authorization header. The first is what the libraries in use speak.
const (
	scheme       = "Relaynet-Countersignature"
	schemeBySpec = "Awala-Countersignature"
)

func (s *server) preRegister(w http.ResponseWriter, r *http.Request) error {
	if err := web.CheckType(r, typeDigest); err != nil {
		return err
	}
	body, err := web.ReadBody(w, r, maxSmallBody)
	if err != nil {
		return err
	}
	var digest [32]byte
	if n, err := hex.Decode(digest[:], body[:min(len(body), 2*len(digest))]); err != nil || n != len(digest) || len(body) != 2*n {
		return web.Fail(http.StatusBadRequest, "the body must be the SHA-256 digest of a public key, 64 hexadecimal digits")
	}
	return s.atDesk(r, func() error {
		pnra, err := s.backend.PreRegister(r.Context(), digest)
		if err == nil {
			web.Answer(w, http.StatusOK, typeAuthorization, pnra)
		}
		return err
	})
}

func (s *server) register(w http.ResponseWriter, r *http.Request) error {
	if err := web.CheckType(r, typeRequest); err != nil {
		return err
	}
	pnrr, err := web.ReadBody(w, r, maxSmallBody)
	if err != nil {
		return err
	}
	return s.atDesk(r, func() error {
		pnr, err := s.backend.Register(r.Context(), pnrr)
		if err == nil {
			web.Answer(w, http.StatusOK, typeRegistration, pnr)
		}
		return s.registrationError(err)
	})
}

// deliver takes a parcel from any endpoint of ours: who countersigns need not be the sender.
func (s *server) deliver(w http.ResponseWriter, r *http.Request) error {
	if err := web.CheckType(r, typeParcel); err != nil {
		return err
	}
	signature, err := countersignature(r)
	if err != nil {
		return unauthorised(w, err.Error())
	}
	if len(s.backend.Anchors()) == 0 {
		return errNotReady
	}
	judged, err := s.judge(signature)
	if err != nil { // a stranger's body is not read: it may have 9 MiB
		return unauthorised(w, "the countersignature is refused: "+err.Error())
	}
	leave, err := s.bodies.Enter(r, true)
	if err != nil {
		return err
	}
	defer leave()
	parcel, err := web.ReadBody(w, r, MaxParcel)
	if err != nil {
		return err
	}
	if err := judged.Verify(pki.ParcelDelivery, parcel); err != nil {
		return unauthorised(w, "the countersignature is refused: "+err.Error())
	}
	if err := s.hand(r.Context(), judged.Signer.ID, parcel); err != nil {
		return err
	}
	w.WriteHeader(http.StatusAccepted)
	return nil
}

func (s *server) hand(ctx context.Context, signer pki.NodeID, parcel []byte) error {
	if b, ok := s.backend.(Receiver); ok {
		return b.DeliverFrom(ctx, signer, parcel)
	}
	return s.backend.Deliver(ctx, parcel)
}

var errNotReady = web.Fail(http.StatusInternalServerError, "the gateway belongs to no domain yet; set it up first")

// judge wants a countersignature to be of an endpoint of ours.
func (s *server) judge(signature []byte) (*cms.Countersignature, error) {
	now, quality := time.Time{}, pki.ClockNone
	if c, ok := s.backend.(Clock); ok {
		now, quality = c.Clock()
	}
	return cms.JudgeCountersigner(signature, s.backend.Anchors(), now, quality)
}

func unauthorised(w http.ResponseWriter, message string) error {
	w.Header().Set("WWW-Authenticate", scheme)
	return web.Fail(http.StatusUnauthorized, message)
}

// countersignature reads the Authorization header.
func countersignature(r *http.Request) ([]byte, error) {
	values := r.Header.Values("Authorization")
	if len(values) != 1 {
		return nil, errors.New("one Authorization header with a " + scheme + " is needed")
	}
	name, value, _ := strings.Cut(values[0], " ")
	if !strings.EqualFold(name, scheme) && !strings.EqualFold(name, schemeBySpec) {
		return nil, errors.New("authorisation scheme is not " + scheme)
	}
	value = strings.TrimSpace(value)
	if base64.StdEncoding.DecodedLen(len(value)) > cms.MaxCountersignature+3 {
		return nil, errors.New("the countersignature is too long")
	}
	b, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return nil, errors.New("the countersignature is not base64")
	}
	return b, nil
}
