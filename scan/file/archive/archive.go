// Package archive opens what holds files without being a document: archives
// (zip, RAR, 7z, tar, CAB), compressed streams, and disk images (ISO 9660, UDF,
// FAT, VHD, VHDX). It trusts no size, count or offset of what it reads: every
// read is bounded by the budget, and what a lying archive says is a finding.
package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"

	"foregate/scan/file/tree"
)

// Bounds of every archive.
const (
	maxNames      = 1000     // names listed for rules, as many as files are looked at
	maxFindings   = 32       // findings kept of one archive
	maxDictionary = 64 << 20 // bytes of a decompressor's window; 7-Zip's "ultra" uses this
	// dearGuesses are the passwords tried where one guess costs up to a tenth of
	// a second (RAR and 7z stretch keys).
	dearGuesses = 12
)

// errEncrypted says that no candidate opened a file.
var errEncrypted = errors.New("encrypted: no password found in the message opens it")

// quoted is a name as a finding shows it.
func quoted(name string) string { return fmt.Sprintf("%q", strings.ToValidUTF8(name, "\uFFFD")) }

// label is what findings call an archive.
func label(in *tree.Input) string {
	if in.Name == "" {
		return "unnamed " + in.Type
	}
	return strings.ToValidUTF8(in.Name, "\uFFFD")
}

// collector gathers the result of one archive within the budget.
type collector struct {
	in        *tree.Input
	res       tree.Result
	paths     []string
	tried     []string
	total     int
	extracted int
	encrypted bool
	locked    bool // something encrypted stayed closed
	password  string
}

func (c *collector) finding(id, quote, format string, args ...any) {
	f := tree.Finding{ID: id, Claim: fmt.Sprintf(format, args...), Quote: quote}
	for _, o := range c.res.Findings {
		if o == f {
			return
		}
	}
	if len(c.res.Findings) < maxFindings {
		c.res.Findings = append(c.res.Findings, f)
	}
}

// entry charges one file and lists its name.
func (c *collector) entry(name string) error {
	if err := c.in.Budget.Entry(); err != nil {
		return err
	}
	c.total++
	if len(c.paths) < maxNames {
		c.paths = append(c.paths, strings.ToValidUTF8(name, "\uFFFD"))
	}
	if escapes(name) {
		c.finding("file.path-escape", name, "archive %s holds a file whose name %s leads out of the folder it is unpacked to", quoted(label(c.in)), quoted(name))
	}
	return nil
}

// add takes a child in. err is why its data is nil or incomplete.
func (c *collector) add(child tree.Child, err error) {
	c.in.Budget.Sweep()
	if child.How == "" {
		child.How = "archived"
	}
	if err != nil {
		child.Problem = err.Error()
	} else {
		c.extracted++
		if child.Data == nil {
			child.Data = []byte{}
		}
	}
	if errors.Is(err, errEncrypted) {
		c.locked = true
	}
	c.res.Children = append(c.res.Children, child)
}

// lockedFinding reports what could not be decrypted.
func (c *collector) lockedFinding(first string) {
	if c.locked {
		c.finding("file.encrypted-archive", first, "archive %s is encrypted: its content cannot be checked", quoted(label(c.in)))
	}
}

// read reads a file of the archive to its end within the budget. packed is its
// size in the archive, at most the archive's own; told is the size that the archive
// tells, which may be a lie, 0 where it tells none.
func (c *collector) read(ctx context.Context, r io.Reader, packed, told int64) ([]byte, error) {
	return readBounded(ctx, r, c.in.Budget, min(max(packed, 1), int64(len(c.in.Data))), told)
}

// readBounded reads r to its end, charging the budget while it reads.
func readBounded(ctx context.Context, r io.Reader, b *tree.Budget, packed, told int64) ([]byte, error) {
	limit := max(int64(tree.MinRatio), packed*b.Ratio)
	var out []byte
	chunk := 32 << 10
	for {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("unpacking: %w", context.Cause(ctx))
		}
		if cap(out)-len(out) < chunk {
			// A large file must not take three times its size while it grows.
			const large = 16 << 20
			room := 2 * cap(out)
			switch {
			case cap(out) > large && told > int64(cap(out)) && told <= min(limit, b.Bytes):
				room = int(told) + chunk + 1 // as much has come already that it may be true
			case cap(out) > large:
				room = cap(out) + cap(out)/2
			}
			grown := make([]byte, len(out), max(room, len(out)+chunk))
			copy(grown, out)
			out = grown
		}
		room := min(int64(cap(out)-len(out)), limit+1-int64(len(out)), b.Bytes+1-int64(len(out)))
		n, err := r.Read(out[len(out) : len(out)+int(room)])
		out = out[:len(out)+n]
		if size := int64(len(out)); size > limit || size > b.Bytes {
			terr := b.Take(size, packed)
			if terr == nil {
				terr = fmt.Errorf("%w: expands more than %d to 1", tree.ErrBudget, b.Ratio)
			}
			return nil, terr
		}
		switch {
		case err == io.EOF:
			if cap(out)-len(out) > len(out)/4 {
				out = bytes.Clone(out) // hundreds of files are kept at once
			}
			return out, b.Take(int64(len(out)), packed)
		case err != nil:
			if terr := b.Take(int64(len(out)), packed); terr != nil {
				return nil, terr
			}
			return out, fmt.Errorf("damaged: %w", err)
		case n == 0:
			if room == 0 {
				return nil, fmt.Errorf("%w: no bytes left", tree.ErrBudget)
			}
		}
	}
}

// escapes tells names that lead out of the folder: an unpacker that trusts them
// writes anywhere.
func escapes(name string) bool {
	name = strings.ReplaceAll(name, `\`, "/")
	if strings.HasPrefix(name, "/") || len(name) > 2 && name[1] == ':' && name[2] == '/' {
		return true
	}
	clean := path.Clean(name)
	return clean == ".." || strings.HasPrefix(clean, "../")
}

// decodeName reads a name whose character set the archive does not tell: UTF-8
// where it is, Cyrillic of DOS where every high byte is such a letter, else the
// IBM PC's.
func decodeName(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	cs := charmap.CodePage866
	for _, c := range b {
		if c >= 0xb0 && c < 0xe0 || c > 0xf1 {
			cs = charmap.CodePage437
			break
		}
	}
	s, err := cs.NewDecoder().Bytes(b)
	if err != nil {
		return strings.ToValidUTF8(string(b), "\uFFFD")
	}
	return string(s)
}

// spellings are the bytes that a password may have been typed as.
func spellings(p string) [][]byte {
	out := [][]byte{[]byte(p)}
	for i := range len(p) {
		if p[i] < utf8.RuneSelf {
			continue
		}
		for _, cs := range []*charmap.Charmap{charmap.Windows1251, charmap.CodePage866, charmap.Windows1252} {
			if b, err := cs.NewEncoder().Bytes([]byte(p)); err == nil {
				out = append(out, b)
			}
		}
		break
	}
	return out
}

func ptr[T any](v T) *T { return &v }
