package pki

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/cms/ber"
)

// RateLimit is how much a delivery authorisation allows: at most Limit parcels in any Period (RS-002).
type RateLimit struct {
	Limit  int           // 1 to 2^31-1
	Period time.Duration // whole seconds, 1 to 2^31-1
}

// oidRateLimit is 1.3.6.1.4.1.58708.0.0.0. The extension is not critical: who does not know it may deliver more.
//
//	SEQUENCE { limit INTEGER, period INTEGER in seconds }
var oidRateLimit = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 58708, 0, 0, 0}

const maxRate = 1<<31 - 1

func (r RateLimit) valid() bool {
	seconds := r.Period / time.Second
	return r.Limit >= 1 && r.Limit <= maxRate && seconds >= 1 && seconds <= maxRate && r.Period == seconds*time.Second
}

func (r RateLimit) extension() (pkix.Extension, error) {
	if !r.valid() {
		return pkix.Extension{}, fmt.Errorf("pki: %d parcels in %v is not a rate limit", r.Limit, r.Period)
	}
	v, err := asn1.Marshal(struct{ Limit, Period int64 }{int64(r.Limit), int64(r.Period / time.Second)})
	return pkix.Extension{Id: oidRateLimit, Value: v}, err
}

// readRateLimit returns nil when there is none. One that cannot be read is an error, and the certificate is
// refused: the recipient wanted a limit, and without it anything would be let through in its name.
func readRateLimit(x *x509.Certificate) (*RateLimit, error) {
	for _, e := range x.Extensions {
		if e.Id.Equal(oidRateLimit) {
			r, err := parseRateLimit(e.Value)
			if err != nil {
				return nil, fmt.Errorf("pki: malformed rate limit: %w", err)
			}
			return &r, nil
		}
	}
	return nil, nil
}

func parseRateLimit(b []byte) (RateLimit, error) {
	e, err := ber.Parse(b)
	if err != nil {
		return RateLimit{}, err
	}
	if e.Tag != ber.Sequence {
		return RateLimit{}, fmt.Errorf("found %v, want a SEQUENCE", e.Tag)
	}
	in := e.Reader()
	limit, period := in.Take(ber.Integer), in.Take(ber.Integer)
	if err := in.End(); err != nil {
		return RateLimit{}, err
	}
	n, errN := limit.Uint()
	seconds, errS := period.Uint()
	r := RateLimit{Limit: n, Period: time.Duration(seconds) * time.Second}
	if err := errors.Join(errN, errS); err != nil {
		return RateLimit{}, err
	}
	if !r.valid() {
		return RateLimit{}, fmt.Errorf("%d parcels in %v", r.Limit, r.Period)
	}
	return r, nil
}
