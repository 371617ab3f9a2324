package mime

import (
	"bytes"
	"strconv"
	"strings"

	"foregate/mail/internal/header"
)

// embedded is a file found in a text body.
type embedded struct {
	id      string
	name    string
	at      int
	content []byte
	part    int // of a yEnc file in several parts
}

// maxEmbedded bounds the files taken from one text.
const maxEmbedded = 50

// embeddedFiles finds uuencoded ("begin 644 name") and yEnc files in a text, as
// clients do.
func embeddedFiles(b []byte) []embedded {
	var out []embedded
	for pos := 0; pos < len(b) && len(out) < maxEmbedded; {
		i := bytes.Index(b[pos:], []byte("begin"))
		if i < 0 {
			break
		}
		at := pos + i
		pos = at + 5
		lineStart := at == 0 || b[at-1] == '\n'
		yenc := at >= 2 && string(b[at-2:at]) == "=y" && (at == 2 || b[at-3] == '\n')
		if !lineStart && !yenc {
			continue
		}
		line, next := cutLine(b, at)
		// A file ends where the next begins, so that all together cost one pass.
		mark := "\nbegin"
		if yenc {
			mark = "\n=ybegin"
		}
		rest := b
		if k := bytes.Index(b[next:], []byte(mark)); k >= 0 {
			rest = b[:next+k+1]
		}
		var e embedded
		var ok bool
		if yenc {
			e, ok = yencFile(rest, line, next)
		} else {
			e, ok = uuFile(rest, line, next)
		}
		if !ok {
			continue
		}
		e.at = at
		out = append(out, e)
		if !yenc && bytes.HasPrefix(line, []byte("begin ")) {
			// Line lengths that lie: decoders that go by the text give more.
			if c := uuLines(rest[next:], true); !bytes.Equal(c, e.content) {
				e.content = c
				out = append(out, e)
			}
		}
	}
	return append(out, joinYenc(out)...)
}

// joinYenc puts the parts of yEnc files together that stand in one text.
func joinYenc(all []embedded) []embedded {
	var out []embedded
	for i := range all {
		if all[i].part != 1 {
			continue
		}
		e := all[i]
		e.content = bytes.Clone(e.content)
		for k := range all[i+1:] {
			if o := &all[i+1+k]; o.part == e.part+1 && o.name == e.name {
				e.content = append(e.content, o.content...)
				e.part++
			}
		}
		if e.part > 1 {
			out = append(out, e)
		}
	}
	return out
}

func cutLine(b []byte, at int) (line []byte, next int) {
	i := bytes.IndexByte(b[at:], '\n')
	if i < 0 {
		return bytes.TrimRight(b[at:], "\r"), len(b)
	}
	return bytes.TrimRight(b[at:at+i], "\r"), at + i + 1
}

func uuFile(b, line []byte, next int) (embedded, bool) {
	f := strings.Fields(string(line[:min(len(line), 1000)]))
	if len(f) < 2 || f[0] != "begin" && f[0] != "begin-base64" {
		return embedded{}, false
	}
	mode := f[1]
	if len(mode) < 3 || len(mode) > 6 || strings.Trim(mode, "01234567") != "" {
		return embedded{}, false
	}
	name := ""
	if len(f) > 2 {
		name = strings.Trim(header.DecodeWords(strings.Join(f[2:], " ")), `"`)
	}
	e := embedded{id: UUEncode, name: name}
	if f[0] == "begin-base64" {
		body, _, _ := bytes.Cut(b[next:], []byte("===="))
		e.content = b64(body, b64Rule{pad: stop})
		return e, len(e.content) > 0
	}
	e.content = uuLines(b[next:], false)
	return e, len(e.content) > 0
}

// uuLines decodes uuencoded lines up to "end", a line of length zero that the
// end follows, or the first line that is none. byText decodes lines that are
// longer than they say (but for a checksum) to their end.
func uuLines(b []byte, byText bool) []byte {
	var out []byte
	for len(b) > 0 {
		line, next := cutLine(b, 0)
		b = b[next:]
		if len(line) == 0 {
			continue
		}
		if string(line) == "end" || line[0] < ' ' || line[0] > '`' {
			break
		}
		n := int(line[0]-' ') & 63
		if n == 0 {
			continue
		}
		line = line[1:]
		if len(line) < (n*8+5)/6-4 { // blanks at the end may be lost
			break
		}
		if have := len(bytes.TrimRight(line, " ")) * 3 / 4; byText && have > n+4 {
			n = have
		}
		for i := 0; n > 0; i += 4 {
			var q [4]byte
			for k := range q {
				if i+k < len(line) {
					q[k] = (line[i+k] - ' ') & 63
				}
			}
			three := [3]byte{q[0]<<2 | q[1]>>4, q[1]<<4 | q[2]>>2, q[2]<<6 | q[3]}
			out = append(out, three[:min(n, 3)]...)
			n -= 3
		}
	}
	return out
}

func yencFile(b, line []byte, next int) (embedded, bool) {
	e := embedded{id: YEnc}
	if i := bytes.Index(line, []byte("name=")); i >= 0 {
		e.name = header.DecodeWords(strings.TrimSpace(string(line[i+5:])))
	}
	if i := bytes.Index(line, []byte("part=")); i >= 0 {
		num := line[i+len("part="):]
		if k := bytes.IndexByte(num, ' '); k >= 0 {
			num = num[:k]
		}
		e.part, _ = strconv.Atoi(string(num)) // 0 is no part
	}
	b = b[next:]
	for len(b) > 0 {
		l, n := cutLine(b, 0)
		b = b[n:]
		if bytes.HasPrefix(l, []byte("=yend")) {
			break
		}
		if bytes.HasPrefix(l, []byte("=ypart")) {
			continue
		}
		for i := 0; i < len(l); i++ {
			c := l[i]
			if c == '=' && i+1 < len(l) {
				i++
				c = l[i] - 64
			}
			e.content = append(e.content, c-42)
		}
	}
	return e, len(e.content) > 0
}
