package endpoint

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
)

// Text is a kind of text that people hand each other: a card says who we are, a contact lets its reader write to
// us. Both are the kind and base64url, without padding, of
//
//	octets  field
//	1       version, 1
//	4 + n   name of who made it, for people; may be empty
//	4 + n   card: DER SubjectPublicKeyInfo; contact: PrivateEndpointConnParams (RS-000)
//
// lengths big endian. White space anywhere in it does not matter: mail programs wrap lines.
type Text string

const (
	CardText    Text = "packhorse-card:"
	ContactText Text = "packhorse-contact:"

	textVersion = 1
	maxTextName = 64
)

// Encode writes the text of a value.
func (t Text) Encode(name string, v []byte) string {
	b := binary.BigEndian.AppendUint32([]byte{textVersion}, uint32(len(name)))
	b = binary.BigEndian.AppendUint32(append(b, name...), uint32(len(v)))
	return string(t) + base64.RawURLEncoding.EncodeToString(append(b, v...))
}

// Decode reads a text whose value has at most max octets.
func (t Text) Decode(text string, max int) (name string, v []byte, err error) {
	bad := fmt.Errorf("this is not a %s", t.what())
	body, ok := strings.CutPrefix(strings.Join(strings.Fields(text), ""), string(t))
	if !ok || len(body) > 2*(max+maxTextName+16) {
		return "", nil, bad
	}
	b, err := base64.RawURLEncoding.DecodeString(body)
	if err != nil || len(b) == 0 || b[0] != textVersion {
		return "", nil, bad
	}
	n, rest, errName := counted(b[1:], maxTextName)
	v, rest, errValue := counted(rest, max)
	if errors.Join(errName, errValue) != nil || len(rest) > 0 {
		return "", nil, bad
	}
	return string(n), v, nil
}

func (t Text) what() string {
	return strings.TrimSuffix(strings.TrimPrefix(string(t), "packhorse-"), ":")
}

var errCounted = errors.New("endpoint: a text ends early")

// counted cuts a 4-octet length and that many octets, at most max, from the front.
func counted(b []byte, max int) (v, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errCounted
	}
	n := binary.BigEndian.Uint32(b)
	if uint64(n) > uint64(min(max, len(b)-4)) {
		return nil, nil, errCounted
	}
	return b[4 : 4+n], b[4+n:], nil
}
