package gateway

import "packhorse/gateway/compact"

// pack makes the body that travels of a parcel, unpack undoes it.
func pack(raw []byte) ([]byte, error) { return compact.Pack(raw) }

func unpack(body []byte) ([]byte, error) { return compact.Unpack(body) }
