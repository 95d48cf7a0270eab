package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
)

// entry is what Raspberry Pi Imager shows and checks of an image (rpi-imager, doc/json-schema/os-list-schema.json).
type entry struct {
	Name           string   `json:"name"`
	Description    string   `json:"description"`
	Icon           string   `json:"icon"`
	URL            string   `json:"url"`
	ExtractSize    int64    `json:"extract_size"`
	ExtractSHA256  string   `json:"extract_sha256"`
	DownloadSize   int64    `json:"image_download_size"`
	DownloadSHA256 string   `json:"image_download_sha256"`
	ReleaseDate    string   `json:"release_date"`
	Devices        []string `json:"devices"`
	InitFormat     string   `json:"init_format"`
}

// devices are Imager's words for the boards that the kernel runs on. Zero 2 W has the word of the Pi 3.
var devices = []string{"pi5-64bit", "pi4-64bit", "pi3-64bit"}

// imagerList is the list with which Imager offers the image. Imager's own form for users and Wi-Fi is switched off
// (init_format none): nothing on the card would read it.
func (b *builder) imagerList(raw, compressed artefact) ([]byte, error) {
	list := struct {
		List []entry `json:"os_list"`
	}{[]entry{{
		Name:           "Packhorse " + b.version,
		Description:    "Gateway that carries parcels where roads end. Edit packhorse.toml on the card before the first start.",
		Icon:           "data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString(icon()),
		URL:            b.url + compressed.File,
		ExtractSize:    raw.Octets,
		ExtractSHA256:  raw.SHA256,
		DownloadSize:   compressed.Octets,
		DownloadSHA256: compressed.SHA256,
		ReleaseDate:    b.at.Format("2006-01-02"),
		Devices:        devices,
		InitFormat:     "none",
	}}}
	text, err := json.MarshalIndent(list, "", "  ")
	return append(text, '\n'), err
}

// icon is a square of 40: three hills, and over them the hops of a parcel.
func icon() []byte {
	var s bytes.Buffer
	s.WriteString(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 40 40"><rect width="40" height="40" rx="6" fill="#14532d"/>`)
	s.WriteString(`<path d="M0 40V31L8 22L16 31L22 24L29 32L34 27L40 33V40Z" fill="#86efac"/>`)
	for i, x := range []int{6, 16, 26} {
		fmt.Fprintf(&s, `<path d="M%d 18Q%d %d %d 18" fill="none" stroke="#fef3c7" stroke-width="1.6"/>`, x, x+5, 6-i%2, x+10)
	}
	for _, x := range []int{6, 16, 26} {
		fmt.Fprintf(&s, `<circle cx="%d" cy="18" r="1.8" fill="#fef3c7"/>`, x)
	}
	s.WriteString(`<rect x="32" y="14" width="7" height="7" rx="1" fill="#f59e0b"/></svg>`)
	return s.Bytes()
}

// sums is SHA256SUMS as sha256sum -c reads it.
func sums(files []artefact) []byte {
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "%s  %s\n", f.SHA256, f.File)
	}
	return []byte(b.String())
}
