// The image builder is a module of its own, so that kernel, firmware and file systems do not reach Packhorse's.
module packhorse/tools/image

go 1.26.0

replace packhorse => ../..

require (
	aead.dev/minisign v0.3.0
	github.com/gokrazy/firmware v0.0.0-20260522070551-527ce0ed43cf
	github.com/gokrazy/kernel.rpi v0.0.0-20251127164438-9778ec0261de
	github.com/klauspost/compress v1.18.5
	github.com/santhosh-tekuri/jsonschema/v6 v6.0.2
	golang.org/x/crypto/x509roots/fallback v0.0.0-20261030153154-30a33513ff6d
	packhorse v0.0.0
)

require (
	golang.org/x/crypto v0.58.0 // indirect
	golang.org/x/sys v0.49.0 // indirect
	golang.org/x/text v0.43.0 // indirect
)
