package feed

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/google/uuid"

	"foregate/intel/stix"
)

func newStatusID() string { return uuid.NewString() }

const (
	// maxAnswer bounds one answer in bytes, counted as they come over the wire:
	// answers are asked for uncompressed, so there is nothing to blow up.
	maxAnswer = 256 << 20
	// maxTime bounds one request, the answer's last byte included.
	maxTime = 5 * time.Minute
	// maxPages bounds the pages of one fetch: a server that always has more is
	// broken or hostile.
	maxPages = 10_000
	// maxRedirects bounds redirects.
	maxRedirects = 3
)

// ErrPrivate says that a server's name or redirect leads to an address that is
// not on the public network.
var ErrPrivate = errors.New("the address is not public")

// errRedirect says that a server redirects in a way that is not followed.
var errRedirect = errors.New("not followed")

// NewHTTP makes a client for servers that are not trusted: it refuses addresses
// that are not public (unless private is set), whatever name or redirect leads
// there, takes no compression and ends slow answers.
func NewHTTP(private bool) *http.Client {
	dialer := &net.Dialer{Timeout: 30 * time.Second}
	if !private {
		// Control sees the address that is really dialled, after the name was
		// resolved, so that no second answer of the DNS can change it.
		dialer.Control = func(_, address string, _ syscall.RawConn) error {
			ap, err := netip.ParseAddrPort(address)
			if err != nil || !public(ap.Addr().Unmap()) {
				return fmt.Errorf("%s: %w", address, ErrPrivate)
			}
			return nil
		}
	}
	return &http.Client{
		Timeout: maxTime,
		Transport: &http.Transport{
			DialContext: dialer.DialContext, DisableCompression: true, ForceAttemptHTTP2: true,
			TLSHandshakeTimeout: 30 * time.Second, ResponseHeaderTimeout: time.Minute, MaxResponseHeaderBytes: 64 << 10,
		},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if len(via) > maxRedirects {
				return fmt.Errorf("%w: more than %d redirects", errRedirect, maxRedirects)
			}
			if via[0].URL.Scheme == "https" && r.URL.Scheme != "https" {
				return fmt.Errorf("%w: a redirect away from https", errRedirect)
			}
			return nil
		},
	}
}

func public(a netip.Addr) bool {
	cgnat := netip.MustParsePrefix("100.64.0.0/10") // RFC 6598
	return a.IsGlobalUnicast() && !a.IsPrivate() && !a.IsLoopback() && !a.IsLinkLocalUnicast() && !cgnat.Contains(a)
}

// Client reads and writes a TAXII 2.1 collection.
type Client struct {
	HTTP       *http.Client
	Collection string // URL of the collection, ".../collections/<id>/"
	User, Pass string
	// Sleep waits between tries; nil means the clock.
	Sleep func(ctx context.Context, d time.Duration) error
}

// tries is how often a request is tried before it fails.
const tries = 4

// do sends a request, with back-off on 429, 5xx and broken connections.
func (c *Client) do(ctx context.Context, method, addr string, body []byte) ([]byte, http.Header, error) {
	wait := time.Second
	for try := 1; ; try++ {
		b, h, again, err := c.once(ctx, method, addr, body)
		if err == nil || !again || try == tries || ctx.Err() != nil {
			return b, h, err
		}
		wait = retryAfter(h, wait)
		if err := sleep(ctx, c.Sleep, wait); err != nil {
			return nil, nil, err
		}
		wait *= 2
	}
}

// retryAfter is how long a server wants to be left alone, in seconds (RFC 9110
// section 10.2.3), or else what is due anyway.
func retryAfter(h http.Header, otherwise time.Duration) time.Duration {
	if s, err := strconv.Atoi(h.Get("Retry-After")); err == nil && s > 0 {
		return time.Duration(min(s, int(maxTime/time.Second))) * time.Second
	}
	return otherwise
}

