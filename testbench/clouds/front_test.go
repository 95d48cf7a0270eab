package clouds

import (
	"io"
	"net"
	"sync"
	"testing"
)

// front is an address that stays while what serves behind it is down or comes back on another port.
type front struct {
	l     net.Listener
	mu    sync.Mutex // guards what follows
	to    string     // empty: nobody answers
	conns map[net.Conn]bool
}

func newFront(t *testing.T) *front {
	l := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	f := &front{l: l, conns: map[net.Conn]bool{}}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() { f.pass(c) })
		}
	})
	t.Cleanup(func() {
		l.Close()
		f.point("")
		wg.Wait()
	})
	return f
}

func (f *front) address() string { return f.l.Addr().String() }

// point leads new connections to an address and breaks those that there are.
func (f *front) point(to string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.to = to
	for c := range f.conns {
		c.Close()
	}
	clear(f.conns)
}

// join connects to where the front leads now; nil: nowhere.
func (f *front) join(in net.Conn) net.Conn {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.to == "" {
		return nil
	}
	out, err := net.Dial("tcp", f.to)
	if err != nil {
		return nil
	}
	f.conns[in], f.conns[out] = true, true
	return out
}

func (f *front) pass(in net.Conn) {
	defer in.Close()
	out := f.join(in)
	if out == nil {
		return
	}
	defer out.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(in, out)
		in.Close()
	}()
	io.Copy(out, in)
	out.Close()
	<-done
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.conns, in)
	delete(f.conns, out)
}
