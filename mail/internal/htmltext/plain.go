package htmltext

import (
	"strings"
	"unicode/utf8"

	"foregate/domain"
)

// PlainKind says what an address-like text is.
type PlainKind uint8

// The kinds of address-like text.
const (
	PlainURL   PlainKind = iota // with a scheme: https://…, ftp://…, mailto:…
	PlainHost                   // a host name, with or without path: www.example.com/x
	PlainEmail                  // an addr-spec: user@example.com
)

// PlainReference is one address-like text.
type PlainReference struct {
	Kind  PlainKind
	URL   string // as written; http:// is not added to host names
	Start int    // byte range in the text
	End   int
}

// Bounds of PlainReferences.
const (
	maxPlainReferences = 2000    // references listed
	maxScheme          = 12      // bytes of a scheme that is looked for
	maxWrapped         = 4 << 10 // bytes of a URL in angle brackets over several lines
	maxHost            = 253     // bytes of a host name (RFC 1035)
	maxLocal           = 64      // bytes of a local part (RFC 5321)
)

// PlainReferences lists the URLs, host names and mail addresses that stand in
// text, in order, as mail programs make links of them: with a scheme that leads
// somewhere ("hxxp://" does not), from "www.", or a name under a public suffix.
// Punctuation and brackets that belong to the sentence are left out. Work is
// linear in the length of text.
func PlainReferences(text string) []PlainReference {
	p := plainScanner{text: text}
	for i := 0; i < len(text); {
		n := delimiter(text, i)
		if n > 0 {
			i += n
			continue
		}
		i = p.word(i)
		if p.full() {
			break
		}
	}
	return p.out
}

// plainScanner finds references word by word.
type plainScanner struct {
	text string
	out  []PlainReference
}

// word reads the word that starts at a and returns where to go on.
func (p *plainScanner) word(a int) int {
	b, marked := a, false
	for ; b < len(p.text); b++ {
		k := wordByte[p.text[b]]
		if k == byteEdge && delimiter(p.text, b) > 0 {
			break
		}
		marked = marked || k == byteMark
	}
	if !marked {
		return b
	}
	for a < b && !p.full() {
		i, scheme := nextScheme(p.text[a:b])
		if i < 0 {
			p.names(a, b)
			break
		}
		p.names(a, a+i)
		a = p.url(a+i, b, scheme)
	}
	return max(a, b)
}

// What a byte is to a word: a part of it, a mark without which there is no
// address in it, or perhaps the first byte of a delimiter.
const (
	bytePart = iota
	byteMark
	byteEdge
)

var wordByte = func() (t [256]uint8) {
	for c := range t {
		switch {
		case c == '.' || c == '@' || c == ':':
			t[c] = byteMark
		case c <= ' ' || c >= 0x7F || strings.IndexByte("<>\"`", byte(c)) >= 0:
			t[c] = byteEdge
		}
	}
	return t
}()

// delimiter returns the length of the delimiter of words at i, 0 for none:
// white space, controls, quotes, angle brackets, wide punctuation.
func delimiter(s string, i int) int {
	c := s[i]
	switch {
	case c <= ' ' || c == 0x7F || c == '<' || c == '>' || c == '"' || c == '`':
		return 1
	case c < 0x80:
		return 0
	case c == 0xC2 && i+1 < len(s):
		if d := s[i+1]; d <= 0xA0 || d == 0xAB || d == 0xBB { // C1, no-break space, « »
			return 2
		}
		return 0
	case c != 0xE2 && c != 0xE3 && c != 0xEF:
		return 0
	}
	r, n := utf8.DecodeRuneInString(s[i:])
	switch {
	case r >= 0x2000 && r <= 0x200A, r >= 0x2018 && r <= 0x201F, r == 0x2028, r == 0x2029,
		r == 0x2022, r == 0x2039, r == 0x203A, r >= 0x3000 && r <= 0x3003,
		r >= 0x3008 && r <= 0x3011, r >= 0x3014 && r <= 0x301F,
		r == 0xFF01, r == 0xFF08, r == 0xFF09, r == 0xFF0C, r == 0xFF1A, r == 0xFF1B, r == 0xFF1F,
		r == 0xFFFC:
		return n
	}
	return 0
}

// nextScheme finds the first scheme that leads somewhere in a word: its index
// and name, −1 for none.
func nextScheme(w string) (int, string) {
	for from := 0; from < len(w); {
		i := strings.IndexByte(w[from:], ':')
		if i < 0 {
			return -1, ""
		}
		i += from
		start := i
		for start > from && i-start < maxScheme && isAlnum(w[start-1]) {
			start--
		}
		name := schemeOf(w[start:i])
		switch {
		case name == "":
		case name == "mailto" && i+1 < len(w):
			return start, name
		case strings.HasPrefix(w[i+1:], "//") && len(w) > i+3:
			return start, name
		}
		from = i + 1
	}
	return -1, ""
}

