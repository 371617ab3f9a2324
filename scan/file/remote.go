package file

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"foregate/scan/file/sandbox"
)

// Sandboxed explodes in the children of a pool, whose program must answer by
// Work. Where no child can be had and Fallback is set, that explodes instead
// and a warning is logged.
type Sandboxed struct {
	Pool     *sandbox.Pool
	Fallback Exploder
	Log      *slog.Logger // nil is the default logger
}

// grace is how long after its time a child may still answer.
const grace = 500 * time.Millisecond

// Explode implements Exploder. It fails when the child died or ran out of time
// or memory, with the reason.
func (s Sandboxed) Explode(ctx context.Context, r Request) ([]*Node, error) {
	// A child that does not listen is ended soon after its time, so that some is
	// left for the other files. It is told a tenth less, since on a busy machine
	// even the answer takes a while, and without one nothing of what it found
	// would be known.
	limit := MaxTime
	if r.Time > 0 {
		limit = min(r.Time, MaxTime)
	}
	told := r
	told.Time = limit - limit/10
	parts, err := encodeRequest(told)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, limit+grace)
	defer cancel()
	b, err := s.Pool.Call(ctx, parts...)
	if errors.Is(err, sandbox.ErrUnavailable) && s.Fallback != nil {
		log := s.Log
		if log == nil {
			log = slog.Default()
		}
		log.Warn("files are opened without a sandbox", "error", err)
		return s.Fallback.Explode(ctx, r)
	}
	if err != nil {
		return nil, fmt.Errorf("opening files in a sandbox: %w", err)
	}
	return decodeAnswer(b, len(r.Files))
}

// The parts of a request and of an answer before the contents of files: a
// length of four bytes, then JSON.
type (
	wireRequest struct {
		Request
		Sizes []int64 `json:"sizes"`
	}
	wireAnswer struct {
		Nodes []*Node `json:"nodes"`
		Error string  `json:"error,omitempty"`
		Kept  []int64 `json:"kept,omitempty"` // sizes of contents, in the order of Walk; −1 is none
	}
)

var errWire = errors.New("the sandbox speaks another language")

func sizes(files []Source) []int64 {
	out := make([]int64, len(files))
	for i, f := range files {
		out[i] = int64(len(f.Data))
	}
	return out
}

// encodeRequest writes a request in parts, so that no content is copied.
func encodeRequest(r Request) ([][]byte, error) {
	head, err := json.Marshal(wireRequest{Request: r, Sizes: sizes(r.Files)})
	if err != nil {
		return nil, fmt.Errorf("asking a sandbox: %w", err)
	}
	parts := [][]byte{binary.BigEndian.AppendUint32(nil, uint32(len(head))), head}
	for _, f := range r.Files {
		parts = append(parts, f.Data)
	}
	return parts, nil
}

// splitWire returns the JSON and what follows it.
func splitWire(b []byte) (head, rest []byte, err error) {
	if len(b) < 4 {
		return nil, nil, errWire
	}
	n := int64(binary.BigEndian.Uint32(b))
	if n > int64(len(b)-4) {
		return nil, nil, errWire
	}
	return b[4 : 4+n], b[4+n:], nil
}

// Work answers one request of Sandboxed; it is a sandbox.Handler.
func Work(ctx context.Context, request []byte) ([]byte, error) {
	head, rest, err := splitWire(request)
	if err != nil {
		return nil, err
	}
	var r wireRequest
	if err := json.Unmarshal(head, &r); err != nil {
		return nil, fmt.Errorf("reading a request: %w", err)
	}
	if len(r.Sizes) != len(r.Files) {
		return nil, errWire
	}
	for i, n := range r.Sizes {
		if n < 0 || n > int64(len(rest)) {
			return nil, errWire
		}
		r.Files[i].Data, rest = rest[:n:n], rest[n:]
	}
	nodes, err := Local{}.Explode(ctx, r.Request)
	answer := wireAnswer{Nodes: nodes}
	if err != nil {
		answer.Error = err.Error()
	}
	var contents [][]byte
	if r.Keep {
		for _, root := range nodes {
			root.Walk(func(n *Node, _ []string) {
				if n.Data == nil {
					answer.Kept = append(answer.Kept, -1)
					return
				}
				answer.Kept = append(answer.Kept, int64(len(n.Data)))
				contents = append(contents, n.Data)
			})
		}
	}
	if head, err = json.Marshal(answer); err != nil {
		return nil, fmt.Errorf("answering: %w", err)
	}
	out := append(binary.BigEndian.AppendUint32(nil, uint32(len(head))), head...)
	for _, c := range contents {
		out = append(out, c...)
	}
	return out, nil
}

// decodeAnswer reads the answer to a request for n files.
func decodeAnswer(b []byte, n int) ([]*Node, error) {
	head, rest, err := splitWire(b)
	if err != nil {
		return nil, err
	}
	var a wireAnswer
	if err := json.Unmarshal(head, &a); err != nil {
		return nil, fmt.Errorf("%w: %w", errWire, err)
	}
	if len(a.Nodes) > n {
		return nil, errWire
	}
	for i, root := range a.Nodes {
		if root == nil {
			return nil, errWire
		}
		a.Nodes[i].Walk(func(n *Node, _ []string) {
			if len(a.Kept) == 0 {
				return
			}
			size := a.Kept[0]
			a.Kept = a.Kept[1:]
			if size < 0 || size > int64(len(rest)) {
				return
			}
			n.Data, rest = rest[:size:size], rest[size:]
		})
	}
	if a.Error != "" {
		return a.Nodes, errors.New(a.Error)
	}
	return a.Nodes, nil
}
