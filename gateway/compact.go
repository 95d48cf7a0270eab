package gateway

import "packhorse/gateway/compact"

// pack makes the body that travels of a parcel, unpack undoes it.
func pack(raw []byte) ([]byte, error) { return compact.Pack(raw) }

func unpack(body []byte) ([]byte, error) { return compact.Unpack(body) }

// packSmall makes the body that travels of what gateways tell each other when they pair: certificates, mostly.
func packSmall(raw []byte) []byte {
	body, err := compact.Pack(raw)
	if err != nil {
		return nil // never: it is far below the limit
	}
	return body
}

// unpackSmall undoes packSmall, for at most limit octets.
func unpackSmall(body []byte, limit int) ([]byte, error) {
	raw, err := compact.Unpack(body)
	if err == nil && len(raw) > limit {
		err = errOctets
	}
	return raw, err
}
