package main

import (
	"bytes"
	"encoding/binary"
	"errors"
)

// parseTree reads a flattened device tree (Devicetree Specification 0.4, chapter 5): properties by their names, by the
// paths of their nodes.
func parseTree(b []byte) (map[string]map[string][]byte, error) {
	be := binary.BigEndian
	if len(b) < 40 || be.Uint32(b) != 0xd00dfeed || int(be.Uint32(b[4:])) > len(b) {
		return nil, errors.New("no device tree, or not all of it")
	}
	structs, names := b[be.Uint32(b[8:]):], b[be.Uint32(b[12:]):]
	out, path := map[string]map[string][]byte{}, []string{}
	here := func() string { return "/" + string(bytes.Join(asBytes(path[min(1, len(path)):]), []byte("/"))) }
	for at := 0; at+4 <= len(structs); {
		token := be.Uint32(structs[at:])
		at += 4
		switch token {
		case 1: // a node begins
			n := bytes.IndexByte(structs[at:], 0)
			path = append(path, string(structs[at:at+n]))
			out[here()] = map[string][]byte{}
			at = (at + n + 4) &^ 3
		case 2: // it ends
			path = path[:len(path)-1]
		case 3: // a property
			size, name := int(be.Uint32(structs[at:])), names[be.Uint32(structs[at+4:]):]
			out[here()][string(name[:bytes.IndexByte(name, 0)])] = structs[at+8 : at+8+size]
			at = (at + 8 + size + 3) &^ 3
		case 4:
		case 9:
			return out, nil
		default:
			return nil, errors.New("a token that is none")
		}
	}
	return nil, errors.New("no end")
}

func asBytes(s []string) [][]byte {
	out := make([][]byte, len(s))
	for i := range s {
		out[i] = []byte(s[i])
	}
	return out
}
