package htmltext

import "strings"

// tokenKind is the kind of a token.
type tokenKind uint8

const (
	tokenEOF tokenKind = iota
	tokenText
	tokenStart
	tokenEnd
	tokenComment
	tokenDoctype
)

// maxTagName bounds the part of a tag name that is told apart: names beyond it
// are no element that a client knows.
const maxTagName = 64

// token is one token of the source. Its strings are slices of the source.
type token struct {
	kind        tokenKind
	tag         tag
	name        string // lower-case name of an element outside of the table
	text        string // text or comment, entities not decoded
	verbatim    bool   // entities in text are not to be decoded
	selfClosing bool
	set         uint64           // bit per attribute that is present
	attr        [numAttrs]string // raw values, valid where set
}

func (t *token) has(a attrID) bool { return t.set&(1<<a) != 0 }

// raw returns the attribute as written.
func (t *token) raw(a attrID) string {
	if t.set&(1<<a) == 0 {
		return ""
	}
	return t.attr[a]
}

// value returns the attribute with entities decoded.
func (t *token) value(a attrID) string {
	if t.set&(1<<a) == 0 {
		return ""
	}
	return decodeAttr(t.attr[a])
}

// tokenizer cuts HTML into tokens as WHATWG HTML section 13.2.5 has it.
type tokenizer struct {
	src     string
	pos     int
	foreign bool // inside of SVG or MathML: no raw text elements, CDATA is text
	tok     token
}

// next reads the next token into z.tok.
func (z *tokenizer) next() tokenKind {
	t := &z.tok
	t.kind, t.verbatim, t.set = tokenEOF, false, 0
	start := z.pos
	for i := z.pos; i < len(z.src); {
		j := strings.IndexByte(z.src[i:], '<')
		if j < 0 || i+j+1 >= len(z.src) {
			break
		}
		i += j
		c := z.src[i+1]
		if !isAlpha(c) && c != '/' && c != '!' && c != '?' {
			i++ // a lone "<" is text
			continue
		}
		if c == '/' && i+2 >= len(z.src) {
			break
		}
		if i > start {
			return z.emitText(start, i)
		}
		z.pos = i
		z.markup()
		if t.kind != tokenEOF {
			return t.kind
		}
		i, start = z.pos, z.pos // markup that yields nothing
	}
	if start < len(z.src) {
		return z.emitText(start, len(z.src))
	}
	z.pos = len(z.src)
	return tokenEOF
}

func (z *tokenizer) emitText(a, b int) tokenKind {
	z.tok.kind, z.tok.text, z.pos = tokenText, z.src[a:b], b
	return tokenText
}

// markup reads the construct that starts with "<" at z.pos. It leaves tokenEOF
// as the kind where the construct yields no token.
func (z *tokenizer) markup() {
	switch c := z.src[z.pos+1]; {
	case isAlpha(c):
		z.readTag(z.pos+1, tokenStart)
	case c == '/':
		switch c2 := z.src[z.pos+2]; {
		case isAlpha(c2):
			z.readTag(z.pos+2, tokenEnd)
		case c2 == '>':
			z.pos += 3
		default:
			z.bogusComment(z.pos + 2)
		}
	case c == '!':
		z.declaration()
	default:
		z.bogusComment(z.pos + 1)
	}
}

// declaration reads what starts with "<!".
func (z *tokenizer) declaration() {
	rest := z.src[z.pos+2:]
	switch {
	case strings.HasPrefix(rest, "--"):
		z.comment(z.pos + 4)
	case z.foreign && strings.HasPrefix(rest, "[CDATA["):
		body := rest[len("[CDATA["):]
		n := strings.Index(body, "]]>")
		end := len(z.src)
		if n >= 0 {
			body = body[:n]
			end = z.pos + 2 + len("[CDATA[") + n + 3
		}
		z.tok.kind, z.tok.text, z.tok.verbatim, z.pos = tokenText, body, true, end
	default:
		z.bogusComment(z.pos + 2)
		if len(rest) >= 7 && strings.EqualFold(rest[:7], "doctype") {
			z.tok.kind = tokenDoctype
		}
	}
}

// bogusComment reads up to the next ">".
func (z *tokenizer) bogusComment(from int) {
	end := strings.IndexByte(z.src[from:], '>')
	if end < 0 {
		z.tok.text, z.pos = z.src[from:], len(z.src)
	} else {
		z.tok.text, z.pos = z.src[from:from+end], from+end+1
	}
	z.tok.kind = tokenComment
}

// comment reads a comment whose text starts at from. "<!-->" and "<!--->" are
// whole comments; "--!>" ends one too.
func (z *tokenizer) comment(from int) {
	z.tok.kind = tokenComment
	rest := z.src[from:]
	if strings.HasPrefix(rest, ">") {
		z.tok.text, z.pos = "", from+1
		return
	}
	if strings.HasPrefix(rest, "->") {
		z.tok.text, z.pos = "", from+2
		return
	}
	for i := 0; ; {
		j := strings.Index(rest[i:], "--")
		if j < 0 {
			z.tok.text, z.pos = rest, len(z.src)
			return
		}
		i += j
		for k := i + 2; ; k++ { // a run of dashes
			if k < len(rest) && rest[k] == '-' {
				continue
			}
			if k < len(rest) && rest[k] == '>' {
				z.tok.text, z.pos = rest[:k-2], from+k+1
				return
			}
			if k == i+2 && strings.HasPrefix(rest[k:], "!>") {
				z.tok.text, z.pos = rest[:i], from+k+2
				return
			}
			i = k
			break
		}
	}
}

