// The image builder is a module of its own, so that kernel, firmware and file systems do not reach Packhorse's.
module packhorse/tools/image

go 1.26.0

replace packhorse => ../..

require (
	github.com/gokrazy/firmware v0.0.0-20260522070551-527ce0ed43cf
	github.com/gokrazy/kernel.rpi v0.0.0-20251127164438-9778ec0261de
	golang.org/x/crypto/x509roots/fallback v0.0.0-20261030153154-30a33513ff6d
	packhorse v0.0.0
)
