package file

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Bounds of one tree.
const (
	maxNodeText     = 256 << 10 // bytes of text kept of one file: a long document
	maxNodeURLs     = 1000      // links kept of one file
	maxNodeFindings = 64        // findings kept of one file; more say nothing new
	maxTreeText     = 32 << 20  // bytes of text kept of one request, printable strings included
	maxTreeURLs     = 20_000    // links kept of one request: each takes a kilobyte when it is read
	// MaxTime is the processor time that all files of one message may cost.
	MaxTime = 10 * time.Second
	// reserve is left of the time of a message for the stages that follow.
	reserve = 500 * time.Millisecond
)

// Source is one file to look into.
type Source struct {
	Name     string `json:"name"`
	Declared string `json:"declared,omitempty"` // declared media type
	Data     []byte `json:"-"`
}

// Request asks for the trees of the files of one message together: they share
// one budget.
type Request struct {
	Files     []Source      `json:"files"`
	Passwords []string      `json:"passwords,omitempty"` // likeliest first
	Keep      bool          `json:"keep,omitempty"`      // keep the content of every file
	Time      time.Duration `json:"time,omitempty"`      // 0 is MaxTime
}

// Exploder makes the trees of files, one per Request.Files in order. An error
// means that nothing could be looked at, or not all: what was found before
// stands.
type Exploder interface {
	Explode(ctx context.Context, r Request) ([]*Node, error)
}

// Local explodes in this process. The zero value is ready to use.
type Local struct{}

// Explode implements Exploder. It fails when the time is over.
func (Local) Explode(ctx context.Context, r Request) ([]*Node, error) {
	limit := MaxTime
	if r.Time > 0 {
		limit = min(r.Time, MaxTime)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("files of one message may cost %v", limit))
	defer cancel()
	x := &explorer{parsers: parsers(), passwords: r.Passwords, keep: r.Keep, text: maxTreeText, urls: maxTreeURLs}
	total := tree.DefaultBudget()
	out := make([]*Node, len(r.Files))
	for i, at := range readFirst(r.Files) {
		s := r.Files[at]
		// A bomb must not starve the files beside it: each gets its share of
		// what is left.
		rest := len(r.Files) - i
		share := &tree.Budget{Bytes: total.Bytes / int64(rest), Entries: (total.Entries + rest - 1) / rest, Depth: total.Depth, Ratio: total.Ratio}
		before := *share
		x.budget = share
		n := &Node{Name: s.Name, How: "attached", Declared: s.Declared}
		x.look(ctx, n, nil, s.Data)
		total.Bytes -= before.Bytes - share.Bytes
		total.Entries -= before.Entries - share.Entries
		out[at] = n
	}
	if ctx.Err() != nil {
		return out, fmt.Errorf("looking into %d files: %w", len(r.Files), context.Cause(ctx))
	}
	return out, nil
}

// readFirst is an order of files in which those that may give a password (pictures,
// texts, messages) stand before those that may want one.
func readFirst(files []Source) []int {
	order := make([]int, len(files))
	locks := make([]bool, len(files))
	for i, f := range files {
		order[i] = i
		switch Type(f.Data) {
		case "zip", "rar", "7z", "docx", "xlsx", "pptx", "ole", "doc", "xls", "ppt", "pdf", "iso", "udf", "img", "vhd", "vhdx":
			locks[i] = true
		}
	}
	slices.SortStableFunc(order, func(a, b int) int {
		switch {
		case locks[a] == locks[b]:
			return 0
		case locks[b]:
			return -1
		}
		return 1
	})
	return order
}

// learn takes in the passwords that a file gives for others: what its text
// announces, and what its codes and its metadata say. They are tried first.
func (x *explorer) learn(n *Node, text string) {
	found := announced(text[:min(len(text), maxPasswordSrc)], filePlaces)
	if n.Codes != nil {
		for _, c := range n.Codes.Items {
			if c.Type != "url" {
				found = append(found, c.Data)
			}
		}
	}
	if n.Exif != nil {
		for _, f := range n.Exif.Fields {
			switch f.Key {
			case "ImageDescription", "UserComment", "XPComment", "XPTitle", "Title", "Subject", "Keywords", "Comments":
				found = append(append(found, announced(f.Value, filePlaces)...), f.Value)
			}
		}
	}
	for _, p := range found {
		for _, p := range []string{p, strings.TrimRight(p, ".,;:!?…。、")} {
			if p = strings.TrimSpace(p); len(p) >= 2 && len(p) <= maxPassword && x.learned < maxLearned && !slices.Contains(x.passwords, p) {
				x.learned++
				x.passwords = slices.Insert(slices.Clone(x.passwords), 0, p)
			}
		}
	}
}

