package notify

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

// Server is the socket that NOTIFY_SOCKET names.
type Server struct{ conn *net.UnixConn }

// Listen makes the socket, writable for its owner and the given user alone. One that is there already is replaced.
func Listen(path string, uid, gid int) (*Server, error) {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("replace the supervisor's socket: %w", err)
	}
	c, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return nil, fmt.Errorf("make the supervisor's socket: %w", err)
	}
	s := &Server{c}
	if err := errors.Join(s.wantCredentials(), os.Chmod(path, 0o600), os.Chown(path, uid, gid)); err != nil {
		c.Close()
		return nil, fmt.Errorf("prepare the supervisor's socket: %w", err)
	}
	return s, nil
}

// wantCredentials has the kernel say who sent a datagram (unix(7)).
func (s *Server) wantCredentials() error {
	raw, err := s.conn.SyscallConn()
	if err != nil {
		return err
	}
	set := func(fd uintptr) { err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_PASSCRED, 1) }
	return errors.Join(raw.Control(set), err)
}

// Close ends Receive.
func (s *Server) Close() error { return s.conn.Close() }

// Receive waits for the next datagram and tells which process sent it. Its error is net.ErrClosed after Close.
func (s *Server) Receive() (Message, int, error) {
	buf, oob := make([]byte, 4<<10), make([]byte, 256)
	for {
		n, on, _, _, err := s.conn.ReadMsgUnix(buf, oob)
		if err != nil {
			return Message{}, 0, err
		}
		if pid := sender(oob[:on]); pid != 0 {
			return Parse(buf[:n]), pid, nil
		}
	}
}

// sender is the process of the credentials, and files that came along are closed: the protocol may pass them.
func sender(oob []byte) (pid int) {
	all, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, m := range all {
		if c, err := unix.ParseUnixCredentials(&m); err == nil {
			pid = int(c.Pid)
		}
		if fds, err := unix.ParseUnixRights(&m); err == nil {
			for _, fd := range fds {
				_ = unix.Close(fd)
			}
		}
	}
	return pid
}
