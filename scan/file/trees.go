package file

import (
	"context"
	"crypto/sha256"
	"errors"
	"runtime"
	"sync"
	"time"
	"weak"

	"foregate/mail"
	"foregate/scan/file/sandbox"
)

// Trees makes the trees of messages' files and remembers them as long as the
// message lives, so that the stage and every rule look at one tree. The zero
// value opens files in this process. It is safe for concurrent use.
type Trees struct {
	// Exploder opens the files; nil is Local.
	Exploder Exploder
	// Parse reads a message inside a message for file.parse_eml, as far as
	// rules expect it (links analysed); nil is mail.Parse.
	Parse func(mail.Envelope, []byte) *mail.Message

	mu   sync.Mutex
	kept map[weak.Pointer[mail.Message]]*remembered
}

// remembered is what is known of the files of one message.
type remembered struct {
	mu        sync.Mutex
	passwords []string
	nodes     map[string]*Node // by name and hash
	err       error
}

func (t *Trees) exploder() Exploder {
	if t.Exploder == nil {
		return Local{}
	}
	return t.Exploder
}

// of returns what is remembered of m. The memory is dropped with the message.
func (t *Trees) of(m *mail.Message) *remembered {
	key := weak.Make(m)
	t.mu.Lock()
	defer t.mu.Unlock()
	if r := t.kept[key]; r != nil {
		return r
	}
	if t.kept == nil {
		t.kept = map[weak.Pointer[mail.Message]]*remembered{}
	}
	r := &remembered{nodes: map[string]*Node{}, passwords: Passwords(m)}
	t.kept[key] = r
	runtime.AddCleanup(m, func(key weak.Pointer[mail.Message]) {
		t.mu.Lock()
		defer t.mu.Unlock()
		delete(t.kept, key)
	}, key)
	return r
}

// Message returns the trees of all attachments of m, in order, nil where one
// could not be looked at. The error says why.
func (t *Trees) Message(ctx context.Context, m *mail.Message) ([]*Node, error) {
	r := t.of(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	req := Request{Passwords: r.passwords, Time: left(ctx)}
	var keys []string
	asked := map[string]bool{}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		key := keyOf(a.FileName, a.Raw)
		if r.nodes[key] == nil && !asked[key] {
			asked[key] = true
			keys = append(keys, key)
			req.Files = append(req.Files, Source{Name: a.FileName, Declared: a.ContentType, Data: a.Raw})
		}
	}
	if len(keys) > 0 {
		r.err = t.explode(ctx, req, keys, r.nodes)
	}
	out := make([]*Node, len(m.Attachments))
	for i := range m.Attachments {
		out[i] = r.nodes[keyOf(m.Attachments[i].FileName, m.Attachments[i].Raw)]
	}
	return out, r.err
}

// explode fills nodes with the trees of the files of req. When nothing comes
// back from all of them together, because one of them killed its process, each
// is opened alone in what is left of the time.
func (t *Trees) explode(ctx context.Context, req Request, keys []string, nodes map[string]*Node) error {
	if len(req.Files) > 1 {
		req.Time = req.Time / 2
	}
	found, err := t.exploder().Explode(ctx, req)
	for i, n := range found {
		nodes[keys[i]] = n
	}
	if err == nil || len(found) > 0 || len(req.Files) == 1 || errors.Is(err, sandbox.ErrUnavailable) {
		return err
	}
	for i, f := range req.Files {
		if ctx.Err() != nil {
			break
		}
		alone := Request{Files: []Source{f}, Passwords: req.Passwords, Time: left(ctx) / time.Duration(len(req.Files)-i)}
		// What could not be opened even alone is what the first error says.
		if found, aerr := t.exploder().Explode(ctx, alone); len(found) == 1 && aerr == nil {
			nodes[keys[i]] = found[0]
		}
	}
	return err
}

// File returns the tree of one file that m carries or that m's links led to.
func (t *Trees) File(ctx context.Context, m *mail.Message, s Source) (*Node, error) {
	r := t.of(m)
	r.mu.Lock()
	defer r.mu.Unlock()
	key := keyOf(s.Name, s.Data)
	if n := r.nodes[key]; n != nil {
		return n, nil
	}
	nodes, err := t.exploder().Explode(ctx, Request{Files: []Source{s}, Passwords: r.passwords, Time: left(ctx)})
	if len(nodes) != 1 || nodes[0] == nil {
		return nil, err
	}
	if err == nil {
		r.nodes[key] = nodes[0]
	}
	return nodes[0], err
}

// keyOf tells the files of one message apart.
func keyOf(name string, data []byte) string {
	if len(data) == 0 {
		return name
	}
	sum := sha256.Sum256(data)
	return name + "\x00" + string(sum[:])
}

// left is the time that files may take within ctx.
func left(ctx context.Context) time.Duration {
	end, ok := ctx.Deadline()
	if !ok {
		return MaxTime
	}
	return max(min(time.Until(end)-reserve, MaxTime), time.Millisecond)
}
