package registration

import (
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"slices"
	"time"

	"packhorse/gateway/pki"
)

// Office is the desk of an Internet gateway, where private gateways register. Its authorizations are those of RS-016
// to the letter: gatewayData is the announced digest, the signature RSASSA-PSS by the gateway's identity key. Anybody
// can ask for them, so that the office remembers not those that it gave out but those that it took back: each
// once, and none of an earlier life. Not safe for concurrent use.
type Office struct {
	key   *rsa.PrivateKey
	rand  io.Reader
	began time.Time // when it gave out its first one, whole seconds
	used  []used    // oldest first
}

type used struct {
	hash  [32]byte // of the PNRA
	until time.Time
}

// maxUsed bounds the registrations within a Lifetime. Each takes some milliseconds of RSA, so that one core does
// not get so far.
const maxUsed = 8192

// NewOffice serves for the gateway of this identity key. Salts come from rand.
func NewOffice(key *rsa.PrivateKey, rand io.Reader) *Office { return &Office{key: key, rand: rand} }

// PreRegister makes the PNRA for the SHA-256 of a node's SPKI.
func (o *Office) PreRegister(now time.Time, digest [32]byte) ([]byte, error) {
	if o.began.IsZero() {
		o.began = now.Truncate(time.Second)
	}
	when := []byte(now.Add(Lifetime).UTC().Format(dateTime))
	sig, err := pki.SignPSS(o.key, pki.RegistrationAuthorization.Plaintext(when, digest[:]), o.rand)
	if err != nil {
		return nil, err
	}
	return sequence(when, digest[:], sig), nil
}

// Register takes a PNRR. Once it succeeded, its authorization is used up. Errors are *Error.
func (o *Office) Register(now time.Time, pnrr []byte) (Request, error) {
	var pnra []byte
	var expiry time.Time
	r, err := parseRequest(slices.Clone(pnrr), func(b []byte) (digest [32]byte, err error) {
		pnra = b
		digest, expiry, err = o.judge(b)
		return digest, err
	})
	if err != nil {
		return Request{}, err
	}
	return r, o.use(now, pnra, expiry)
}

// judge verifies a PNRA of ours and says for which key and how long it is.
func (o *Office) judge(pnra []byte) (digest [32]byte, expiry time.Time, err error) {
	f, ok := exactly(pnra, 3)
	if !ok || len(f[1]) != len(digest) {
		return digest, expiry, refuse(Malformed, "the authorization is malformed")
	}
	if expiry, err = time.Parse(dateTime, string(f[0])); err != nil {
		return digest, expiry, refuse(Malformed, "the authorization's expiry is no date")
	}
	if pki.VerifyPSS(&o.key.PublicKey, pki.RegistrationAuthorization.Plaintext(f[0], f[1]), f[2]) != nil {
		return digest, expiry, refuse(BadSignature, "the authorization is not of this gateway")
	}
	return [32]byte(f[1]), expiry, nil
}

// use takes an authorization back.
func (o *Office) use(now time.Time, pnra []byte, expiry time.Time) error {
	for len(o.used) > 0 && now.After(o.used[0].until) {
		o.used = o.used[1:]
	}
	hash := sha256.Sum256(pnra)
	switch {
	case o.began.IsZero(), expiry.Before(o.began.Add(Lifetime)), now.After(expiry),
		slices.ContainsFunc(o.used, func(u used) bool { return u.hash == hash }):
		return refuse(Expired, "the authorization is older than %v or used before: pre-register again", Lifetime)
	case len(o.used) == maxUsed:
		return refuse(Expired, "too many nodes register at once: pre-register again")
	}
	o.used = append(o.used, used{hash, now.Add(Lifetime)})
	return nil
}
