package feed

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
)

// State is what is kept of a feed between two fetches.
type State struct {
	ETag     string `json:"etag,omitempty"`
	Modified string `json:"last_modified,omitempty"` // as the server wrote it
	After    string `json:"added_after,omitempty"`   // TAXII: when the last object was added
	Failures int    `json:"failures,omitempty"`      // in a row
}

// Get fetches a file unless it is unchanged since the state, in which case body
// is nil. On success the new state is for the next fetch.
func Get(ctx context.Context, client *http.Client, addr string, st State) (body io.Reader, next State, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, addr, nil)
	if err != nil {
		return nil, st, fmt.Errorf("fetching %s: %w", addr, err)
	}
	if st.ETag != "" {
		req.Header.Set("If-None-Match", st.ETag)
	}
	if st.Modified != "" {
		req.Header.Set("If-Modified-Since", st.Modified)
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, st, fmt.Errorf("fetching %s: %w", addr, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusNotModified:
		return nil, st, nil
	case http.StatusOK:
	default:
		return nil, st, fmt.Errorf("fetching %s: status %d", addr, resp.StatusCode)
	}
	b, err := whole(resp.Body, maxAnswer)
	if err != nil {
		return nil, st, fmt.Errorf("fetching %s: %w", addr, err)
	}
	return bytes.NewReader(b), State{ETag: resp.Header.Get("ETag"), Modified: resp.Header.Get("Last-Modified")}, nil
}
