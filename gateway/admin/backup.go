package admin

import (
	"context"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// slowBackup is how long a piece of a backup may take to leave before it is given up: it keeps the disk's space.
const slowBackup = time.Minute

type askerKey struct{}

// withAsker notes which user is at the other end of a unix socket.
func withAsker(ctx context.Context, c net.Conn) context.Context {
	if u, ok := c.(*net.UnixConn); ok {
		if raw, err := u.SyscallConn(); err == nil {
			raw.Control(func(fd uintptr) {
				if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
					ctx = context.WithValue(ctx, askerKey{}, int(cred.Uid))
				}
			})
		}
	}
	return ctx
}

// mayHaveKeys tells whether the asker may read the files of the state directory anyway: a backup holds all keys. The
// group of the socket may not.
func mayHaveKeys(ctx context.Context) bool {
	uid, ok := ctx.Value(askerKey{}).(int)
	return ok && (uid == 0 || uid == os.Geteuid())
}

// backup streams octets. What fails after the first of them breaks the connection off: the stream then lacks its end.
func (s *server) backup(w http.ResponseWriter, r *http.Request) {
	if !mayHaveKeys(r.Context()) {
		writeError(w, &Error{Code: CodeRefused, Message: "a backup holds the gateway's keys: only its own user and root may have one",
			Fix: "run it as root, or as the gateway's user"})
		return
	}
	out := &slowly{w: w, rc: http.NewResponseController(w), patience: slowBackup}
	err := s.b.Backup(r.Context(), out)
	if err != nil && !out.begun {
		writeError(w, err)
	} else if err != nil {
		panic(http.ErrAbortHandler)
	}
}

// slowly waits for a reader, within bounds.
type slowly struct {
	w        http.ResponseWriter
	rc       *http.ResponseController
	patience time.Duration
	begun    bool
}

func (s *slowly) Write(p []byte) (int, error) {
	if !s.begun {
		s.begun = true
		s.w.Header().Set("Content-Type", "application/octet-stream")
		s.w.Header().Set("Cache-Control", "no-store")
	}
	s.rc.SetWriteDeadline(time.Now().Add(s.patience))
	return s.w.Write(p)
}

func (c *client) Backup(ctx context.Context, w io.Writer) error {
	res, err := c.do(ctx, "GET", "/v1/backup", nil)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	_, err = io.Copy(w, res.Body)
	return err
}