// schemeOf returns the known scheme that s is, "" for none. A scheme may follow
// a word without a space ("seehttps://"), where a reader sees the link begin.
func schemeOf(s string) string {
	var buf [maxScheme]byte
	for i := 0; i < len(s); i++ {
		buf[i] = lower(s[i])
	}
	switch string(buf[:len(s)]) {
	case "https":
		return "https"
	case "http":
		return "http"
	case "mailto":
		return "mailto"
	case "ftp", "ftps", "sftp", "file", "smb":
		return "ftp"
	}
	return ""
}

// url adds the URL that starts at a in a word that ends at b and returns where
// to go on.
func (p *plainScanner) url(a, b int, scheme string) int {
	end := b
	if b < len(p.text) && p.text[b] == '\n' || b+1 < len(p.text) && p.text[b] == '\r' && p.text[b+1] == '\n' {
		if u, e := p.wrapped(a, b); u != "" {
			p.add(PlainURL, u, a, e)
			return e
		}
	}
	body := a + strings.IndexByte(p.text[a:b], ':') + 1
	if scheme != "mailto" {
		body += len("//")
	}
	if body >= end || !hostStart(p.text[body:end]) {
		return max(body, a+1)
	}
	// The tail first: it may end the URL at once, and what follows must not be
	// read again for every URL of a long word.
	end = cutForeignTail(p.text, body, end)
	if i := secondURL(p.text[body:end]); i > 0 {
		end = body + i
	}
	end = trimEnd(p.text, body, end)
	if end <= body {
		return max(body, a+1)
	}
	p.add(PlainURL, p.text[a:end], a, end)
	return end
}

// hostStart reports whether the text after "//" can start with a host.
func hostStart(s string) bool {
	c := s[0]
	return isAlnum(c) || c >= 0x80 || c == '[' || c == '_' || c == '-' || c == '%' || c == '/' || c == '\\' || c == '@' || c == ':'
}

// secondURL finds where a second URL follows the first after a comma,
// semicolon, pipe or bracket without a space, −1 for nowhere.
func secondURL(s string) int {
	for from := 0; from < len(s); {
		i := strings.Index(s[from:], "://")
		if i < 0 {
			return -1
		}
		i += from
		start := i
		for start > 0 && i-start < maxScheme && isAlpha(s[start-1]) {
			start--
		}
		if start > 0 && schemeOf(s[start:i]) != "" && strings.IndexByte(",;|()[]", s[start-1]) >= 0 {
			return start
		}
		from = i + len("://")
	}
	return -1
}

// wrapped reads a URL in angle brackets that goes on over line ends (RFC 3986
// appendix C). It returns "" when it is none.
func (p *plainScanner) wrapped(a, b int) (url string, end int) {
	if a == 0 || p.text[a-1] != '<' {
		return "", 0
	}
	limit := min(len(p.text), a+maxWrapped)
	for i := b; i < limit; i++ {
		switch c := p.text[i]; {
		case c == '>':
			return cleanURL(p.text[a:i]), i
		case c == '\n' || c == '\r':
		case c <= ' ' || c == '<' || c == '"':
			return "", 0
		}
	}
	return "", 0
}

// cutForeignTail ends a URL whose ASCII host runs on into text of another
// script without a space, as in Chinese and Japanese: the name before it must
// be a valid host and the name with it must not.
func cutForeignTail(s string, body, end int) int {
	i := body
	for i < end && i-body <= maxHost && (isAlnum(s[i]) || s[i] == '.' || s[i] == '-') {
		i++
	}
	if i == end || s[i] < 0x80 || i == body {
		return end
	}
	j := i
	for j < end && j-body <= maxHost && s[j] != '/' && s[j] != '?' && s[j] != '#' && s[j] != ':' {
		j++
	}
	if validHost(s[body:i]) && !validHost(s[body:j]) {
		return i
	}
	return end
}

// trimEnd leaves out what follows a URL as punctuation: sentence marks, quotes,
// and closing brackets that the URL did not open.
func trimEnd(s string, a, b int) int {
	var open [3]int // ( [ {
	for i := a; i < b; i++ {
		switch s[i] {
		case '(':
			open[0]++
		case ')':
			open[0]--
		case '[':
			open[1]++
		case ']':
			open[1]--
		case '{':
			open[2]++
		case '}':
			open[2]--
		}
	}
	for b > a {
		k := strings.IndexByte(")]}", s[b-1])
		switch {
		case k >= 0 && open[k] < 0:
			open[k]++
		case k < 0 && strings.IndexByte(".,;:!?'*_~|\\([{^", s[b-1]) >= 0:
			if o := strings.IndexByte("([{", s[b-1]); o >= 0 {
				open[o]--
			}
		case strings.HasSuffix(s[a:b], "…"), strings.HasSuffix(s[a:b], "。"):
			b -= len("…") - 1
		default:
			return b
		}
		b--
	}
	return b
}

