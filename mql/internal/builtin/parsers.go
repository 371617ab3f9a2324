package builtin

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp/syntax"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"foregate/mail"
	"foregate/mail/weburl"
	"foregate/mql/internal/check"
	"foregate/mql/internal/value"
	"foregate/mql/shape"
)

// matchList is the type of the result of regex.extract.
func matchList(t *table) *value.Type { return typeOf[[]shape.Match](t) }

// maxPattern bounds a regular expression in bytes: RE2 compiles in time and
// space proportional to it.
const maxPattern = 64 << 10

func verifyRegexps(args []string) (int, string) {
	for i, a := range args {
		if len(a) > maxPattern {
			return i, fmt.Sprintf("regular expression has %d bytes, at most %d are allowed", len(a), maxPattern)
		}
		if _, err := syntax.Parse(a, syntax.Perl); err != nil { // compiling what parses can't fail
			var se *syntax.Error
			if errors.As(err, &se) {
				return i, fmt.Sprintf("malformed regular expression (RE2): %s: %q", se.Code, se.Expr)
			}
			return i, "malformed regular expression (RE2): " + err.Error()
		}
	}
	return 0, ""
}

func (t *table) parsers() {
	subject := in("text", text1)
	page := in("page", check.Accept(value.Object, value.String), "HTMLBody", "HTML")
	x := &xpaths{answer: typeOf[XPath](t), page: typeOf[shape.HTML](t)}
	strict := in("strict", check.Accept(value.Bool))
	for _, f := range []*check.Func{
		{Name: "strings.parse_url", Doc: "The text as a URL; null if it is none. strict=true demands a scheme.", In: []check.Param{subject}, Named: []check.Param{strict}, Out: typeOf[mail.URL](t), Parses: true, Asked: true, Impl: parseURL(typeOf[mail.URL](t))},
		{Name: "strings.parse_domain", Doc: "The text as a domain name.", In: []check.Param{subject}, Out: typeOf[shape.ParsedDomain](t), Parses: true, Asked: true, Impl: parseDomain(typeOf[shape.ParsedDomain](t))},
		{Name: "strings.parse_email", Doc: "The text as a mail address; null if it is none.", In: []check.Param{subject}, Out: typeOf[mail.EmailAddress](t), Parses: true, Asked: true, Impl: parseEmail(typeOf[mail.EmailAddress](t))},
		{Name: "strings.parse_json", Doc: "The text as JSON; null if it is none.", In: []check.Param{subject}, Out: value.TAny, Parses: true, Asked: true, Impl: parseJSON},
		{Name: "strings.parse_html", Doc: "The text as a web page.", In: []check.Param{subject}, Out: x.page, Parses: true, Asked: true, Impl: x.parse},
		{Name: "html.xpath", Doc: "The nodes of a page that an XPath 1.0 expression selects.", In: []check.Param{page, literal("expression")}, Out: x.answer, Parses: true, Asked: true, Impl: x.find, Verify: verifyXPath},
	} {
		t.add(f)
	}
}

// wrap turns a Go value into a value of its declared type.
func wrap(t *value.Type, x any) value.Value {
	v, err := value.Wrap(t, x)
	if err != nil {
		return value.Value{}
	}
	return v
}

func parseURL(t *value.Type) check.Impl {
	return func(_ *check.Scratch, a []value.Value) value.Value {
		s := strings.TrimSpace(a[0].Str())
		if a[1].Kind() == value.Bool && a[1].Bool() && !strings.Contains(s, "://") {
			return value.Value{}
		}
		u, ok := weburl.Parse(s)
		if !ok {
			return value.Value{}
		}
		return wrap(t, &u)
	}
}

func parseDomain(t *value.Type) check.Impl {
	return func(_ *check.Scratch, a []value.Value) value.Value {
		d := mail.NewDomain(a[0].Str())
		p := shape.ParsedDomain{Domain: d.Domain, Punycode: d.Punycode, RootDomain: d.RootDomain, SLD: d.SLD, Subdomain: d.Subdomain, TLD: d.TLD, Valid: d.Valid}
		if !d.Valid {
			p.Error = "not a domain name under a known suffix"
		}
		return wrap(t, &p)
	}
}

// maxAddress bounds a mail address in bytes (RFC 5321 section 4.5.3.1 gives
// 64 + 1 + 255).
const maxAddress = 320

