package domain

import (
	"crypto/sha256"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Invite is what a QR code or a file brings to a joiner, once: it holds a secret. Where there is a camera or a
// stick it replaces the typed code, and needs no PAKE because the secret is too long to guess.
//
// Its octets, before base32:
//
//	offset  size  what
//	     0     1  version, 1
//	     1     1  h, octets of hints
//	     2     h  hints about media, none defined: readers pass over them
//	   2+h    32  X25519 static public key of the inviter
//	  34+h    16  secret
//	  50+h     1  n, octets of the domain's name
//	  51+h     n  the domain's name
//	51+h+n     4  the first octets of SHA-256 over all before: finds typing and scanning errors
type Invite struct {
	Static [32]byte
	Secret [16]byte
	Domain string // shown to the person who consents; proven only by the pairing session itself
}

const (
	invitePrefix   = "packhorse:"
	inviteVersion  = 1
	inviteSumSize  = 4
	inviteMaxBytes = 2 + 255 + 32 + 16 + 1 + MaxName + inviteSumSize
)

// inviteBase32 keeps to the characters of a QR code's alphanumeric mode (RFC 4648, upper case).
var inviteBase32 = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewInvite draws a fresh secret from 16 octets of rand for a gateway with this static public key.
func NewInvite(static [32]byte, domainName string, rand io.Reader) (Invite, error) {
	v := Invite{Static: static, Domain: domainName}
	if err := CheckName(domainName); err != nil {
		return Invite{}, err
	}
	if _, err := io.ReadFull(rand, v.Secret[:]); err != nil {
		return Invite{}, fmt.Errorf("domain: no random octets for an invite: %w", err)
	}
	return v, nil
}

// Text is the invite in one line, a URI with our scheme. It is a secret until the pairing is over. All of it
// in upper case reads the same and makes the smallest QR code.
func (v Invite) Text() string {
	b := append([]byte{inviteVersion, 0}, v.Static[:]...)
	b = append(b, v.Secret[:]...)
	b = append(append(b, byte(len(v.Domain))), v.Domain...)
	sum := sha256.Sum256(b)
	return invitePrefix + inviteBase32.EncodeToString(append(b, sum[:inviteSumSize]...))
}

// String hides the secret.
func (v Invite) String() string { return "invite to " + v.Domain + " (secret hidden)" }

// Format hides the secret from every verb of fmt.
func (v Invite) Format(f fmt.State, _ rune) { io.WriteString(f, v.String()) }

// ParseInvite reads Text in any case, with blanks and line breaks from a file or a mail. The error names what
// is wrong and what to do.
func ParseInvite(s string) (Invite, error) {
	s = strings.ToUpper(strings.Join(strings.Fields(s), ""))
	body, ok := strings.CutPrefix(s, strings.ToUpper(invitePrefix))
	if !ok {
		return Invite{}, errors.New("domain: no invite: it begins with packhorse: and is copied whole")
	}
	if len(body) > inviteBase32.EncodedLen(inviteMaxBytes) {
		return Invite{}, errors.New("domain: the invite is too long: something else was copied with it")
	}
	b, err := inviteBase32.DecodeString(body)
	if err != nil {
		return Invite{}, errors.New("domain: the invite has a character or a length that no invite has: copy it again, whole")
	}
	return parseInviteBytes(b)
}

// parseInviteBytes judges the version first: the checksum of a later version may stand elsewhere.
func parseInviteBytes(b []byte) (v Invite, err error) {
	if len(b) > 0 && b[0] != inviteVersion {
		return v, fmt.Errorf("domain: the invite has version %d, this program reads %d: update the older side", b[0], inviteVersion)
	}
	if len(b) < 2+inviteSumSize {
		return v, errors.New("domain: the invite is cut short: copy it again, whole")
	}
	body, sum := b[:len(b)-inviteSumSize], sha256.Sum256(b[:len(b)-inviteSumSize])
	if string(sum[:inviteSumSize]) != string(b[len(body):]) {
		return v, errors.New("domain: the invite's checksum does not fit: a character is wrong or missing: copy it again")
	}
	r := reader{b: body[1:]}
	r.bytes8()
	copy(v.Static[:], r.take(32))
	copy(v.Secret[:], r.take(16))
	v.Domain = string(r.bytes8())
	if err := r.done(); err != nil {
		return Invite{}, errors.New("domain: the invite's parts do not fit its length: ask for a new one")
	}
	if err := CheckName(v.Domain); err != nil {
		return Invite{}, err
	}
	return v, nil
}