// sleep waits by a function, or by the clock.
func sleep(ctx context.Context, by func(context.Context, time.Duration) error, d time.Duration) error {
	if by != nil {
		return by(ctx, d)
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

func (c *Client) once(ctx context.Context, method, addr string, body []byte) (answer []byte, h http.Header, again bool, err error) {
	req, err := http.NewRequestWithContext(ctx, method, addr, bytes.NewReader(body))
	if err != nil {
		return nil, nil, false, err
	}
	req.Header.Set("Accept", Media)
	if body != nil {
		req.Header.Set("Content-Type", Media)
	}
	if c.User != "" {
		req.SetBasicAuth(c.User, c.Pass)
	}
	resp, err := c.HTTP.Do(req)
	if err != nil {
		return nil, http.Header{}, !errors.Is(err, ErrPrivate) && !errors.Is(err, errRedirect), err
	}
	defer resp.Body.Close()
	b, err := whole(resp.Body, maxAnswer)
	switch {
	case err != nil:
		return nil, resp.Header, !errors.Is(err, errLarge), err
	case resp.StatusCode >= 300:
		var p problem
		if json.Unmarshal(b, &p) != nil {
			p.Title = http.StatusText(resp.StatusCode)
		}
		return nil, resp.Header, mayPass(resp.StatusCode), fmt.Errorf("status %d: %s", resp.StatusCode, p.Title)
	case !strings.HasPrefix(resp.Header.Get("Content-Type"), "application/taxii+json"):
		return nil, resp.Header, false, fmt.Errorf("the answer is %q, not %s", resp.Header.Get("Content-Type"), Media)
	}
	return b, resp.Header, false, nil
}

// errLarge says that an answer goes on beyond its bound.
var errLarge = errors.New("the answer is too large")

// whole reads all of a body that has at most so many bytes.
func whole(r io.Reader, most int64) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, most+1))
	if err == nil && int64(len(b)) > most {
		return nil, fmt.Errorf("%w: more than %d bytes", errLarge, most)
	}
	return b, err
}

// Fetch gives every object added after a time, all pages, and returns when the
// last of them was added: where the next fetch begins. An error leaves what was
// given as it is, and last says from where to go on.
func (c *Client) Fetch(ctx context.Context, after time.Time, yield func(stix.Item) error) (last time.Time, err error) {
	last = after
	next := ""
	for range maxPages {
		q := url.Values{}
		if !after.IsZero() {
			q.Set("added_after", after.UTC().Format("2006-01-02T15:04:05.000000Z"))
		}
		if next != "" {
			q.Set("next", next)
		}
		b, h, err := c.do(ctx, http.MethodGet, strings.TrimSuffix(c.Collection, "/")+"/objects/?"+q.Encode(), nil)
		if err != nil {
			return last, fmt.Errorf("fetching %s: %w", c.Collection, err)
		}
		sr := stix.NewReader(bytes.NewReader(b))
		for {
			it, err := sr.Next()
			if errors.Is(err, io.EOF) {
				break
			}
			if err == nil {
				err = yield(it)
			}
			if err != nil {
				return last, fmt.Errorf("fetching %s: %w", c.Collection, err)
			}
		}
		if t, err := time.Parse(time.RFC3339Nano, h.Get("X-TAXII-Date-Added-Last")); err == nil && t.After(last) {
			last = t
		}
		var env struct {
			More bool   `json:"more"`
			Next string `json:"next"`
		}
		if err := json.Unmarshal(b, &env); err != nil {
			return last, fmt.Errorf("fetching %s: %w", c.Collection, err)
		}
		if !env.More || env.Next == "" || env.Next == next {
			return last, nil
		}
		next = env.Next
	}
	return last, fmt.Errorf("fetching %s: more than %d pages", c.Collection, maxPages)
}

// Push adds objects to the collection and returns the server's status.
func (c *Client) Push(ctx context.Context, objects []json.RawMessage) (json.RawMessage, error) {
	body, err := json.Marshal(map[string]any{"objects": objects})
	if err != nil {
		return nil, fmt.Errorf("writing objects: %w", err)
	}
	b, _, err := c.do(ctx, http.MethodPost, strings.TrimSuffix(c.Collection, "/")+"/objects/", body)
	if err != nil {
		return nil, fmt.Errorf("sending to %s: %w", c.Collection, err)
	}
	return b, nil
}
