package domain

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// decodeIDN converts a lower-case host with non-ASCII letters or A-labels to
// its ASCII and Unicode forms (UTS #46, non-transitional: ß and ς stay
// themselves, as in today's browsers). Full-width letters and ideographic full
// stops are mapped to their plain forms. ok is false for malformed punycode,
// disallowed characters and mixed directions (RFC 5893); then the host is no
// name that would resolve.
func decodeIDN(h string) (ascii, uni string, ok bool) {
	ascii, err := lookup.ToASCII(h)
	if err != nil || ascii == "" {
		return "", "", false
	}
	ascii = strings.TrimSuffix(ascii, ".")
	for i := 0; i < len(ascii); i++ {
		c := ascii[i]
		if !('a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return "", "", false // an ASCII delimiter came out of a compatibility mapping
		}
	}
	if !validLabels(ascii) {
		return "", "", false
	}
	uni, err = lookup.ToUnicode(ascii)
	if err != nil {
		return "", "", false
	}
	return ascii, uni, true
}

// lookup is browsers' processing: look-up mapping, no check of hyphens and of
// the letter-digit-hyphen rule, since names that break these resolve. It is
// never written to.
var lookup = idna.New(
	idna.MapForLookup(),
	idna.Transitional(false),
	idna.BidiRule(),
	idna.CheckHyphens(false),
	idna.CheckJoiners(true),
	idna.StrictDomainName(false),
)

// Scripts lists the scripts of a string's letters in ascending order, without
// Common and Inherited (digits, hyphens, combining marks). Names are those of
// package unicode: "Latin", "Cyrillic", "Han".
func Scripts(s string) []string {
	var out []string
	for _, r := range s {
		if name := scriptOf(r); name != "" && !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

// MixedScript says whether a label of the name mixes scripts that no writing
// system mixes (UTS #39 section 5.1, "resolved script set is empty"). Japanese
// (Han with Hiragana and Katakana), Korean (Han with Hangul) and Han with
// Bopomofo count as one script each. Labels are judged one by one, in Unicode
// form: ASCII subdomains of a Cyrillic name mix nothing.
func MixedScript(name string) bool {
	if isASCII(name) && !strings.Contains(name, "xn--") {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if strings.HasPrefix(label, "xn--") {
			if u, err := lookup.ToUnicode(label); err == nil {
				label = u
			}
		}
		if isASCII(label) {
			continue
		}
		if s := Scripts(label); len(s) > 1 && !writtenTogether(s) {
			return true
		}
	}
	return false
}

// writtenTogether says whether one writing system uses all these scripts
// (UTS #39 table 1: Hanb, Jpan, Kore).
func writtenTogether(scripts []string) bool {
	for _, system := range [...][]string{
		{"Han", "Hiragana", "Katakana"},
		{"Han", "Hangul"},
		{"Han", "Bopomofo"},
	} {
		in := true
		for _, s := range scripts {
			in = in && slices.Contains(system, s)
		}
		if in {
			return true
		}
	}
	return false
}

// scriptOf gives the script of a letter, "" for Common, Inherited and unknown.
func scriptOf(r rune) string {
	if r < utf8.RuneSelf {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' {
			return "Latin"
		}
		return ""
	}
	// The scripts that names are mostly made of come first: the full table
	// has 170 entries.
	for _, s := range [...]string{"Latin", "Cyrillic", "Greek", "Han", "Common", "Inherited", "Arabic", "Hangul", "Hiragana", "Katakana", "Armenian"} {
		if unicode.Is(unicode.Scripts[s], r) {
			if s == "Common" || s == "Inherited" {
				return ""
			}
			return s
		}
	}
	for s, table := range unicode.Scripts {
		if unicode.Is(table, r) {
			return s
		}
	}
	return ""
}

func isASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
