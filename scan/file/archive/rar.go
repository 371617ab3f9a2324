package archive

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/bodgit/sevenzip"
	"github.com/nwaples/rardecode/v2"

	"foregate/mql/shape"
	"foregate/scan/file/tree"
)

// Rar opens RAR archives, versions 1.5 to 7.
type Rar struct{}

// Name implements tree.Parser.
func (Rar) Name() string { return "rar" }

// Opens implements tree.Parser.
func (Rar) Opens(in *tree.Input) bool { return in.Type == "rar" }

// Open implements tree.Parser.
func (Rar) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	c := &collector{in: in}
	err := c.rar(ctx, "")
	names := errors.Is(err, rardecode.ErrArchiveEncrypted)
	for i := 0; wantsPassword(err) && i < min(len(in.Passwords), dearGuesses); i++ {
		if ctx.Err() != nil {
			break
		}
		// A wrong guess must leave no trace: what it charged is given back.
		before := *in.Budget
		try := &collector{in: in, encrypted: true}
		terr := try.rar(ctx, in.Passwords[i])
		if wantsPassword(terr) || errors.Is(terr, rardecode.ErrBadFileChecksum) || (terr != nil && try.extracted == 0 && !errors.Is(terr, tree.ErrBudget)) {
			*in.Budget = before
			continue
		}
		c, err = try, terr
		c.password = in.Passwords[i]
		for j := range c.res.Children {
			c.res.Children[j].Password = in.Passwords[i]
		}
	}
	switch {
	case names && wantsPassword(err):
		c.finding("file.encrypted-names", label(in), "archive %s hides even the names of its files behind a password", quoted(label(in)))
		c.locked = true
	case names:
		c.finding("file.encrypted-names", label(in), "archive %s hides even the names of its files; the message gives the password", quoted(label(in)))
	}
	if errors.Is(err, rardecode.ErrDictionaryTooLarge) {
		err = fmt.Errorf("opening rar: %w: %w", tree.ErrBudget, err)
	}
	if wantsPassword(err) {
		c.locked, err = true, fmt.Errorf("opening rar: %w", errEncrypted)
	} else if err != nil && !errors.Is(err, tree.ErrBudget) && ctx.Err() == nil {
		c.finding("file.broken-archive", label(in), "archive %s cannot be read: %v", quoted(label(in)), err)
	}
	c.lockedFinding(label(in))
	c.res.Facts = map[string]any{"rar": &shape.ScanRar{TotalFiles: &c.total, TotalExtracted: &c.extracted}}
	return c.res, err
}

func wantsPassword(err error) bool {
	return errors.Is(err, rardecode.ErrArchiveEncrypted) || errors.Is(err, rardecode.ErrArchivedFileEncrypted) || errors.Is(err, rardecode.ErrBadPassword)
}

// rar unpacks everything under one password. When a file wants another one, the
// rest is still listed.
func (c *collector) rar(ctx context.Context, password string) error {
	if password != "" && dearRar(c.in.Data) {
		return fmt.Errorf("opening rar: %w: it asks for a key of too many rounds", tree.ErrBudget)
	}
	opts := []rardecode.Option{rardecode.MaxDictionarySize(maxDictionary)}
	if password != "" {
		opts = append(opts, rardecode.Password(password))
	}
	// Content may stand before an archive; the library looks for its mark.
	r, err := rardecode.NewReader(bytes.NewReader(c.in.Data), opts...)
	if err != nil {
		return fmt.Errorf("opening rar: %w", err)
	}
	var locked error
	for {
		h, err := r.Next()
		switch {
		case err == io.EOF:
			return locked
		case err != nil:
			return errors.Join(locked, fmt.Errorf("reading rar: %w", err))
		case h.IsDir:
			continue
		}
		if err := c.entry(h.Name); err != nil {
			return err
		}
		child := tree.Child{Name: h.Name}
		if h.Encrypted && password == "" {
			c.encrypted, locked = true, rardecode.ErrArchivedFileEncrypted
			c.add(child, errEncrypted)
			continue
		}
		child.Data, err = c.read(ctx, r, h.PackedSize, h.UnPackedSize)
		if wantsPassword(err) {
			locked, err = rardecode.ErrBadPassword, errEncrypted
		}
		if errors.Is(err, rardecode.ErrBadFileChecksum) && h.Encrypted {
			return err
		}
		c.add(child, err)
		if errors.Is(err, tree.ErrBudget) || ctx.Err() != nil {
			return err
		}
	}
}

