package domain

import (
	"encoding/base32"
	"fmt"
	"strings"
)

// MaxName is the longest name of a gateway or a domain in octets.
const MaxName = 24

// CheckName tells whether a name can name a gateway or a domain: 1 to 24 letters, digits and dashes of
// ASCII, no dash at either end. Such a name is also a label of a domain name (RFC 1123, section 2.1).
func CheckName(name string) error {
	if name == "" {
		return fmt.Errorf("domain: the name is empty: choose up to %d letters, digits and dashes", MaxName)
	}
	if len(name) > MaxName {
		return fmt.Errorf("domain: the name has %d octets, at most %d are allowed: choose a shorter one", len(name), MaxName)
	}
	for _, r := range name {
		letter := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z'
		if !letter && (r < '0' || r > '9') && r != '-' {
			return fmt.Errorf("domain: %q cannot be in a name: use letters, digits and dashes", r)
		}
	}
	if name[0] == '-' || name[len(name)-1] == '-' {
		return fmt.Errorf("domain: the name %q begins or ends with a dash: put a letter or digit there", name)
	}
	return nil
}

// lowerBase32 writes hashes into domain names (RFC 4648 alphabet, lower case, no padding).
var lowerBase32 = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// addressOctets of the domain id make 16 base32 characters.
const addressOctets = 10

// AddressOf is the Awala address of a domain, <name>.<16 characters of its id>.internal, lower case. It is
// never resolved: .internal is reserved for private use (ICANN Board resolution 2024.07.29.06).
func AddressOf(name string, id [16]byte) string {
	return strings.ToLower(name) + "." + lowerBase32.EncodeToString(id[:addressOctets]) + ".internal"
}
