package devices

import (
	"strings"
	"unicode/utf8"
)

// part is how much of a manufacturer's or a product's string is in a name, as in udev.
const part = 63

// space is isspace(3) of the C locale.
func space(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// underscored drops white space at both ends, makes one underscore of each run between, and stops at limit octets
// (udev_replace_whitespace of systemd).
func underscored(s string, limit int) string {
	s = strings.TrimLeftFunc(s, func(r rune) bool { return r < utf8.RuneSelf && space(byte(r)) })
	var b []byte
	gap := false
	for i := 0; i < len(s) && len(b) < limit; i++ {
		if space(s[i]) {
			gap = true
			continue
		}
		if gap {
			if len(b)+1 >= limit {
				break
			}
			b, gap = append(b, '_'), false
		}
		b = append(b, s[i])
	}
	return string(b)
}

// safe makes an underscore of each octet that a device name may not have: all but letters, digits, #+-.:=@_, the
// "\x" of an escape, and characters beyond ASCII (udev_replace_chars of systemd). A slash is replaced too.
func safe(s string) string {
	b := []byte(s)
	for i := 0; i < len(b); {
		if r, n := utf8.DecodeRune(b[i:]); n > 1 && r != utf8.RuneError {
			i += n
			continue
		}
		if b[i] == '\\' && i+1 < len(b) && b[i+1] == 'x' {
			i += 2
			continue
		}
		if !letterOrDigit(b[i]) && !strings.ContainsRune("#+-.:=@_", rune(b[i])) {
			b[i] = '_'
		}
		i++
	}
	return string(b)
}

func letterOrDigit(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// usbStrings are what a USB device says of itself, from its directory in sysfs.
type usbStrings struct{ vendorID, productID, manufacturer, product, serial string }

// id is udev's ID_SERIAL: manufacturer, product and serial number, by numbers where there are no strings.
func (u usbStrings) id() string {
	vendor, model := u.manufacturer, u.product
	if vendor == "" {
		vendor = u.vendorID
	}
	if model == "" {
		model = u.productID
	}
	id := safe(underscored(vendor, part)) + "_" + safe(underscored(model, part))
	if s := safe(underscored(u.serial, 255)); s != "" && printable(u.serial) {
		id += "_" + s
	}
	return id
}

// printable tells whether a serial number is one: udev passes over those with other characters or a comma.
func printable(serial string) bool {
	return !strings.ContainsFunc(serial, func(r rune) bool { return r < 0x20 || r > 0x7f || r == ',' })
}
