package builtin

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"strings"
	"unicode"
	"unicode/utf8"

	"foregate/domain"
	"foregate/mql/internal/check"
	"foregate/mql/internal/text"
	"foregate/mql/internal/value"
)

// strings are the functions over texts. Those that test a text against
// patterns have no Impl: the compiler builds a search for their literals.
func (t *table) strings() {
	subject := in("text", text1)
	for name, doc := range map[string]string{
		"strings.contains":    "Whether the text contains one of the parts.",
		"strings.starts_with": "Whether the text begins with one of the parts.",
		"strings.ends_with":   "Whether the text ends with one of the parts.",
		"strings.like":        "Whether a glob covers the whole text: * is any text, ? one character.",
	} {
		for _, n := range []string{name, strings.Replace(name, ".", ".i", 1)} {
			d := doc
			if n != name {
				d += " Ignores case."
			}
			t.add(&check.Func{Name: n, Doc: d, In: []check.Param{subject, in("pattern", text1)}, Variadic: true, Out: value.TBool})
		}
	}
	t.add(&check.Func{Name: "ilike", Doc: "Older name of strings.ilike.", In: []check.Param{subject, in("pattern", text1)}, Variadic: true, Out: value.TBool})
	for name, doc := range map[string]string{
		"regex.contains": "Whether one of the expressions (RE2) matches somewhere in the text.",
		"regex.match":    "Whether one of the expressions (RE2) matches the whole text.",
		"regex.count":    "How often the expressions (RE2) match in the text.",
		"regex.extract":  "The matches of the expressions (RE2) in the text.",
	} {
		for _, n := range []string{name, strings.Replace(name, ".", ".i", 1)} {
			d, out := doc, value.TBool
			if n != name {
				d += " Ignores case."
			}
			switch name {
			case "regex.count":
				out = value.TInt
			case "regex.extract":
				out = matchList(t)
			}
			t.add(&check.Func{Name: n, Doc: d, In: []check.Param{subject, literal("expression")}, Variadic: true, Out: out, Verify: verifyRegexps})
		}
	}
	t.computed(subject)
}

const text1 = 1 << value.String

// computed are the functions over texts with an Impl.
func (t *table) computed(subject check.Param) {
	other := in("other", text1)
	for _, f := range []*check.Func{
		{Name: "strings.count", Doc: "How often the part occurs in the text, without overlap.", In: []check.Param{subject, in("part", text1)}, Out: value.TInt, Impl: count(func(s string) string { return s })},
		{Name: "strings.icount", Doc: "How often the part occurs in the text, without overlap. Ignores case.", In: []check.Param{subject, in("part", text1)}, Out: value.TInt, Impl: count(text.Fold)},
		{Name: "strings.levenshtein", Doc: "The number of single-character edits between two texts.", In: []check.Param{subject, other}, Out: value.TInt, Impl: distance(func(s string) string { return s })},
		{Name: "strings.ilevenshtein", Doc: "The number of single-character edits between two texts. Ignores case.", In: []check.Param{subject, other}, Out: value.TInt, Impl: distance(text.Fold)},
		{Name: "strings.concat", Doc: "The texts joined.", In: []check.Param{subject, other}, Variadic: true, Out: value.TString, Impl: concat},
		{Name: "strings.replace_confusables", Doc: "The text with characters that imitate ASCII letters replaced by them.", In: []check.Param{subject}, Out: value.TString, Asked: true, Impl: t.replaceConfusables},
		{Name: "strings.decode_base64", Doc: "The text that the base64 text encodes; null if it is none.", In: []check.Param{subject}, Out: value.TString, Parses: true, Impl: decodeBase64},
		{Name: "strings.scan_base64", Doc: "The decoded base64 passages of a text.", In: []check.Param{subject}, Named: scanOptions(), Out: value.TStrs, Parses: true, Asked: true, Impl: scanBase64},
		{Name: "beta.scan_base64", Doc: "Older name of strings.scan_base64.", In: []check.Param{subject}, Named: scanOptions(), Out: value.TStrs, Parses: true, Asked: true, Impl: scanBase64},
		{Name: "hash.md5", Doc: "The MD5 digest of a text, in hexadecimal.", In: []check.Param{subject}, Out: value.TString, Impl: digest(func(b []byte) []byte { s := md5.Sum(b); return s[:] })},
		{Name: "hash.sha1", Doc: "The SHA-1 digest of a text, in hexadecimal.", In: []check.Param{subject}, Out: value.TString, Impl: digest(func(b []byte) []byte { s := sha1.Sum(b); return s[:] })},
		{Name: "hash.sha256", Doc: "The SHA-256 digest of a text, in hexadecimal.", In: []check.Param{subject}, Out: value.TString, Impl: digest(func(b []byte) []byte { s := sha256.Sum256(b); return s[:] })},
		{Name: "beta.ip_in", Doc: "Whether the address lies in one of the networks.", In: []check.Param{in("ip", text1), literal("network")}, Variadic: true, Out: value.TBool, Verify: verifyNetworks},
	} {
		t.add(f)
	}
}

