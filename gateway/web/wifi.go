package web

import (
	"fmt"
	"strings"

	"rsc.io/qr"
)

// WiFi is the network of the box. Its passphrase is for everybody near.
type WiFi struct{ SSID, Passphrase string } // an empty passphrase: an open network

// URI is what cameras of phones join by, in the form that ZXing introduced
// (github.com/zxing/zxing/wiki/Barcode-Contents, "Wi-Fi Network config").
func (w WiFi) URI() string {
	if w.Passphrase == "" {
		return "WIFI:T:nopass;S:" + escapeURI(w.SSID) + ";;"
	}
	return "WIFI:T:WPA;S:" + escapeURI(w.SSID) + ";P:" + escapeURI(w.Passphrase) + ";;"
}

var uriEscapes = strings.NewReplacer(`\`, `\\`, `;`, `\;`, `,`, `\,`, `:`, `\:`, `"`, `\"`)

func escapeURI(s string) string { return uriEscapes.Replace(s) }

// quiet is the margin of a QR code in modules (ISO/IEC 18004, section 6.3.8).
const quiet = 4

// square draws a text as a QR code in SVG, one path; label is for who cannot see it.
func square(text, label string) (string, error) {
	code, err := qr.Encode(text, qr.M)
	if err != nil {
		return "", err
	}
	var d strings.Builder
	for y := range code.Size {
		for x := 0; x < code.Size; x++ {
			from := x
			for x < code.Size && code.Black(x, y) {
				x++
			}
			if n := x - from; n > 0 {
				fmt.Fprintf(&d, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, n, n)
			}
		}
	}
	side := code.Size + 2*quiet
	return fmt.Sprintf(`<svg role="img" aria-label="%s" viewBox="0 0 %d %d" shape-rendering="crispEdges"><rect width="%d" height="%d" fill="#fff"/><path fill="#000" d="%s"/></svg>`,
		esc(label), side, side, side, side, d.String()), nil
}
