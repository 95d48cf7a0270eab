package download

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// file is what the servers have.
var file = bytes.Repeat([]byte("0123456789abcdef"), 5000)

// server breaks off after so many octets of each answer.
type server struct {
	http.Handler
	breaks   int  // octets of an answer; 0: all
	noRanges bool // it always begins anew
	chunked  bool // it does not tell how long the file is
	tag      func(n int) string
	status   func(n int) int // of answer n, from 0; 0: as it should be
	asked    []string        // ranges and their conditions
}

func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := len(s.asked)
	s.asked = append(s.asked, strings.TrimSpace(r.Header.Get("Range")+" "+r.Header.Get("If-Range")))
	if s.tag != nil {
		w.Header().Set("ETag", s.tag(n))
	}
	if s.status != nil && s.status(n) != 0 {
		w.WriteHeader(s.status(n))
		return
	}
	if s.noRanges {
		r.Header.Del("Range")
	}
	if s.chunked {
		w.Write(file[:100])
		w.(http.Flusher).Flush()
		w.Write(file[100:])
		return
	}
	http.ServeContent(&cutter{w, s.breaks}, r, "x", time.Time{}, bytes.NewReader(file))
}

// cutter is a connection that ends after some octets; negative: after none.
type cutter struct {
	http.ResponseWriter
	left int
}

func (c *cutter) Write(p []byte) (int, error) {
	if c.left == 0 {
		return c.ResponseWriter.Write(p)
	}
	if c.left < 0 || len(p) >= c.left {
		c.ResponseWriter.Write(p[:max(c.left, 0)])
		c.ResponseWriter.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
	c.left -= len(p)
	return c.ResponseWriter.Write(p)
}

func fetch(t *testing.T, s *server, o Options) ([]byte, error) {
	t.Helper()
	web := httptest.NewServer(s)
	defer web.Close()
	if o.Wait == nil {
		o.Wait = func(context.Context, int) error { return nil }
	}
	o.Client = web.Client()
	f, err := Open(t.Context(), web.URL+"/x.phup", o)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(f)
}

func TestFileComesWholeOverConnectionsThatBreak(t *testing.T) {
	same := func(int) string { return `"one"` }
	for name, s := range map[string]*server{
		"whole":                 {},
		"breaks":                {breaks: 30_000, tag: same},
		"breaks, no tag":        {breaks: 30_000},
		"breaks, weak tag":      {breaks: 30_000, tag: func(int) string { return `W/"one"` }},
		"breaks, knows no more": {breaks: 60_000, noRanges: true},
		"chunked":               {chunked: true},
		"busy now and then":     {breaks: 20_000, status: func(n int) int { return map[int]int{1: 503, 2: 429, 4: 500}[n] }},
	} {
		if name == "breaks, knows no more" { // two answers: the second one is read from the start
			s.status = func(n int) int {
				if n == 1 {
					s.breaks = 0
				}
				return 0
			}
		}
		var broke []int64
		got, err := fetch(t, s, Options{Broken: func(_ error, have int64) { broke = append(broke, have) }})
		if err != nil || !bytes.Equal(got, file) {
			t.Errorf("%s: got %d octets, %v", name, len(got), err)
		}
		if len(broke) != len(s.asked)-1 {
			t.Errorf("%s: asked %v, broke at %v", name, s.asked, broke)
		}
		for i, have := range broke {
			want := fmt.Sprintf("bytes=%d-", have)
			if name == "breaks" {
				want += ` "one"`
			}
			if s.asked[i+1] != want {
				t.Errorf("%s: attempt %d asked for %q, want %q", name, i+1, s.asked[i+1], want)
			}
		}
	}
}

func TestWhatCannotBeFetchedEnds(t *testing.T) {
	var final *Error
	for name, c := range map[string]struct {
		s     *server
		asked int
		want  func(error) bool
	}{
		"missing":          {&server{status: func(int) int { return 404 }}, 1, func(err error) bool { return errors.As(err, &final) && final.Status == 404 }},
		"gone meanwhile":   {&server{breaks: 30_000, status: func(n int) int { return map[int]int{1: 410}[n] }}, 2, func(err error) bool { return errors.As(err, &final) && final.Status == 410 }},
		"replaced":         {&server{breaks: 30_000, tag: strconv.Itoa}, 2, isChanged},
		"replaced, tagged": {&server{breaks: 30_000, tag: func(n int) string { return fmt.Sprintf("%q", strconv.Itoa(n)) }}, 2, isChanged},
		"shorter now":      {&server{breaks: 30_000, status: func(n int) int { return map[int]int{1: 416}[n] }}, 2, isChanged},
		"never an octet":   {&server{breaks: -1}, 1 + maxInVain, func(err error) bool { return strings.Contains(err.Error(), "broke 9 times, with 0 octets") }},
		"an octet at once": {&server{breaks: 1}, 1 + maxInAll, func(err error) bool { return strings.Contains(err.Error(), "broke 201 times, with 201 octets") }},
	} {
		_, err := fetch(t, c.s, Options{})
		if err == nil || !c.want(err) || len(c.s.asked) != c.asked {
			t.Errorf("%s: asked %d times, got %v", name, len(c.s.asked), err)
		}
	}
}

func isChanged(err error) bool { return errors.Is(err, ErrChanged) }

func TestAddresses(t *testing.T) {
	for word, want := range map[string]bool{"https://a/b": true, "http://a/b": true, "HTTPS://a": true, "ftp://a/b": false, "a.phup": false, "/a": false, "http:": false, "": false, "-": false, "file:///a": false} {
		if got := IsURL(word); got != want {
			t.Errorf("%q: got %v", word, got)
		}
		if _, err := Open(t.Context(), word, Options{}); !want && err == nil {
			t.Errorf("%q: opened", word)
		}
	}
}

// dead is a server that sends a part and then nothing.
type dead struct{ asked int }

func (d *dead) RoundTrip(q *http.Request) (*http.Response, error) {
	if d.asked++; d.asked == 2 {
		<-q.Context().Done() // does not even answer
		return nil, q.Context().Err()
	}
	from := 0
	fmt.Sscanf(q.Header.Get("Range"), "bytes=%d-", &from)
	r := &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(file)), Request: q,
		Body: io.NopCloser(io.MultiReader(bytes.NewReader(file[from:from+20_000]), until{q.Context()}))}
	if from > 0 {
		r.StatusCode = 206
		r.Header.Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(file)-1, len(file)))
	}
	return r, nil
}