func parseEmail(t *value.Type) check.Impl {
	return func(_ *check.Scratch, a []value.Value) value.Value {
		s := strings.TrimSpace(a[0].Str())
		if i := strings.LastIndexByte(s, '<'); i >= 0 && strings.HasSuffix(s, ">") {
			s = s[i+1 : len(s)-1]
		}
		local, host, ok := cutLast(s, "@")
		if !ok || len(s) > maxAddress || local == "" || host == "" || strings.ContainsAny(host, " \t\r\n<>,;\"()") || strings.ContainsAny(local, "\r\n<>") {
			return value.Value{}
		}
		if strings.ContainsAny(local, " ,;()") && !strings.HasPrefix(local, `"`) {
			return value.Value{}
		}
		d := mail.NewDomain(host)
		return wrap(t, &mail.EmailAddress{Email: local + "@" + d.Domain, LocalPart: local, Domain: d})
	}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// maxJSON bounds a JSON text in bytes.
const maxJSON = 1 << 20

func parseJSON(_ *check.Scratch, a []value.Value) value.Value {
	s := a[0].Str()
	if len(s) > maxJSON {
		return value.Value{}
	}
	d := json.NewDecoder(strings.NewReader(s))
	d.UseNumber()
	var x any
	if err := d.Decode(&x); err != nil {
		return value.Value{}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return value.Value{}
	}
	return value.FromJSON(x)
}

func decodeBase64(_ *check.Scratch, a []value.Value) value.Value {
	b, ok := decode(strings.TrimSpace(a[0].Str()), true)
	if !ok {
		return value.Value{}
	}
	return value.OfString(strings.ToValidUTF8(string(b), "\uFFFD"))
}

// decode reads standard or URL-safe base64, padded or not.
func decode(s string, ignorePadding bool) ([]byte, bool) {
	s = strings.NewReplacer("-", "+", "_", "/", "\r", "", "\n", "").Replace(s)
	bare := strings.TrimRight(s, "=")
	if !ignorePadding && len(s)%4 != 0 {
		return nil, false
	}
	if len(bare)%4 == 1 {
		bare = bare[:len(bare)-1]
	}
	b, err := base64.RawStdEncoding.DecodeString(bare)
	return b, err == nil && len(b) > 0
}

func scanOptions() []check.Param {
	return []check.Param{in("format", text1), in("ignore_padding", check.Accept(value.Bool)), in("encodings", check.Accept(value.List))}
}

// Bounds of a base64 scan.
const (
	minBase64   = 8       // characters of a passage: shorter ones are words
	maxBase64   = 1 << 20 // decoded bytes kept per text
	maxPassages = 1000
)

// scanBase64 decodes the base64 passages of a text. format="url" takes URL-safe
// letters and %-escapes too; ignore_padding takes passages of any length;
// encodings are the character sets to try, by default ASCII, UTF-8, UTF-16.
func scanBase64(_ *check.Scratch, a []value.Value) value.Value {
	s := a[0].Str()
	url := a[1].Kind() == value.String && strings.EqualFold(a[1].Str(), "url")
	if url {
		s = strings.NewReplacer("%3D", "=", "%3d", "=", "%2B", "+", "%2b", "+", "%2F", "/", "%2f", "/").Replace(s)
	}
	loose := a[2].Kind() == value.Bool && a[2].Bool()
	encodings := a[3].Strings()
	out, total := []value.Value{}, 0
	for len(s) > 0 && len(out) < maxPassages && total < maxBase64 {
		n := 0
		for n < len(s) && base64Letter(s[n], url) {
			n++
		}
		end := n
		for end < len(s) && end < n+2 && s[end] == '=' {
			end++
		}
		if n >= minBase64 {
			if b, ok := decode(s[:end], loose); ok {
				if t, ok := decodeText(b, encodings); ok {
					total += len(t)
					out = append(out, value.OfString(t))
				}
			}
		}
		s = s[max(end, 1):]
	}
	return value.OfList(out)
}

func base64Letter(c byte, url bool) bool {
	return c|0x20 >= 'a' && c|0x20 <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/' || url && (c == '-' || c == '_')
}

// decodeText reads bytes as text in one of the encodings (all when empty).
func decodeText(b []byte, encodings []string) (string, bool) {
	allowed := func(name string) bool {
		if len(encodings) == 0 {
			return true
		}
		for _, e := range encodings {
			if strings.HasPrefix(strings.ReplaceAll(strings.ToLower(e), "-", ""), name) {
				return true
			}
		}
		return false
	}
	if allowed("utf16") && len(b)%2 == 0 && len(b) >= 4 && b[1] == 0 && b[3] == 0 {
		u := make([]uint16, len(b)/2)
		for i := range u {
			u[i] = uint16(b[2*i]) | uint16(b[2*i+1])<<8
		}
		return string(utf16.Decode(u)), true
	}
	ascii := true
	for _, c := range b {
		if c >= 0x80 || c < ' ' && c != '\t' && c != '\r' && c != '\n' {
			ascii = false
			break
		}
	}
	if ascii && (allowed("ascii") || allowed("utf8")) || !ascii && allowed("utf8") && utf8.Valid(b) {
		return string(b), true
	}
	return "", false
}
