package board

import "strings"

// HAT is what the EEPROM of a HAT says of itself; the firmware puts it into the device tree at start. The zero HAT
// is none, or one without an EEPROM: most LoRa boards have none.
type HAT struct {
	Vendor, Product string
	ProductID       string // "0x0001"
	UUID            string
}

// HAT reads /proc/device-tree/hat.
func (h Host) HAT() HAT {
	const dir = "/proc/device-tree/hat/"
	return HAT{Vendor: h.text(dir + "vendor"), Product: h.text(dir + "product"), ProductID: h.text(dir + "product_id"), UUID: h.text(dir + "uuid")}
}

// Known gives the profiles that name this HAT. More than one means that a person must say which.
func (hat HAT) Known(list []*Profile) []*Profile {
	var known []*Profile
	for _, p := range list {
		if hat.Product != "" && p.matches(hat) {
			known = append(known, p)
		}
	}
	return known
}

func (p *Profile) matches(hat HAT) bool {
	for _, m := range p.Match {
		if strings.EqualFold(strings.TrimSpace(m.Product), strings.TrimSpace(hat.Product)) &&
			(m.Vendor == "" || strings.EqualFold(strings.TrimSpace(m.Vendor), strings.TrimSpace(hat.Vendor))) {
			return true
		}
	}
	return false
}