// readTag reads a tag whose name starts at from. A tag cut off by the end of
// the source yields nothing, as in browsers.
func (z *tokenizer) readTag(from int, kind tokenKind) {
	t, src := &z.tok, z.src
	var buf [maxTagName]byte
	i, n := from, 0
	for ; i < len(src); i++ {
		c := src[i]
		if c == '>' || c == '/' || isSpace(c) {
			break
		}
		if n < maxTagName {
			buf[n] = lower(c)
			n++
		}
	}
	t.tag, t.name = tagOf(buf[:n]), ""
	if t.tag == tagOther {
		t.name = string(buf[:n])
	}
	t.selfClosing = false
	for i < len(src) {
		switch c := src[i]; {
		case c == '>':
			t.kind, z.pos = kind, i+1
			return
		case isSpace(c):
			i++
		case c == '/':
			t.selfClosing = i+1 < len(src) && src[i+1] == '>'
			i++
		default:
			i = z.readAttr(i)
		}
	}
	t.kind, z.pos = tokenEOF, len(src)
}

// readAttr reads one attribute at i and returns where it ends. The first of
// several attributes of one name counts.
func (z *tokenizer) readAttr(i int) int {
	t, src := &z.tok, z.src
	var buf [16]byte
	start := i
	for ; i < len(src); i++ {
		c := src[i]
		if c == '>' || c == '/' || isSpace(c) || c == '=' && i > start {
			break
		}
		if i-start < len(buf) {
			buf[i-start] = lower(c)
		}
	}
	id := attrID(attrNone)
	if n := i - start; n <= len(buf) {
		id = attrOf(buf[:n])
	}
	j := skipSpace(src, i)
	val := ""
	if j < len(src) && src[j] == '=' {
		val, i = readAttrValue(src, skipSpace(src, j+1))
	}
	if id != attrNone && t.set&(1<<id) == 0 {
		t.set |= 1 << id
		t.attr[id] = val
	}
	return i
}

// readAttrValue reads the value that starts at i, past white space.
func readAttrValue(src string, i int) (val string, end int) {
	if i >= len(src) {
		return "", len(src)
	}
	switch c := src[i]; c {
	case '>':
		return "", i
	case '"', '\'':
		n := strings.IndexByte(src[i+1:], c)
		if n < 0 {
			return "", len(src)
		}
		return src[i+1 : i+1+n], i + n + 2
	}
	start := i
	for i < len(src) && src[i] != '>' && !isSpace(src[i]) {
		i++
	}
	return src[start:i], i
}

// rawText returns the source up to the end tag of the raw text element name,
// and moves past that tag.
func (z *tokenizer) rawText(t tag) string {
	start := z.pos
	if t == tagPlaintext {
		z.pos = len(z.src)
		return z.src[start:]
	}
	from := start
	for {
		i := indexEndTag(z.src, from, elements[t].name)
		if i < 0 {
			z.pos = len(z.src)
			return z.src[start:]
		}
		if t == tagScript {
			if j := z.afterDoubleEscape(start, from, i); j > 0 {
				from = j
				continue
			}
		}
		z.pos = i
		saved := z.tok
		z.readTag(i+2, tokenEnd)
		z.tok = saved
		return z.src[start:i]
	}
}

// afterDoubleEscape says whether the end tag at i stands in the "script data
// double escaped" state ("<!-- <script>" without "-->") and if so where to go
// on looking. Start is where the script starts, from where the last look began.
func (z *tokenizer) afterDoubleEscape(start, from, i int) int {
	if from > start {
		return 0 // one level only, as in the standard
	}
	body := z.src[start:i]
	open := strings.LastIndex(body, "<!--")
	if open < 0 || strings.Contains(body[open:], "-->") || indexFold(body[open:], "<script") < 0 {
		return 0
	}
	return i + len("</script")
}

// indexEndTag finds "</name" followed by a character that ends a tag name.
func indexEndTag(src string, from int, name string) int {
	for i := from; ; {
		j := strings.Index(src[i:], "</")
		if j < 0 {
			return -1
		}
		i += j
		end := i + 2 + len(name)
		if end < len(src) && equalFoldASCII(src[i+2:end], name) {
			if c := src[end]; c == '>' || c == '/' || isSpace(c) {
				return i
			}
		}
		i += 2
	}
}

// indexFold finds the lower-case ASCII needle in s, ignoring ASCII case.
func indexFold(s, needle string) int {
	first, upper := needle[0], needle[0]
	if isAlpha(first) {
		upper = first - 'a' + 'A'
	}
	for i := 0; i+len(needle) <= len(s); i++ {
		if (s[i] == first || s[i] == upper) && equalFoldASCII(s[i:i+len(needle)], needle) {
			return i
		}
	}
	return -1
}

// equalFoldASCII reports whether s equals the lower-case ASCII string t,
// ignoring ASCII case.
func equalFoldASCII(s, t string) bool {
	if len(s) != len(t) {
		return false
	}
	for i := 0; i < len(s); i++ {
		if lower(s[i]) != t[i] {
			return false
		}
	}
	return true
}

func isAlpha(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isAlnum(c byte) bool { return isAlpha(c) || isDigit(c) }
func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\t' || c == '\r' || c == '\f' }

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

func skipSpace(s string, i int) int {
	for i < len(s) && isSpace(s[i]) {
		i++
	}
	return i
}
