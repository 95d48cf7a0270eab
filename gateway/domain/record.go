package domain

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// Record is a signed membership record: it binds the gateway's Ed25519 key, its
// X25519 static, the SHA-256 of its RSA SPKI and its name, for a time and an epoch. On the air:
//
//	offset  size  what
//	     0     1  version, 1
//	     1    32  Ed25519 key, the gateway's name
//	    33    32  X25519 static
//	    65    32  SHA-256 of the RSA SPKI
//	    97     4  epoch of the domain when it was issued
//	   101     4  not before
//	   105     4  not after
//	   109     1  n, 1 to 24
//	   110     n  name
//	 110+n    64  Ed25519 signature of the domain
type Record struct {
	ID        link.PeerID
	Static    [32]byte
	RSAHash   [32]byte
	Name      string // at most 24 octets
	Epoch     uint32
	NotBefore time.Time
	NotAfter  time.Time
	Raw       []byte
}

const (
	recordVersion = 1
	recordFixed   = 1 + 32 + 32 + 32 + 4 + 4 + 4 + 1 + ed25519.SignatureSize
	// MaxRecordSize fits into every handshake of a link.
	MaxRecordSize = recordFixed + MaxName // 198
)

// ParseRecord reads and verifies a record under the domain's key. Dates are judged by the caller. The
// result keeps nothing of raw.
func ParseRecord(raw []byte, d Info) (Record, error) {
	r := reader{b: raw}
	version := r.u8()
	if version != recordVersion && !r.bad {
		return Record{}, fmt.Errorf("domain: the membership record has version %d, this program reads %d", version, recordVersion)
	}
	var rec Record
	copy(rec.ID[:], r.take(32))
	copy(rec.Static[:], r.take(32))
	copy(rec.RSAHash[:], r.take(32))
	rec.Epoch = r.u32()
	rec.NotBefore, rec.NotAfter = r.seconds(), r.seconds()
	rec.Name = string(r.bytes8())
	r.take(ed25519.SignatureSize)
	if r.done() != nil {
		return Record{}, errors.New("domain: malformed membership record")
	}
	if err := CheckName(rec.Name); err != nil {
		return Record{}, err
	}
	if !verifySigned(raw, d.Sign, forRecord, d.ID) {
		return Record{}, ErrSignature
	}
	rec.Raw = append([]byte(nil), raw...)
	return rec, nil
}

// Valid says whether now lies within the dates. With q = ClockNone nobody can tell and the answer is true.
func (r Record) Valid(now time.Time, q pki.Quality) bool {
	return q == pki.ClockNone || !now.Before(r.NotBefore) && !now.After(r.NotAfter)
}

// Member is what a link needs to know of the gateway.
func (r Record) Member() link.Member { return link.Member{ID: r.ID, Static: r.Static} }

// newerThan orders records of one gateway.
func (r Record) newerThan(o Record) bool {
	if r.Epoch != o.Epoch {
		return r.Epoch > o.Epoch
	}
	return r.NotBefore.After(o.NotBefore)
}

// signRecord fills Raw, and cuts the dates to whole seconds.
func (o *Owner) signRecord(r Record) Record {
	r.NotBefore, r.NotAfter = seconds(r.NotBefore), seconds(r.NotAfter)
	b := append([]byte{recordVersion}, r.ID[:]...)
	b = append(append(b, r.Static[:]...), r.RSAHash[:]...)
	b = binary.BigEndian.AppendUint32(b, r.Epoch)
	b = append8(appendSeconds(appendSeconds(b, r.NotBefore), r.NotAfter), []byte(r.Name))
	r.Raw = appendSigned(b, o.Sign, forRecord, o.Info().ID)
	return r
}
