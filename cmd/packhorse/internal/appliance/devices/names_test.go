package devices

import (
	"strings"
	"testing"
)

func TestNamesAreThoseOfUdev(t *testing.T) {
	for want, u := range map[string]usbStrings{
		"Silicon_Labs_CP2102_USB_to_UART_Bridge_Controller_0001": {"10c4", "ea60", "Silicon Labs", "CP2102 USB to UART Bridge Controller", "0001"},
		"1a86_USB2.0-Serial":            {"1a86", "7523", "", "USB2.0-Serial", ""},
		"1a86_7523":                     {"1a86", "7523", "", "", ""},
		"FTDI_FT232R_USB_UART_A10K2V5L": {"0403", "6001", "FTDI", "FT232R USB UART", "A10K2V5L"},
		"Espressif_USB_JTAG_serial_debug_unit_34:85:18:AA:BB:CC":  {"303a", "1001", "Espressif", "USB JTAG/serial debug unit", "34:85:18:AA:BB:CC"},
		"u-blox_AG_-_www.u-blox.com_u-blox_7_-_GPS_GNSS_Receiver": {"1546", "01a7", "u-blox AG - www.u-blox.com", "u-blox 7 - GPS/GNSS Receiver", ""},
		"Prolific_Technology_Inc._USB-Serial_Controller":          {"067b", "2303", "  Prolific Technology Inc. ", "USB-Serial  \t Controller ", "a,b"},
		"Müller_Funk_x":         {"0001", "0002", "Müller", "Funk", "x"},
		".._.._etc_passwd_a__b": {"0001", "0002", "../../etc", "passwd", "a\"/b"},
		strings.Repeat("v", 63) + "_" + strings.Repeat("p", 62): {"0001", "0002", strings.Repeat("v", 126), strings.Repeat("p", 62) + "  q", ""},
		"a_b_\\x41": {"0001", "0002", "a", "b", `\x41`},
		"a_b":       {"0001", "0002", "a", "b", "bell\a"},
	} {
		if got := u.id(); got != want {
			t.Errorf("%+v: got %s, want %s", u, got, want)
		}
	}
}

func FuzzNames(f *testing.F) {
	f.Add("Silicon Labs", "CP2102", "0001")
	f.Add("../..", "\xff\x00 \n", "\\x")
	f.Fuzz(func(t *testing.T, vendor, product, serial string) {
		id := usbStrings{"0001", "0002", vendor, product, serial}.id()
		if strings.ContainsAny(id, "/\x00\n \t") {
			t.Errorf("%q is no name", id)
		}
	})
}
