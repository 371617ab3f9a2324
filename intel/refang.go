package intel

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"

	"foregate/domain"
)

// Refang undoes the spellings that keep indicators from being clicked:
// "hxxp", "[.]", "(.)", "{.}", "[dot]", "(dot)", "[:]", "[://]", "[@]", "[at]",
// "(at)" and a backslash before a dot. It changes nothing else.
func Refang(s string) string {
	if strings.ContainsAny(s, "[({\\])}") || strings.Contains(s, " dot ") {
		// Brackets may nest; what four rounds leave is no spelling of anybody.
		for range 4 {
			once := defanged.Replace(s)
			if once == s {
				break
			}
			s = once
		}
	}
	if strings.HasPrefix(s, "http") { // as it should be
		return s
	}
	for _, p := range [...]struct{ from, to string }{
		{"hxxps:", "https:"}, {"hxxp:", "http:"}, {"hXXps:", "https:"}, {"hXXp:", "http:"}, {"HXXPS:", "https:"}, {"HXXP:", "http:"},
		{"fxp:", "ftp:"}, {"meow:", "http:"}, {"h**p:", "http:"}, {"h**ps:", "https:"},
	} {
		if strings.HasPrefix(s, p.from) {
			return p.to + s[len(p.from):]
		}
	}
	return s
}

// defanged maps spellings to what they stand for; it is never changed.
var defanged = strings.NewReplacer(
	"[.]", ".", "(.)", ".", "{.}", ".", "[.", ".", ".]", ".", "[dot]", ".", "(dot)", ".", "[DOT]", ".", "(DOT)", ".", " dot ", ".", "\\.", ".",
	"[://]", "://", "[:]//", "://", "[:]", ":", "[/]", "/", "[@]", "@", "(@)", "@", "[at]", "@", "(at)", "@", "[AT]", "@",
)

// candidate finds words that may be indicators: runs without white space and
// quotes. What they are is decided by looking at each.
var candidate = regexp.MustCompile(`[^\s"'<>` + "`" + `|,;]+`)

// maxExtract bounds how many indicators one text gives: more is a list, not a
// report, and lists have their own readers.
const maxExtract = 100_000

// Extract finds the indicators of a report: URLs, domain names, addresses,
// networks, e-mail addresses and hashes, defanged or not, each once, in order.
// Bare names count only when they are defanged or end in a listed public suffix
// and are no file name ("report.pdf", "setup.exe").
func Extract(text string) []Node {
	var out []Node
	seen := map[Node]bool{}
	for _, w := range candidate.FindAllString(text, -1) {
		n, ok := indicatorOf(w)
		if !ok || seen[n] {
			continue
		}
		seen[n] = true
		if out = append(out, n); len(out) == maxExtract {
			break
		}
	}
	return out
}

// indicatorOf decides what a word is.
func indicatorOf(word string) (Node, bool) {
	plain := Refang(strings.Trim(word, "()[]{}.,;:!?*\u2026\u201c\u201d\u2018\u2019"))
	plain = strings.TrimRight(plain, ".,;:!?)]}")
	wasDefanged := plain != strings.TrimRight(strings.Trim(word, "()[]{}.,;:!?*"), ".,;:!?)]}")
	if len(plain) < 4 || len(plain) > MaxValue {
		return Node{}, false
	}
	if k := HashKind(plain); k != "" {
		return Node{k, strings.ToLower(plain)}, true
	}
	if i := strings.Index(plain, "://"); i > 0 {
		scheme := strings.ToLower(plain[:i])
		if !slices.Contains([]string{"http", "https", "ftp"}, scheme) {
			return Node{}, false
		}
		n, err := Clean(URL, plain)
		return n, err == nil
	}
	if _, err := netip.ParsePrefix(plain); err == nil {
		n, err := Clean(IPv4, plain)
		return n, err == nil
	}
	if a, err := netip.ParseAddr(plain); err == nil && (a.Is4() || strings.Count(plain, ":") > 1) {
		return ipNode(a), true
	}
	if strings.Contains(plain, "@") {
		n, err := Clean(Email, plain)
		return n, err == nil && domain.Split(n.Value[strings.LastIndexByte(n.Value, '@')+1:]).Valid
	}
	return nameOrPath(plain, wasDefanged)
}

// nameOrPath takes "host/path" without a scheme as a URL, and bare names.
func nameOrPath(plain string, defanged bool) (Node, bool) {
	host, _, path := strings.Cut(plain, "/")
	if !strings.Contains(host, ".") {
		return Node{}, false
	}
	n := domain.Split(host)
	if !n.Valid || n.RootDomain == "" || !defanged && looksLikeFile(n.Domain) {
		return Node{}, false
	}
	if path {
		u, err := Clean(URL, plain)
		return u, err == nil
	}
	return Node{Domain, n.Domain}, true
}

// looksLikeFile says whether a bare name rather is a file's: public suffixes
// and file extensions overlap ("zip", "py", "sh", "md", "so", "pl").
func looksLikeFile(name string) bool {
	ext := name[strings.LastIndexByte(name, '.')+1:]
	return slices.Contains([]string{"zip", "py", "sh", "md", "so", "pl", "rs", "ps", "app", "mov", "bat", "doc", "js", "vb", "cab", "cc", "pub", "properties", "services"}, ext)
}