func count(fold func(string) string) check.Impl {
	return func(_ *check.Scratch, a []value.Value) value.Value {
		part := fold(a[1].Str())
		if part == "" {
			return value.OfInt(0)
		}
		return value.OfInt(int64(strings.Count(fold(a[0].Str()), part)))
	}
}

func distance(fold func(string) string) check.Impl {
	return func(_ *check.Scratch, a []value.Value) value.Value {
		n, ok := text.Distance(fold(a[0].Str()), fold(a[1].Str()))
		if !ok {
			return value.Value{}
		}
		return value.OfInt(int64(n))
	}
}

// maxConcat bounds a joined text in bytes.
const maxConcat = 1 << 20

func concat(_ *check.Scratch, a []value.Value) value.Value {
	var b strings.Builder
	for _, x := range a {
		if b.Len()+len(x.Str()) > maxConcat {
			return value.Value{}
		}
		b.WriteString(x.Str())
	}
	return value.OfString(b.String())
}

func digest(sum func([]byte) []byte) check.Impl {
	return func(_ *check.Scratch, a []value.Value) value.Value {
		return value.OfString(hex.EncodeToString(sum([]byte(a[0].Str()))))
	}
}

// confusables maps every character that imitates ASCII text to that text, its
// letter case kept.
func confusables() map[rune]string {
	m := map[rune]string{}
	for r := rune(0x80); r < 0x20000; r++ {
		s := string(r)
		if unicode.Is(unicode.Cs, r) || !domain.LooksASCII(s) {
			continue
		}
		f := domain.Fold(s)
		if unicode.IsUpper(r) {
			f = strings.ToUpper(f)
		}
		m[r] = f
	}
	return m
}

func (t *table) replaceConfusables(_ *check.Scratch, a []value.Value) value.Value {
	s := a[0].Str()
	var out []byte
	plain, copied := map[rune]string(nil), 0
	for i := 0; i < len(s); {
		if s[i] < utf8.RuneSelf {
			i++
			continue
		}
		if plain == nil {
			plain = t.plain()
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		p, ok := plain[r]
		if !ok && (r != utf8.RuneError || size > 1) {
			i += size
			continue
		}
		if !ok { // what is no character becomes one
			p = string(utf8.RuneError)
		}
		out = append(append(out, s[copied:i]...), p...)
		i += size
		copied = i
	}
	if copied == 0 {
		return a[0]
	}
	return value.OfString(string(append(out, s[copied:]...)))
}

// ParseNetwork reads an address or a network in CIDR notation.
func ParseNetwork(s string) (netip.Prefix, error) {
	if addr, err := netip.ParseAddr(s); err == nil {
		return netip.PrefixFrom(addr, addr.BitLen()), nil
	}
	p, err := netip.ParsePrefix(s)
	return p.Masked(), err
}

func verifyNetworks(args []string) (int, string) {
	for i, a := range args {
		if _, err := ParseNetwork(a); err != nil {
			return i, "expected an address or a network such as 192.0.2.0/24"
		}
	}
	return 0, ""
}
