package gateway

import "packhorse/store"

// Kinds of records in the store. Numbers are for ever.
const (
	KindBody       store.Kind = 1  // key: hex link digest; the body as it travels
	KindParcel     store.Kind = 2  // key: hex hash of (sender, recipient, id); state of a parcel, kept until it expires
	KindNote       store.Kind = 3  // key: hex link digest; a receipt or contact in our custody
	KindAdvert     store.Kind = 4  // key: kind and subject; the newest advert of each subject
	KindEndpoint   store.Kind = 5  // key: endpoint id; a registered endpoint
	KindBuiltin    store.Kind = 6  // key: that of an endpoint.Record; the built-in endpoint without its identity key
	KindLetter     store.Kind = 7  // key: letter id; head of a letter
	KindLetterBody store.Kind = 8  // key: letter id; its content
	KindPartial    store.Kind = 9  // key: hex link digest, slash, block; symbols of a transfer
	KindMember     store.Kind = 10 // key: hex gateway id; a membership record
	KindCounter    store.Kind = 11 // key: name; 8 octets, big endian
	KindTransport  store.Kind = 12 // key: transport name; the shell's, for port.Host
	KindSetting    store.Kind = 13 // key: name; the shell's
	KindDraft      store.Kind = 14 // key: draft id; head of a letter that waits for a contact
	KindDraftBody  store.Kind = 15 // key: draft id; its content
	KindUplink     store.Kind = 16 // key: that of an uplink.Record; registrations with Internet gateways and the keys of their sessions
	KindOwed       store.Kind = 17 // key: that of KindParcel; a parcel that a courier brought and that cargo has to acknowledge until it expires
	KindDenial     store.Kind = 18 // key: hex SHA-256 of a PDD; authorisations that an endpoint took back
	KindRate       store.Kind = 19 // key: hex SHA-256 of a PDA; when parcels under its rate limit came

	// Of the Internet gateway role (package inet), beside those of the mesh gateway in the same store.
	KindInetState   store.Kind = 24 // key: "cert/" and a hash, or "key"; its certificates and the session key for who registers
	KindInetParcel  store.Kind = 25 // key: hex hash of (sender, recipient, id); state of a parcel, kept until it expires
	KindInetBody    store.Kind = 26 // key: hex SHA-256, cut to 16 octets; a parcel as it came
	KindInetSession store.Kind = 27 // key: that of a session.Record
	KindInetOwed    store.Kind = 28 // key: hex hash; a parcel that cargo of a private gateway brought, to acknowledge until it expires
	KindInetServed  store.Kind = 29 // key: hex hash; a CCA that was served
	KindInetDenial  store.Kind = 30 // key: that of KindDenial
	KindInetRate    store.Kind = 31 // key: that of KindRate
)

// Record is one record of the store.
type Record struct {
	Kind  store.Kind
	Key   string
	Value []byte
}

// BootKinds are the kinds whose records New needs. The others are asked for with Load.
func BootKinds() []store.Kind {
	return []store.Kind{KindParcel, KindNote, KindAdvert, KindEndpoint, KindBuiltin,
		KindLetter, KindPartial, KindMember, KindCounter, KindDraft, KindUplink, KindOwed, KindDenial, KindRate}
}
