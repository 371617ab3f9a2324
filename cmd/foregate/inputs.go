package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// maxMessage bounds one message read from a file, as SMTP does.
const maxMessage = 50 << 20

// input is one message and where it came from. err says why it could not be
// read; raw is then nil.
type input struct {
	path string // file, with #n for the n-th message of an mbox
	raw  []byte
	err  error
}

// inputs yields the messages of files, folders (recursively), Maildirs, mboxes
// and "-" for standard input, in sorted order.
func inputs(paths []string, stdin io.Reader) iter.Seq[input] {
	return func(yield func(input) bool) {
		for _, p := range paths {
			if !yieldPath(p, stdin, yield) {
				return
			}
		}
	}
}

func yieldPath(p string, stdin io.Reader, yield func(input) bool) bool {
	if p == "-" {
		return yieldStream("-", stdin, yield)
	}
	info, err := os.Stat(p)
	if err != nil {
		return yield(input{path: p, err: err})
	}
	if !info.IsDir() {
		return yieldFile(p, yield)
	}
	more := true
	err = filepath.WalkDir(p, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			more = yield(input{path: path, err: err})
		case d.Type().IsRegular() && (inMaildir(path) || looksLikeMail(path)):
			more = yieldFile(path, yield)
		}
		if !more {
			return fs.SkipAll
		}
		return nil
	})
	if err != nil {
		return yield(input{path: p, err: err})
	}
	return more
}

// inMaildir tells whether a file lies in the cur or new folder of a Maildir.
func inMaildir(path string) bool {
	dir := filepath.Base(filepath.Dir(path))
	return dir == "cur" || dir == "new"
}

// looksLikeMail decides for files of a folder: by name, or by a first line that
// is a header field or an mbox separator.
func looksLikeMail(path string) bool {
	switch strings.ToLower(filepath.Ext(path)) {
	case ".eml", ".mbox", ".mbx":
		return true
	case ".tsv", ".md", ".json", ".gz", ".txt", ".yml", ".yaml", ".go":
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return true // so that the failure is reported
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := io.ReadFull(f, head)
	return isMailHead(head[:n])
}

func isMailHead(head []byte) bool {
	if bytes.HasPrefix(head, []byte("From ")) {
		return true
	}
	name, _, ok := bytes.Cut(head, []byte(":"))
	return ok && len(name) > 0 && !slices.ContainsFunc(name, func(c byte) bool { return c <= ' ' || c >= 0x7f })
}

func yieldFile(path string, yield func(input) bool) bool {
	f, err := os.Open(path)
	if err != nil {
		return yield(input{path: path, err: err})
	}
	defer f.Close()
	return yieldStream(path, f, yield)
}

// isArchive tells whether bytes begin a gzip, zip, xz, zstd or bzip2 file, as
// sets of mail are packed in. No message begins like that.
func isArchive(head []byte) bool {
	for _, magic := range []string{"\x1f\x8b", "PK\x03\x04", "\xfd7zX", "\x28\xb5\x2f\xfd", "BZh"} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return true
		}
	}
	return false
}

// yieldStream yields the one message of a stream, or each of an mbox.
func yieldStream(path string, r io.Reader, yield func(input) bool) bool {
	br := bufio.NewReaderSize(r, 64<<10)
	if head, _ := br.Peek(5); string(head) == "From " {
		return yieldMbox(path, br, yield)
	}
	if head, _ := br.Peek(4); isArchive(head) {
		return yield(input{path: path, err: errors.New("is an archive and no mail: unpack it first")})
	}
	raw, err := io.ReadAll(io.LimitReader(br, maxMessage+1))
	if err == nil && len(raw) > maxMessage {
		err = fmt.Errorf("longer than %d bytes", maxMessage)
	}
	if err != nil {
		return yield(input{path: path, err: err})
	}
	return yield(input{path: path, raw: raw})
}

// yieldMbox splits an mbox (RFC 4155) at "From " lines that follow an empty
// line, and undoes the ">From " quoting of the mboxrd form.
func yieldMbox(path string, br *bufio.Reader, yield func(input) bool) bool {
	var msg []byte
	n, started, blank, over := 0, false, true, false
	flush := func() bool {
		if !started {
			return true
		}
		n++
		in := input{path: fmt.Sprintf("%s#%d", path, n), raw: slices.Clone(bytes.TrimSuffix(msg, []byte("\n")))}
		if over {
			in.raw, in.err = nil, fmt.Errorf("longer than %d bytes", maxMessage)
		}
		msg, over = msg[:0], false
		return yield(in)
	}
	for {
		line, err := br.ReadSlice('\n')
		if blank && bytes.HasPrefix(line, []byte("From ")) {
			if !flush() {
				return false
			}
			started, blank = true, false
			for errors.Is(err, bufio.ErrBufferFull) {
				_, err = br.ReadSlice('\n')
			}
			continue
		}
		blank = len(bytes.TrimRight(line, "\r\n")) == 0
		if unquoted := bytes.TrimLeft(line, ">"); len(unquoted) < len(line) && bytes.HasPrefix(unquoted, []byte("From ")) {
			line = line[1:]
		}
		if over = over || len(msg)+len(line) > maxMessage; !over {
			msg = append(msg, line...)
		}
		if err != nil && !errors.Is(err, bufio.ErrBufferFull) {
			if !errors.Is(err, io.EOF) {
				return yield(input{path: path, err: err})
			}
			return flush()
		}
	}
}