// explorer looks into the files of one attachment. It is used by one goroutine.
type explorer struct {
	parsers   []tree.Parser
	passwords []string
	budget    *tree.Budget
	keep      bool
	text      int // bytes of text that may still be kept
	urls      int // links that may still be kept
	learned   int // passwords that files gave
}

// look fills n from data: type, hashes, findings, and what is inside.
func (x *explorer) look(ctx context.Context, n, parent *Node, data []byte) {
	n.Size = int64(len(data))
	n.Type, n.MIME = Type(data), mediaType(data)
	n.Scan = &shape.ScanTree{}
	if x.keep {
		n.Data = data
	}
	digest(n, data)
	in := &tree.Input{Name: n.Name, Type: n.Type, Declared: n.Declared, Data: data, Depth: n.Depth, Passwords: x.passwords, Budget: x.budget}
	judge(n, parent, data)
	opened := false
	for _, p := range x.parsers {
		if !p.Opens(in) {
			continue
		}
		if ctx.Err() != nil {
			n.problem("no time left")
			return
		}
		opened = true
		x.open(ctx, n, p, in)
	}
	if !opened || n.Text == "" {
		x.plainText(n, data)
	}
	x.finish(n, data)
}

// open lets one parser look and goes into what it took out.
func (x *explorer) open(ctx context.Context, n *Node, p tree.Parser, in *tree.Input) {
	x.budget.Sweep()
	res, err := openFenced(ctx, p, in)
	n.report(res.Findings)
	for _, u := range res.URLs {
		if len(n.URLs) < min(maxNodeURLs, x.urls) {
			n.URLs = append(n.URLs, strings.ToValidUTF8(u, "\uFFFD"))
		}
	}
	if room := min(maxNodeText, x.text) - len(n.Text); room > 0 && res.Text != "" {
		n.Text += strings.ToValidUTF8(res.Text[:min(room, len(res.Text))], "\uFFFD")
	}
	n.facts(p.Name(), res.Facts)
	x.learn(n, res.Text)
	if err != nil {
		n.stopped(err)
	}
	seen := map[string]bool{}
	for _, c := range n.Children {
		seen[c.SHA256+"\x00"+c.Name] = true
	}
	for i := range res.Children {
		c := &res.Children[i]
		child := &Node{Name: c.Name, Path: c.Path, How: c.How, Declared: c.Declared, Problem: c.Problem, Password: c.Password, Depth: n.Depth + 1}
		if c.Data == nil {
			judge(child, n, nil)
			n.Children = append(n.Children, child)
			continue
		}
		data := c.Data
		c.Data = nil // free it as soon as it has been looked at
		sum := sha256.Sum256(data)
		if key := hex.EncodeToString(sum[:]) + "\x00" + c.Name; seen[key] {
			continue // two parsers took out the same file
		} else {
			seen[key] = true
		}
		if child.Depth > x.budget.Depth {
			child.Size, child.Type = int64(len(data)), Type(data)
			digest(child, data)
			judge(child, n, data)
			if isContainer(child.Type) {
				child.problem(fmt.Sprintf("nested deeper than %d", x.budget.Depth))
				n.report([]tree.Finding{{ID: "file.deep-nesting", Claim: fmt.Sprintf("file %q is nested more than %d deep and was not opened", child.Label(), x.budget.Depth), Quote: child.Label()}})
			}
			n.Children = append(n.Children, child)
			continue
		}
		x.look(ctx, child, n, data)
		n.Children = append(n.Children, child)
	}
}