type until struct{ ctx context.Context }

func (u until) Read([]byte) (int, error) { <-u.ctx.Done(); return 0, u.ctx.Err() }

func TestSilentServersAreAskedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, from := &dead{}, time.Now()
		f, err := Open(t.Context(), "http://a/b", Options{Client: &http.Client{Transport: d}})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, err := io.ReadAll(f)
		if err != nil || !bytes.Equal(got, file) {
			t.Errorf("got %d octets, %v", len(got), err)
		}
		// Four silences of a minute, one of them before an answer; pauses of 1 and 2 s, then of 1 s after each success.
		if took := time.Since(from); took != 4*idleLimit+5*time.Second || d.asked != 5 {
			t.Errorf("asked %d times in %s", d.asked, took)
		}
	})
}

func TestDownloadEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		f, err := Open(ctx, "http://a/b", Options{Client: &http.Client{Transport: &dead{}}})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		time.AfterFunc(time.Second, cancel)
		if _, err := io.ReadAll(f); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
}

// slow is a server that sends a little every 40 seconds.
type slow struct {
	ctx  context.Context
	left []byte
}

func (s *slow) RoundTrip(q *http.Request) (*http.Response, error) {
	s.ctx = q.Context()
	return &http.Response{StatusCode: 200, Header: http.Header{}, ContentLength: int64(len(file)), Request: q, Body: io.NopCloser(s)}, nil
}

func (s *slow) Read(p []byte) (int, error) {
	time.Sleep(40 * time.Second)
	if err := s.ctx.Err(); err != nil {
		return 0, err
	}
	n := copy(p[:min(len(p), 10_000)], s.left)
	s.left = s.left[n:]
	return n, nil
}

func TestSlowServersAreNotSilent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f, err := Open(t.Context(), "http://a/b", Options{Client: &http.Client{Transport: &slow{left: file}}, Broken: func(err error, have int64) { t.Errorf("given up after %d: %v", have, err) }})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		if got, err := io.ReadAll(f); err != nil || !bytes.Equal(got, file) {
			t.Errorf("got %d octets, %v", len(got), err)
		}
	})
}

// another is a server whose second answer does not go on where the first one ended.
type another struct {
	asked     int
	tag, part string
}

func (a *another) RoundTrip(q *http.Request) (*http.Response, error) {
	a.asked++
	r := &http.Response{StatusCode: 200, Header: http.Header{"Etag": {`"one"`}}, ContentLength: int64(len(file)), Request: q, Body: io.NopCloser(bytes.NewReader(file[:20_000]))}
	if a.asked > 1 {
		r.StatusCode, r.Header = 206, http.Header{"Etag": {a.tag}, "Content-Range": {a.part}}
	}
	return r, nil
}

func TestPartsThatDoNotFitAreRefused(t *testing.T) {
	for _, a := range []*another{
		{tag: `"two"`, part: "bytes 20000-79999/80000"}, {tag: `"one"`, part: "bytes 10000-79999/80000"}, {tag: `"one"`, part: "bytes 20000-79999/80001"}, {tag: `"one"`, part: "all of it"},
	} {
		f, err := Open(t.Context(), "http://a/b", Options{Client: &http.Client{Transport: a}, Wait: func(context.Context, int) error { return nil }})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadAll(f); !errors.Is(err, ErrChanged) || a.asked != 2 {
			t.Errorf("%s %s: asked %d times, got %v", a.tag, a.part, a.asked, err)
		}
		f.Close()
	}
}
