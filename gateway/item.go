package gateway

import (
	"crypto/sha256"
	"encoding/hex"

	"packhorse/gateway/domain"
	"packhorse/gateway/ramf"
	"packhorse/link"
)

// Kinds of items: what a body means that travels between gateways. They go on the air; numbers are
// for ever.
//
//	kind              body                                  from whom         kept until
//	1 parcel          compact form of a RAMF parcel         any member        custody of the next hop; origin: receipt
//	2 receipt         receipt.go                            any member        custody of the next hop
//	3 node advert     domain.NodeAdvert                     any member        a newer one
//	4 engine advert   domain.EngineAdvert                   any member        a newer one
//	5 join request    domain.JoinRequest, packed            pairing session   answered
//	6 admission       admission.go, packed                  pairing session   membership stored
//	7 contact         endpoint connection parameters, packed  whom we paired    added
//	8 dispatch        domain.Dispatch                       any member        custody of the next hop
//	9 domain advert   domain.DomainAdvert                   any member        a newer one
//	10 sealed         cargo or CCA: sealed.go               any member        custody of the next hop
//	11 denial         compact form of a PDD: permits.go     any member        it expires
//	64 custody        stickcustody.go                       a bundle on a stick, never on the air
const (
	ItemParcel       uint8 = 1
	ItemReceipt      uint8 = 2
	ItemNodeAdvert   uint8 = 3
	ItemEngineAdvert uint8 = 4
	ItemJoinRequest  uint8 = 5
	ItemAdmission    uint8 = 6
	ItemContact      uint8 = 7
	ItemDispatch     uint8 = 8
	ItemDomainAdvert uint8 = 9
	ItemSealed       uint8 = 10
	ItemDenial       uint8 = 11
	ItemCustody      uint8 = 64
)

// Largest bodies that are taken, by kind.
const (
	maxParcel       = 8_322_038 // of a parcel, RS-000
	maxParcelBody   = maxParcel + 1024
	maxSealedBody   = sealedHead + ramf.MaxMessage + 1024
	maxReceiptBody  = 256
	maxAdvertBody   = 8192
	maxPairingBody  = 32 << 10
	maxContactBody  = 16 << 10
	maxItemLifetime = 180 * day
)

// maxBody is the limit of a kind, 0 for an unknown one.
func maxBody(kind uint8) int {
	switch kind {
	case ItemParcel:
		return maxParcelBody
	case ItemSealed:
		return maxSealedBody
	case ItemReceipt:
		return maxReceiptBody
	case ItemNodeAdvert, ItemEngineAdvert, ItemDenial:
		return maxAdvertBody
	case ItemJoinRequest, ItemAdmission:
		return maxPairingBody
	case ItemContact:
		return maxContactBody
	case ItemDispatch:
		return domain.MaxDispatch
	case ItemDomainAdvert:
		return domain.MaxDomainAdvert
	}
	return 0
}

// digestOf names a body on the air.
func digestOf(kind uint8, body []byte) (d link.Digest) {
	h := sha256.New()
	h.Write([]byte{kind})
	h.Write(body)
	copy(d[:], h.Sum(nil))
	return d
}

func digestKey(d link.Digest) string { return hex.EncodeToString(d[:]) }

func peerKey(id link.PeerID) string { return hex.EncodeToString(id[:]) }

func short(id link.PeerID) string { return hex.EncodeToString(id[:4]) }