// openFenced keeps a bug of one parser from hiding what the others find.
func openFenced(ctx context.Context, p tree.Parser, in *tree.Input) (res tree.Result, err error) {
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("panic in %s: %v", p.Name(), r)
		}
	}()
	return p.Open(ctx, in)
}

// stopped notes why a parser stopped, and reports what that says.
func (n *Node) stopped(err error) {
	n.problem(err.Error())
	switch {
	case errors.Is(err, tree.ErrBudget) && strings.Contains(err.Error(), "expands"):
		n.report([]tree.Finding{{ID: "file.bomb", Claim: fmt.Sprintf("file %q expands like a decompression bomb and was not unpacked further", n.Label()), Quote: err.Error()}})
	case errors.Is(err, tree.ErrBudget) && strings.Contains(err.Error(), "files in one"):
		n.report([]tree.Finding{{ID: "file.many-entries", Claim: fmt.Sprintf("file %q holds more files than are looked at", n.Label()), Quote: err.Error()}})
	case errors.Is(err, tree.ErrBudget):
		n.report([]tree.Finding{{ID: "file.over-budget", Claim: fmt.Sprintf("file %q holds more than is looked at", n.Label()), Quote: err.Error()}})
	}
}

func (n *Node) problem(text string) {
	text = visible(text)
	switch {
	case n.Problem == "":
		n.Problem = text
	case !strings.Contains(n.Problem, text) && len(n.Problem) < 1000:
		n.Problem += "; " + text
	}
}

// report adds findings, each once.
func (n *Node) report(found []tree.Finding) {
next:
	for _, f := range found {
		f.Claim, f.Quote = strings.ToValidUTF8(f.Claim, "\uFFFD"), visible(f.Quote)
		for _, o := range n.Findings {
			if o.ID == f.ID && o.Quote == f.Quote {
				continue next
			}
		}
		if len(n.Findings) < maxNodeFindings {
			n.Findings = append(n.Findings, f)
		}
	}
}

// facts puts what a parser found into the shapes that rules see. Keys that are
// no scanner of the scan tree are the answers of other functions.
func (n *Node) facts(parser string, facts map[string]any) {
	for key, v := range facts {
		switch v := v.(type) {
		case *shape.OLETools:
			n.Office = v
		case *shape.Calendar:
			n.Calendar = v
		case *shape.Exif:
			n.Exif = v
		case *shape.QR:
			n.Codes = v
		default:
			if err := setScan(n.Scan, key, v); err != nil {
				n.problem(fmt.Sprintf("facts of %s: %v", parser, err))
			}
		}
	}
}

// setScan sets the field of the scan tree whose name in rules is key, through
// its JSON form: v is the struct or a pointer to it.
func setScan(t *shape.ScanTree, key string, v any) error {
	b, err := json.Marshal(map[string]any{key: v})
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	return dec.Decode(t)
}

func digest(n *Node, data []byte) {
	m, s, h := md5.Sum(data), sha1.Sum(data), sha256.Sum256(data)
	n.MD5, n.SHA1, n.SHA256 = hex.EncodeToString(m[:]), hex.EncodeToString(s[:]), hex.EncodeToString(h[:])
	if n.Scan == nil {
		n.Scan = &shape.ScanTree{}
	}
	n.Scan.Hash = &shape.ScanHash{MD5: n.MD5, SHA1: n.SHA1, SHA256: n.SHA256}
	e := entropy(data)
	n.Scan.Entropy = &shape.ScanEntropy{Entropy: &e}
}

// entropy is Shannon's, in bits per byte: 8 is random, compressed or encrypted.
func entropy(data []byte) float64 {
	if len(data) == 0 {
		return 0
	}
	var count [256]int
	for _, c := range data {
		count[c]++
	}
	e, n := 0.0, float64(len(data))
	for _, c := range count {
		if c > 0 {
			p := float64(c) / n
			e -= p * math.Log2(p)
		}
	}
	return math.Round(e*1e6) / 1e6
}

// plainText keeps the text of a file that no parser opens and that is text.
func (x *explorer) plainText(n *Node, data []byte) {
	if room := min(maxNodeText, x.text); isText(data) && room > 0 {
		n.Text, _ = decodeText(data[:min(len(data), room)], nil)
		x.learn(n, n.Text)
	}
}