// maxRounds bounds the key derivation of RAR 5, as a power of two: WinRAR writes
// 15, the format allows 24, which takes many seconds.
const maxRounds = 18

// dearRar tells whether any header of a RAR 5 archive asks for more rounds than
// are given: the encryption header (type 4) or the encryption record (type 1) of
// a file.
func dearRar(b []byte) bool {
	sign := []byte("Rar!\x1a\x07\x01\x00")
	i := bytes.Index(b, sign)
	if i < 0 {
		return false
	}
	b = b[i+len(sign):]
	for len(b) > 7 {
		r := vints{b: b[4:]}
		size := r.next()
		if size == 0 || size > uint64(len(r.b)) {
			return false
		}
		rest := r.b[size:]
		r.b = r.b[:size]
		kind, flags := r.next(), r.next()
		extra, data := uint64(0), uint64(0)
		if flags&1 != 0 {
			extra = r.next()
		}
		if flags&2 != 0 {
			data = r.next()
		}
		if kind == 4 {
			r.next() // version
			r.next() // flags
			return len(r.b) > 0 && r.b[0] > maxRounds
		}
		if extra > uint64(len(r.b)) || data > uint64(len(rest)) {
			return false
		}
		for x := (vints{b: r.b[uint64(len(r.b))-extra:]}); len(x.b) > 0; {
			n := x.next()
			if n == 0 || n > uint64(len(x.b)) {
				break
			}
			rec := vints{b: x.b[:n]}
			x.b = x.b[n:]
			if rec.next() != 1 {
				continue
			}
			rec.next() // version
			rec.next() // flags
			if len(rec.b) > 0 && rec.b[0] > maxRounds {
				return true
			}
		}
		b = rest[data:]
	}
	return false
}

// vints reads the numbers of RAR 5: seven bits a byte, lowest first.
type vints struct{ b []byte }

func (v *vints) next() uint64 {
	var n uint64
	for i, c := range v.b[:min(len(v.b), 10)] {
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			v.b = v.b[i+1:]
			return n
		}
	}
	v.b = nil
	return 0
}

// SevenZip opens 7z archives.
type SevenZip struct{}

// Name implements tree.Parser.
func (SevenZip) Name() string { return "7z" }

// Opens implements tree.Parser.
func (SevenZip) Opens(in *tree.Input) bool { return in.Type == "7z" }

// Open implements tree.Parser. The library stretches keys and decompresses
// headers without asking how long that may take, so it works on its own and is
// left behind when the time is over; in the sandbox the process ends then.
func (SevenZip) Open(ctx context.Context, in *tree.Input) (tree.Result, error) {
	type answer struct {
		res tree.Result
		err error
	}
	own := *in
	budget := *in.Budget
	own.Budget = &budget
	done := make(chan answer, 1)
	go func() {
		defer func() {
			if r := recover(); r != nil {
				done <- answer{err: fmt.Errorf("reading 7z: panic: %v", r)}
			}
		}()
		res, err := openSevenZip(ctx, &own)
		done <- answer{res, err}
	}()
	select {
	case a := <-done:
		*in.Budget = budget
		return a.res, a.err
	case <-ctx.Done():
		return tree.Result{}, fmt.Errorf("reading 7z: %w", context.Cause(ctx))
	}
}

