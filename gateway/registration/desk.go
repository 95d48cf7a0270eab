package registration

import (
	"crypto/ed25519"
	"crypto/sha256"
	"slices"
	"time"

	"packhorse/link"
)

// Lifetime is how long an authorization can be used.
const Lifetime = 10 * time.Second

// maxOpen bounds the authorizations that wait to be used. Beyond it the oldest goes.
const maxOpen = 1024

// Desk hands out authorizations and takes each back once. Not safe for concurrent use.
type Desk struct {
	gateway link.PeerID
	key     ed25519.PrivateKey
	open    []ticket // oldest first, those used too until they expire
}

type ticket struct {
	hash     [32]byte // of the PNRA
	digest   [32]byte // of the endpoint
	sequence uint64
	until    time.Time
	used     bool
}

// NewDesk serves for the gateway of this Ed25519 key.
func NewDesk(key ed25519.PrivateKey) *Desk {
	d := &Desk{key: key}
	copy(d.gateway[:], key.Public().(ed25519.PublicKey))
	return d
}

// PreRegister makes the PNRA for the SHA-256 of an endpoint's SPKI and a sequence from NextSequence. The age of
// an authorization is counted on the monotonic clock of now, not by the date in it.
func (d *Desk) PreRegister(now time.Time, digest [32]byte, sequence uint64) []byte {
	d.expire(now)
	if len(d.open) == maxOpen {
		d.open = d.open[1:]
	}
	for _, t := range d.open { // who asks twice in a second gets two, not one that serves twice
		if t.digest == digest && t.sequence >= sequence {
			sequence = t.sequence + 1
		}
	}
	a := Authorize(Claim{Digest: digest, Gateway: d.gateway, Sequence: sequence}, now.Add(Lifetime), d.key)
	d.open = append(d.open, ticket{hash: sha256.Sum256(a.Raw), digest: digest, sequence: sequence, until: now.Add(Lifetime)})
	return a.Raw
}

// Register takes a PNRR. Once it succeeded, its authorization is used up: store the result, then Issue. Request.Raw
// is the proof for an EngineAdvert. Errors are *Error.
func (d *Desk) Register(now time.Time, pnrr []byte) (Request, error) {
	r, err := ParseRequest(slices.Clone(pnrr))
	if err != nil {
		return Request{}, err
	}
	d.expire(now)
	hash := sha256.Sum256(r.Authorization.Raw)
	at := d.find(hash)
	if at < 0 || d.open[at].used {
		return Request{}, refuse(Expired, "the authorization is older than %v, used before or not ours: pre-register again", Lifetime)
	}
	d.open[at].used = true
	return r, nil
}

func (d *Desk) find(hash [32]byte) int {
	return slices.IndexFunc(d.open, func(t ticket) bool { return t.hash == hash })
}

func (d *Desk) expire(now time.Time) {
	for len(d.open) > 0 && now.After(d.open[0].until) {
		d.open = d.open[1:]
	}
}
