// Package tree is what the parsers of files share: the input they get, the
// bounds they keep and the results they give. A parser knows one family of
// formats; the explorer above them decides what is opened next.
package tree

import (
	"context"
	"errors"
	"fmt"
)

// Input is one file to look into. It must not be modified.
type Input struct {
	Name      string // as shown to a person, may be ""
	Type      string // by content, lower case ("zip", "docx", "ole", "pdf", …), "" when unknown
	Declared  string // declared media type, "" when none
	Data      []byte
	Depth     int      // 0 is an attachment itself
	Passwords []string // candidates found in the message, likeliest first
	Budget    *Budget
}

// Child is a file found inside another.
type Child struct {
	Name     string // its own name, as stored; may be hostile
	Path     string // the original path where one is recorded, as in an OLE Package
	How      string // how it is carried: "archived", "embedded", "attached", "decoded", "appended", "linked"
	Declared string // declared media type, "" when none
	Data     []byte // nil when it could not be taken out
	Problem  string // why Data is nil or incomplete: "encrypted", "over the budget", "damaged", …
	Password string // the password that opened it, "" when none was needed
}

// Finding is something a person should know about a file. IDs are stable and
// begin with "file."; they are the keys of the weight table.
type Finding struct {
	ID    string `json:"id"`
	Claim string `json:"claim"` // one sentence; the file's own name is written as %s-free text
	Quote string `json:"quote,omitempty"`
}

// Result is what a parser found out about one file.
type Result struct {
	Findings []Finding
	Children []Child
	URLs     []string // links found, as written
	Text     string   // readable text, bounded, for rules and for the text classifier
	// Facts are the shapes that rules see (package mql/shape), by the name of
	// the scanner: "vba", "pdf", "zip", "ole", "qr", …
	Facts map[string]any
}

// Parser opens files of one family. Open never panics on hostile input, keeps
// the budget, and returns what it could find beside an error that says why it
// stopped. Parsers are safe for concurrent use.
type Parser interface {
	Name() string
	Opens(in *Input) bool
	Open(ctx context.Context, in *Input) (Result, error)
}

// Budget bounds the work on all files of one message together. It is used by
// one goroutine.
type Budget struct {
	Bytes   int64 // decoded bytes left
	Entries int   // files left
	Depth   int   // deepest nesting
	Ratio   int64 // most expansion of one file

	swept uint64 // size of the heap after the last Sweep
}

// The bounds of the design's table.
const (
	MaxBytes   = 256 << 20
	MaxEntries = 1000
	MaxDepth   = 5
	MaxRatio   = 200
	// MinRatio is the size below which a high expansion is no bomb.
	MinRatio = 1 << 20
)

// DefaultBudget is the budget of one message.
func DefaultBudget() *Budget {
	return &Budget{Bytes: MaxBytes, Entries: MaxEntries, Depth: MaxDepth, Ratio: MaxRatio}
}

// ErrBudget says that a bound was met; what was found before stands.
var ErrBudget = errors.New("over the budget")

// Take charges n decoded bytes of one file that is packed in from bytes. It
// fails when the bytes are used up or the expansion is that of a bomb.
func (b *Budget) Take(n, from int64) error {
	if n > MinRatio && from > 0 && n/from > b.Ratio {
		return fmt.Errorf("%w: expands more than %d to 1", ErrBudget, b.Ratio)
	}
	if n > b.Bytes {
		b.Bytes = 0
		return fmt.Errorf("%w: more than %d decoded bytes in one message", ErrBudget, int64(MaxBytes))
	}
	b.Bytes -= n
	return nil
}

// Entry charges one file.
func (b *Budget) Entry() error {
	if b.Entries <= 0 {
		return fmt.Errorf("%w: more than %d files in one message", ErrBudget, MaxEntries)
	}
	b.Entries--
	return nil
}
