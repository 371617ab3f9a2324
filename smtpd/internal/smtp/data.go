package smtp

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
)

// Fault is why a message that was read to its end can't be taken.
type Fault int

// The faults; Sound is none.
const (
	Sound       Fault = iota
	TooBig            // over MaxSize
	NoRoom            // no room on the disk, or no memory in time
	LongLine          // a line over MaxLine
	BareNewline       // a CR or LF that is not part of CRLF
	NulDot            // a line that is a lone dot once its NULs are taken out
)

// Sizes in octets.
const (
	ReadBuffer = 16 << 10 // per session; also the longest run that Read looks at at once
	// keepSize is what of a message is in memory while it arrives. Nearly all
	// messages are smaller and never touch the disk.
	keepSize = 256 << 10
)

// drainLimit bounds what is read and thrown away of an oversize message before
// the connection is cut, as a multiple of MaxSize.
const drainLimit = 4

// ErrDrain says that a client sends far more than it may.
var ErrDrain = errors.New("far over the size limit")

// Body collects one message: in memory up to keepSize, the rest in a file, so
// that messages on their way take no memory however many and slow they are.
type Body struct {
	Max      int64
	MaxLine  int
	Tolerate bool                    // bare CR and LF are to be normalised
	Dir      string                  // of the file, which has no name there; "" is the system's
	Room     func(octets int64) bool // asks for more of the disk; less than 0 gives back
	Fault    Fault
	Bare     bool  // bare CR or LF was seen; when that is no fault, Load normalises
	Size     int64 // octets so far, 0 when the message has a fault

	kept    []byte // the end of the message, or all of it
	file    *os.File
	spooled int64 // asked for by Room
}

// Close lets go of the message.
func (b *Body) Close() {
	b.kept = nil
	if b.file != nil {
		b.file.Close()
		b.file = nil
	}
	if b.spooled > 0 {
		b.Room(-b.spooled)
		b.spooled = 0
	}
}

// Read reads up to <CRLF>.<CRLF>, the only end of a message (RFC 5321
// section 4.1.1.4), and undoes dot-stuffing (section 4.5.2) after CRLF only. A
// message with a fault is read to its true end all the same, so that nothing in
// it can be taken for a command. The error is the connection's.
func (b *Body) Read(in *bufio.Reader) error {
	var (
		start    = true  // at the start of a line
		cr       = false // the octet before this chunk is CR
		line     = 0     // octets of this line so far
		total    = int64(0)
		nuls     = false // this line so far is NULs and at most one dot, NUL first
		dot      = false // and the dot was seen
		crlf     bool
		overflow = b.Max * drainLimit
	)
	for {
		chunk, err := in.ReadSlice('\n')
		if err != nil && err != bufio.ErrBufferFull {
			return err
		}
		if total += int64(len(chunk)); total > overflow {
			return ErrDrain
		}
		if start {
			if string(chunk) == ".\r\n" {
				return nil
			}
			if chunk[0] == '.' {
				chunk = chunk[1:]
			}
			line, dot = 0, false
			nuls = len(chunk) > 0 && chunk[0] == 0
		}
		if len(chunk) == 0 { // unreachable: a stuffed dot is followed by its line
			continue
		}
		crlf = endsLine(chunk, cr)
		if b.Bare = b.Bare || hasBare(chunk, cr, crlf); b.Bare && !b.Tolerate {
			b.fail(BareNewline)
		}
		if line += len(chunk); line > b.MaxLine {
			b.fail(LongLine)
		}
		if nuls {
			if nuls, dot = nulDotSoFar(chunk, dot); nuls && dot && crlf {
				b.fail(NulDot)
			}
		}
		b.add(chunk)
		start, cr = crlf, chunk[len(chunk)-1] == '\r'
	}
}

// Load returns a sound message whole, normalised when that was asked for. That
// may bring a fault to light; the error is the disk's.
func (b *Body) Load() ([]byte, error) {
	raw := b.kept
	if b.file != nil {
		raw = make([]byte, b.Size)
		n := copy(raw[b.Size-int64(len(b.kept)):], b.kept)
		if _, err := b.file.ReadAt(raw[:len(raw)-n], 0); err != nil {
			return nil, fmt.Errorf("reading a message back: %w", err)
		}
	}
	if b.Bare {
		raw = Normalize(raw)
		if HasNulDot(raw) {
			b.fail(NulDot)
			return nil, nil
		}
	}
	b.Close()
	return raw, nil
}

// HasNulDot reports a line that begins with NUL and is a lone dot without its
// NULs.
func HasNulDot(raw []byte) bool {
	if bytes.IndexByte(raw, 0) < 0 {
		return false
	}
	for line := range bytes.Lines(raw) {
		if line[0] != 0 {
			continue
		}
		if still, dot := nulDotSoFar(line, false); still && dot {
			return true
		}
	}
	return false
}

