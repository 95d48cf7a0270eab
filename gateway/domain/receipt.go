package domain

import (
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"packhorse/gateway/pki"
	"packhorse/link"
)

// Verdict is what became of a parcel at the recipient's gateway. Values are numbered for ever.
type Verdict uint8

const (
	Delivered Verdict = 1 // the app's acknowledgement is durable
	Expired   Verdict = 2 // its time ran out before the app came for it
	Refused   Verdict = 3 // the gateway will not keep it: try no more
)

// Receipt is the recipient's gateway's signed word on a parcel. On the air:
//
//	offset  size  what
//	     0     1  version, 1
//	     1    32  SHA-256 of the parcel's octets
//	    33    32  gateway where the parcel entered the domain
//	    65    32  gateway of the recipient, which signs
//	    97     4  date
//	   101     1  quality of the clock that gave the date
//	   102     1  verdict
//	   103    64  Ed25519 signature of the recipient's gateway
type Receipt struct {
	Parcel    [32]byte
	Origin    link.PeerID
	Recipient link.PeerID
	Time      time.Time
	Quality   pki.Quality
	Verdict   Verdict
	Raw       []byte
}

const (
	receiptVersion = 1
	// ReceiptSize is the octets of every receipt.
	ReceiptSize = 1 + 32 + 32 + 32 + 4 + 1 + 1 + ed25519.SignatureSize // 167
)

// NewReceipt signs r as the gateway i of the domain: it fills Recipient and Raw and cuts Time to seconds.
func NewReceipt(r Receipt, i *Identity, domain [16]byte) Receipt {
	r.Recipient, r.Time = i.ID(), seconds(r.Time)
	b := append([]byte{receiptVersion}, r.Parcel[:]...)
	b = append(append(b, r.Origin[:]...), r.Recipient[:]...)
	b = append(appendSeconds(b, r.Time), byte(r.Quality), byte(r.Verdict))
	r.Raw = appendSigned(b, i.Sign, forReceipt, domain)
	return r
}

// ParseReceipt reads a receipt and verifies it under the gateway that it names. That this gateway is a member and
// the one that the parcel was for is judged by the caller. The result keeps nothing of raw.
func ParseReceipt(raw []byte, domain [16]byte) (Receipt, error) {
	rd := &reader{b: raw}
	if v := rd.u8(); v != receiptVersion && !rd.bad {
		return Receipt{}, fmt.Errorf("domain: the receipt has version %d, this program reads %d", v, receiptVersion)
	}
	var r Receipt
	copy(r.Parcel[:], rd.take(32))
	copy(r.Origin[:], rd.take(32))
	copy(r.Recipient[:], rd.take(32))
	r.Time = rd.seconds()
	r.Quality, r.Verdict = pki.Quality(rd.u8()), Verdict(rd.u8())
	rd.require(r.Quality <= pki.ClockRTC && r.Verdict >= Delivered && r.Verdict <= Refused)
	rd.take(ed25519.SignatureSize)
	if rd.done() != nil {
		return Receipt{}, errors.New("domain: malformed receipt")
	}
	if !verifySigned(raw, r.Recipient[:], forReceipt, domain) {
		return Receipt{}, ErrSignature
	}
	r.Raw = append([]byte(nil), raw...)
	return r, nil
}