func openSevenZip(ctx context.Context, in *tree.Input) (tree.Result, error) {
	c := &collector{in: in}
	locked, err := c.sevenZip(ctx, "")
	names := locked && c.total == 0
	for i := 0; locked && i < min(len(in.Passwords), dearGuesses) && ctx.Err() == nil; i++ {
		before := *in.Budget
		try := &collector{in: in, encrypted: true}
		stillLocked, terr := try.sevenZip(ctx, in.Passwords[i])
		if stillLocked || terr != nil && try.extracted == 0 && !errors.Is(terr, tree.ErrBudget) {
			*in.Budget = before
			continue
		}
		c, err, locked = try, terr, false
		c.password = in.Passwords[i]
		for j := range c.res.Children {
			c.res.Children[j].Password = in.Passwords[i]
		}
	}
	switch {
	case names && locked:
		c.finding("file.encrypted-names", label(in), "archive %s hides even the names of its files behind a password", quoted(label(in)))
	case names:
		c.finding("file.encrypted-names", label(in), "archive %s hides even the names of its files; the message gives the password", quoted(label(in)))
	}
	if locked {
		c.locked, err = true, fmt.Errorf("opening 7z: %w", errEncrypted)
	} else if err != nil && !errors.Is(err, tree.ErrBudget) && ctx.Err() == nil {
		c.finding("file.broken-archive", label(in), "archive %s cannot be read: %v", quoted(label(in)), err)
	}
	c.lockedFinding(label(in))
	c.res.Facts = map[string]any{"libarchive": &shape.ScanLibArchive{TotalFiles: &c.total, TotalExtracted: &c.extracted}}
	return c.res, err
}

// sevenZip unpacks everything under one password. locked says that something
// is encrypted and the password does not open it.
func (c *collector) sevenZip(ctx context.Context, password string) (locked bool, err error) {
	if err := check7z(c.in.Data); err != nil {
		return false, fmt.Errorf("opening 7z: %w", err)
	}
	r, err := sevenzip.NewReaderWithPassword(bytes.NewReader(c.in.Data), int64(len(c.in.Data)), password)
	if err != nil {
		var re *sevenzip.ReadError
		return errors.As(err, &re) && re.Encrypted, fmt.Errorf("opening 7z: %w", err)
	}
	for _, f := range r.File {
		if f.FileInfo().IsDir() {
			continue
		}
		if err := c.entry(f.Name); err != nil {
			return locked, err
		}
		data, err := c.sevenZipFile(ctx, f)
		var re *sevenzip.ReadError
		switch {
		case errors.As(err, &re) && re.Encrypted:
			locked, err, data = true, errEncrypted, nil
		case err == nil && f.CRC32 != 0 && crc32.ChecksumIEEE(data) != f.CRC32:
			// A wrong password shows by the checksum alone where content is only
			// stored.
			err = errors.New("damaged: checksum")
			if mayHideAES(c.in.Data) {
				locked, err, data = true, errEncrypted, nil
			}
		}
		c.add(tree.Child{Name: f.Name, Data: data}, err)
		if errors.Is(err, tree.ErrBudget) || ctx.Err() != nil {
			return locked, err
		}
	}
	return locked, nil
}

// mayHideAES tells whether the name of the cipher stands in the header, or
// whether the header is packed itself and may hold it.
func mayHideAES(b []byte) bool {
	const packedHeader = 0x17
	at := 32 + int64(le64(b[12:]))
	return bytes.Contains(b, []byte{0x06, 0xf1, 0x07, 0x01}) || at > 0 && at < int64(len(b)) && b[at] == packedHeader
}

func (c *collector) sevenZipFile(ctx context.Context, f *sevenzip.File) ([]byte, error) {
	rc, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer rc.Close()
	// The format says sizes by stream, not by file: the archive is the source.
	return c.read(ctx, rc, int64(len(c.in.Data)), int64(f.UncompressedSize))
}