// nameByte holds the bytes of mail addresses and host names.
var nameByte = func() (t [256]bool) {
	for c := range t {
		t[c] = isAlnum(byte(c)) || c >= 0x80 || strings.IndexByte("-._@+%", byte(c)) >= 0
	}
	return t
}()

// names adds the host names and mail addresses of s[a:b].
func (p *plainScanner) names(a, b int) {
	for a < b && !p.full() {
		for a < b && (!nameByte[p.text[a]] || p.text[a] == '@') {
			a++
		}
		e, dots, ats := a, 0, 0
		for e < b && nameByte[p.text[e]] {
			switch p.text[e] {
			case '.':
				dots++
			case '@':
				ats++
			}
			e++
		}
		switch {
		case dots == 0:
			a = e
		case ats > 0:
			a = p.address(a, e)
		default:
			a = p.host(a, e, b)
		}
		a = max(a, e)
	}
}

// address adds the mail address s[a:e].
func (p *plainScanner) address(a, e int) int {
	at := a + strings.LastIndexByte(p.text[a:e], '@')
	local := strings.TrimLeft(p.text[a:at], ".-_%+@")
	host := strings.TrimRight(p.text[at+1:e], ".-_%+")
	start, end := at-len(local), at+1+len(host)
	if i := strings.LastIndexByte(local, '@'); i >= 0 || local == "" || len(local) > maxLocal || !validHost(host) {
		return e
	}
	p.add(PlainEmail, p.text[start:end], start, end)
	return e
}

// host adds the host name s[a:e] and what follows it up to b: port, path,
// query.
func (p *plainScanner) host(a, e, b int) int {
	for a < e && strings.IndexByte(".-_%+", p.text[a]) >= 0 {
		a++
	}
	end := e
	for end > a && strings.IndexByte(".-_%+", p.text[end-1]) >= 0 {
		end--
	}
	name := p.text[a:end]
	if i := strings.Index(name, ".."); i >= 0 || a == end {
		return e
	}
	more := false
	if end == e && e < b {
		switch c := p.text[e]; {
		case c == '/', c == '?', c == '#':
			more = true
		case c == ':' && e+1 < b && isDigit(p.text[e+1]):
			more = true
		}
	}
	if a > 0 && strings.IndexByte("/\\@", p.text[a-1]) >= 0 || !p.hostLike(name, more) {
		return e
	}
	if more {
		end = trimEnd(p.text, end, b)
		e = b
	}
	p.add(PlainHost, p.text[a:end], a, end)
	return e
}

// hostLike reports whether a mail program would make a link of a bare name.
func (p *plainScanner) hostLike(name string, more bool) bool {
	if len(name) > maxHost || len(name) < len("a.bc") {
		return false
	}
	if foldPrefix(name, "www.") {
		last := name[strings.LastIndexByte(name, '.')+1:]
		return strings.Count(name, ".") >= 2 && len(last) >= 2 && !isDigit(last[0])
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if isDigit(last[0]) {
		return false
	}
	if last[0] >= 'A' && last[0] <= 'Z' && len(last) > 1 && last[1] >= 'a' && last[1] <= 'z' {
		return false // "Thanks.In": a sentence without its space
	}
	if !more && strings.Count(name, ".") == 1 && fileLike(last) {
		return false
	}
	return validHost(name)
}

// fileLike reports suffixes of file names that are also top-level domains.
func fileLike(ext string) bool {
	switch strings.ToLower(ext) {
	case "zip", "mov", "md", "py", "rs", "sh", "ps", "pl", "app", "so", "java", "cab":
		return true
	}
	return false
}

// validHost reports whether s is a name under a public suffix.
func validHost(s string) bool {
	if s == "" || len(s) > maxHost || strings.IndexByte(s, '.') < 0 {
		return false
	}
	return domain.Split(s).Valid
}

// full reports that the bound of references is met.
func (p *plainScanner) full() bool { return len(p.out) >= maxPlainReferences }

func (p *plainScanner) add(kind PlainKind, url string, start, end int) {
	if p.full() {
		return
	}
	if len(url) > maxURL {
		url = url[:maxURL]
	}
	p.out = append(p.out, PlainReference{Kind: kind, URL: url, Start: start, End: end})
}