// endsLine reports whether chunk, after an octet that was CR or not, ends with
// CRLF.
func endsLine(chunk []byte, cr bool) bool {
	n := len(chunk)
	return chunk[n-1] == '\n' && (n > 1 && chunk[n-2] == '\r' || n == 1 && cr)
}

// hasBare reports a CR or LF outside of CRLF. A CR at the very end is left for
// the next chunk to judge. An LF only ever ends a chunk.
func hasBare(chunk []byte, cr, crlf bool) bool {
	n := len(chunk)
	if cr && chunk[0] != '\n' {
		return true
	}
	if chunk[n-1] == '\n' && !crlf {
		return true
	}
	if crlf {
		n = max(n-2, 0)
	} else if chunk[n-1] == '\r' {
		n--
	}
	return bytes.IndexByte(chunk[:n], '\r') >= 0
}

// nulDotSoFar follows a line that began with NUL: whether it is still made of
// NULs and at most one dot, and whether that dot was seen.
func nulDotSoFar(chunk []byte, dot bool) (still, seen bool) {
	for _, c := range chunk {
		switch {
		case c == 0 || c == '\r' || c == '\n':
		case c == '.' && !dot:
			dot = true
		default:
			return false, dot
		}
	}
	return true, dot
}

// fail notes the first fault and lets go of what was collected.
func (b *Body) fail(f Fault) {
	if b.Fault == Sound {
		b.Fault, b.Size = f, 0
		b.Close()
	}
}

// add keeps chunk.
func (b *Body) add(chunk []byte) {
	if b.Fault != Sound {
		return
	}
	if b.Size += int64(len(chunk)); b.Size > b.Max {
		b.fail(TooBig)
		return
	}
	if len(b.kept)+len(chunk) > keepSize && !b.spool() {
		b.fail(NoRoom)
		return
	}
	b.kept = append(b.kept, chunk...)
}

// spool moves what is kept to the file.
func (b *Body) spool() bool {
	b.spooled += int64(len(b.kept))
	if !b.Room(int64(len(b.kept))) {
		return false
	}
	if b.file == nil {
		f, err := os.CreateTemp(b.Dir, "foregate-spool-")
		if err != nil {
			return false
		}
		os.Remove(f.Name()) // it goes with its descriptor, also when we are killed
		b.file = f
	}
	_, err := b.file.Write(b.kept)
	b.kept = b.kept[:0]
	return err == nil
}

// Normalize turns every bare CR and LF into CRLF.
func Normalize(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+len(raw)/32+2)
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '\r':
			out = append(out, '\r', '\n')
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
		case c == '\n':
			out = append(out, '\r', '\n')
		default:
			out = append(out, c)
		}
	}
	return out
}

// HasBareNewline reports a CR or LF that is not part of CRLF.
func HasBareNewline(raw []byte) bool {
	for len(raw) > 0 {
		i := bytes.IndexByte(raw, '\n')
		if i < 0 {
			return bytes.IndexByte(raw, '\r') >= 0
		}
		if i == 0 || raw[i-1] != '\r' || bytes.IndexByte(raw[:i-1], '\r') >= 0 {
			return true
		}
		raw = raw[i+1:]
	}
	return false
}

// WriteData sends the pieces of one message dot-stuffed and ended. The pieces
// have CRLF line ends; a missing last one is added.
func WriteData(out *bufio.Writer, pieces [][]byte) error {
	tail := [2]byte{'\r', '\n'} // the two octets before
	for _, p := range pieces {
		for len(p) > 0 {
			if p[0] == '.' && tail == [2]byte{'\r', '\n'} {
				if err := out.WriteByte('.'); err != nil {
					return err
				}
			}
			n := nextDot(p, tail[1])
			if _, err := out.Write(p[:n]); err != nil {
				return err
			}
			if n == 1 {
				tail = [2]byte{tail[1], p[0]}
			} else {
				tail = [2]byte{p[n-2], p[n-1]}
			}
			p = p[n:]
		}
	}
	if tail != [2]byte{'\r', '\n'} {
		if _, err := out.WriteString("\r\n"); err != nil {
			return err
		}
	}
	_, err := out.WriteString(".\r\n")
	return err
}

// nextDot returns how much of p can be sent before the next dot that starts a
// line; before is the octet before p.
func nextDot(p []byte, before byte) int {
	if before == '\r' && len(p) > 1 && p[0] == '\n' && p[1] == '.' {
		return 1
	}
	if i := bytes.Index(p, []byte("\r\n.")); i >= 0 {
		return i + 2
	}
	return len(p)
}
