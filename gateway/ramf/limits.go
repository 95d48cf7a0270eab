package ramf

import "strings"

// checkLimits judges what Parse read and what Sign is about to write.
func (m *Message) checkLimits() error {
	switch {
	case len(m.Recipient) > MaxRecipient:
		return refuse(Malformed, "recipient id has %d characters, at most %d are allowed", len(m.Recipient), MaxRecipient)
	case !isHex(string(m.Recipient)):
		return refuse(Malformed, "recipient id %.80q is not lower-case hexadecimal", string(m.Recipient))
	case m.InternetAddress != "" && !ValidAddress(m.InternetAddress):
		return refuse(Malformed, "Internet address %.80q is not a domain name", m.InternetAddress)
	case len(m.ID) > MaxID:
		return refuse(Malformed, "message id has %d characters, at most %d are allowed", len(m.ID), MaxID)
	case !isVisible(m.ID):
		return refuse(Malformed, "message id %q has other characters than visible ASCII", m.ID)
	case m.TTL < 0 || m.TTL > MaxTTL:
		return refuse(Malformed, "time to live is %v, want 0 to %v", m.TTL, MaxTTL)
	case m.Created.Year() < 0 || m.Created.Year() > 9999:
		return refuse(Malformed, "creation date in the year %d cannot be written", m.Created.Year())
	case len(m.Payload) > MaxPayload:
		return refuse(TooBig, "payload of %d octets, at most %d are allowed", len(m.Payload), MaxPayload)
	}
	return nil
}

func isHex(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return s != ""
}

// isVisible says whether s can be a VisibleString.
func isVisible(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// ValidAddress says whether s has the form of a domain name of at least two labels, as the
// Awala libraries want it of Internet addresses. Case does not matter; one dot may end it.
func ValidAddress(s string) bool {
	s = strings.TrimSuffix(strings.ToLower(s), ".")
	labels := strings.Split(s, ".")
	if len(s) > 253 || len(labels) < 2 {
		return false
	}
	for _, l := range labels {
		if !validLabel(l) {
			return false
		}
	}
	tld := labels[len(labels)-1]
	return !strings.Contains(tld, "_") && strings.Trim(tld, "0123456789") != ""
}

func validLabel(l string) bool {
	if l == "" || len(l) > 63 || l[0] == '-' || l[len(l)-1] == '-' {
		return false
	}
	for i := range len(l) {
		if c := l[i]; (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
