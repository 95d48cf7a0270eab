//go:build linux

package sim

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"testing/synctest"
)

func TestAttachedLineIsTheModems(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := NewMemoryRNodes(newQuietAir(), 2)
		ctx, stop := context.WithCancel(t.Context())
		defer func() { stop(); synctest.Wait() }()
		go r.Run(ctx)
		var before net.Conn
		for range 2 { // a machine that was switched off and on comes back
			host, modem := net.Pipe()
			r.Attach(1, modem)
			if before != nil {
				if _, err := before.Read(make([]byte, 1)); err != io.EOF {
					t.Errorf("the earlier host reads %v", err)
				}
			}
			detect(t, host)
			before = host
		}
	})
}

// detect asks an RNode whether it is there.
func detect(t *testing.T, host io.ReadWriter) {
	t.Helper()
	if _, err := host.Write([]byte{0xC0, 0x08, 0x73, 0xC0}); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, 4)
	if _, err := io.ReadFull(host, got); err != nil || !bytes.Equal(got, []byte{0xC0, 0x08, 0x46, 0xC0}) {
		t.Fatalf("the modem says %x, %v", got, err)
	}
}
