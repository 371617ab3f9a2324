package feed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"time"
)

// State is what is kept of a feed between two fetches.
type State struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"last_modified,omitempty"` // as the server wrote it
	After    string `json:"added_after,omitempty"`   // TAXII and MISP: when the last object was added
	Failures int    `json:"failures,omitempty"`      // in a row
}

// MaxFile bounds a fetched file in bytes. It is kept on the disk, not in memory.
const MaxFile = 2 << 30

// Getter fetches files.
type Getter struct {
	HTTP *http.Client
	// Sleep waits between tries; nil means the clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

// Get fetches a file unless it is unchanged since the state, in which case body
// is nil. On success the new state is for the next fetch, and body, which is on the
// disk, must be closed. Servers that fail for a while are tried again.
func (g Getter) Get(ctx context.Context, addr string, st State) (body io.ReadCloser, next State, err error) {
	wait := time.Second
	for try := 1; ; try++ {
		body, h, again, err := g.once(ctx, addr, st)
		switch {
		case err == nil && body == nil:
			st.Failures = 0
			return nil, st, nil
		case err == nil:
			return body, State{ETag: h.Get("ETag"), Modified: h.Get("Last-Modified")}, nil
		case !again || try == tries || ctx.Err() != nil:
			return nil, st, fmt.Errorf("fetching %s: %w", addr, err)
		}
		wait = retryAfter(h, wait)
		if err := sleep(ctx, g.Sleep, wait); err != nil {
			return nil, st, err
		}
		wait *= 2
	}
}

// once sends one request. again says that another may do better.
func (g Getter) once(ctx context.Context, addr string, st State) (body io.ReadCloser, h http.Header, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, addr, nil)
	if err != nil {
		return nil, nil, false, err
	}
	if st.ETag != "" {
		req.Header.Set("If-None-Match", st.ETag)
	}
	if st.Modified != "" {
		req.Header.Set("If-Modified-Since", st.Modified)
	}
	resp, err := g.HTTP.Do(req)
	if err != nil {
		return nil, nil, !errors.Is(err, ErrPrivate) && !errors.Is(err, errRedirect), err
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified:
		return nil, resp.Header, false, nil
	case resp.StatusCode != http.StatusOK:
		return nil, resp.Header, mayPass(resp.StatusCode), fmt.Errorf("status %d", resp.StatusCode)
	}
	f, err := spool(resp.Body, MaxFile)
	return f, resp.Header, err != nil && !errors.Is(err, errLarge), err
}

// mayPass says whether a status is one of servers that fail for a while.
func mayPass(status int) bool { return status == http.StatusTooManyRequests || status >= 500 }

// temporary is a file that is gone when it is closed.
type temporary struct{ *os.File }

func (t temporary) Close() error { return errors.Join(t.File.Close(), os.Remove(t.Name())) }

// spool keeps a body of at most so many bytes on the disk, so that a server's pace
// and the reader's do not wait for each other.
func spool(r io.Reader, most int64) (io.ReadCloser, error) {
	f, err := os.CreateTemp("", "foregate-feed-")
	if err != nil {
		return nil, err
	}
	t := temporary{f}
	n, err := io.Copy(f, io.LimitReader(r, most+1))
	if err == nil && n > most {
		err = fmt.Errorf("%w: more than %d bytes", errLarge, most)
	}
	if err == nil {
		_, err = f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return nil, errors.Join(err, t.Close())
	}
	return t, nil
}
