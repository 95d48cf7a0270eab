package session

import (
	"bytes"
	"cmp"
	"crypto/ecdh"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"packhorse/gateway/cms/ber"
	"packhorse/gateway/pki"
)

// Record is a part of the state under its key, which has at most 80 octets. Values hold private keys: keep them as
// secrets. Each is DER with universal tags; all but the version are OCTET STRINGs, numbers and dates of 8 octets, big
// endian, a date in seconds since 1970 or empty:
//
//	key/ID   SEQUENCE { INTEGER 1, own node id, number, created, peer, id, scalar }, ID: the key's id in hex
//	peer/ID  SEQUENCE { INTEGER 1, own node id, number, date, id, SPKI }, ID: the peer's
//
// Numbers rise in the order in which things came.
type Record struct {
	Key    string
	Value  []byte
	Delete bool
}

const (
	recordVersion = 1

	keyPrefix  = "key/"
	peerPrefix = "peer/"
)

// Skipped is a record that Load left out.
type Skipped struct {
	Key string
	Err error
}

// Load reads records of an empty ring, in any order. Damaged ones, those of another node and those of newer versions
// of the program are left out and told; they stay in the store. Records of other keys are passed over.
func (r *Ring) Load(records []Record) (skipped []Skipped) {
	for _, rec := range records {
		var err error
		if id, ok := strings.CutPrefix(rec.Key, keyPrefix); ok {
			err = r.loadKey(id, rec.Value)
		} else if id, ok := strings.CutPrefix(rec.Key, peerPrefix); ok {
			err = r.loadPeer(pki.NodeID(id), rec.Value)
		}
		if err != nil {
			skipped = append(skipped, Skipped{rec.Key, fmt.Errorf("session: stored %s cannot be read: %w", rec.Key, err)})
		}
	}
	for _, keys := range r.keys {
		slices.SortFunc(keys, func(a, b kept) int { return cmp.Compare(a.number, b.number) })
	}
	return skipped
}

func (r *Ring) keyRecord(k kept, peer pki.NodeID) Record {
	return Record{Key: keyPrefix + hex.EncodeToString(k.ID), Value: ber.Encode(0x30, ber.Bytes(0x02, []byte{recordVersion}),
		octets([]byte(r.own)), number(k.number), date(k.created), octets([]byte(peer)), octets(k.ID), octets(k.Key.Bytes())).Join()}
}

func (r *Ring) peerRecord(l lesson, peer pki.NodeID) Record {
	return Record{Key: peerPrefix + string(peer), Value: ber.Encode(0x30, ber.Bytes(0x02, []byte{recordVersion}),
		octets([]byte(r.own)), number(l.number), date(l.at), octets(l.ID), octets(EncodePublicKey(l.Key))).Join()}
}

func octets(b []byte) ber.Pieces { return ber.Bytes(0x04, b) }

func number(n uint64) ber.Pieces { return octets(binary.BigEndian.AppendUint64(nil, n)) }

func date(t time.Time) ber.Pieces {
	if t.IsZero() {
		return octets(nil)
	}
	return number(uint64(t.Unix()))
}

func (r *Ring) loadKey(id string, value []byte) error {
	in, err := r.enter(value)
	if err != nil {
		return err
	}
	k := kept{number: in.number(), created: in.date()}
	peer := pki.NodeID(in.octets())
	k.ID = bytes.Clone(in.octets())
	if k.Key, err = ecdh.P256().NewPrivateKey(in.octets()); err != nil {
		in.keep(err)
	}
	if err := in.end(hex.EncodeToString(k.ID) == id && id != ""); err != nil {
		return err
	}
	r.add(k, peer)
	r.number = max(r.number, k.number)
	return nil
}

func (r *Ring) loadPeer(peer pki.NodeID, value []byte) error {
	in, err := r.enter(value)
	if err != nil {
		return err
	}
	l := lesson{number: in.number(), at: in.date()}
	l.ID = bytes.Clone(in.octets())
	if l.Key, err = ParsePublicKey(in.octets()); err != nil {
		in.keep(err)
	}
	if err := in.end(len(l.ID) > 0); err != nil {
		return err
	}
	r.peers[peer] = l
	r.number = max(r.number, l.number)
	return nil
}

// stored reads a record and keeps the first error.
type stored struct {
	r   *ber.Reader
	err error
}

// enter reads the version and whose the record is.
func (r *Ring) enter(value []byte) (*stored, error) {
	doc, err := ber.Parse(value)
	if err != nil {
		return nil, err
	}
	in := &stored{r: doc.Reader()}
	version, err := in.r.Take(ber.Integer).Uint()
	if err == nil && version > recordVersion {
		return nil, errors.New("a newer version of the program wrote it: update the program")
	}
	in.keep(err)
	if own := in.octets(); version != recordVersion || string(own) != string(r.own) {
		in.keep(fmt.Errorf("it belongs to node %.65q, this is %s", own, r.own))
	}
	return in, nil
}

func (in *stored) keep(err error) {
	if in.err == nil {
		in.err = err
	}
}

// end tells whether all was well. A record under a key that is not its own is not.
func (in *stored) end(own bool) error {
	if !own {
		in.keep(errors.New("it is under the key of another"))
	}
	return errors.Join(in.r.End(), in.err)
}

func (in *stored) octets() []byte { return in.r.Take(ber.OctetString).Content }

func (in *stored) number() uint64 {
	b := in.octets()
	if len(b) != 8 {
		in.keep(errors.New("a number has not 8 octets"))
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func (in *stored) date() time.Time {
	b := in.octets()
	if len(b) != 8 {
		return time.Time{}
	}
	return time.Unix(int64(binary.BigEndian.Uint64(b)), 0).UTC()
}
