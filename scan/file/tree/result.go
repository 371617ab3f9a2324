package tree

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what one parser says of one file.
const (
	maxQuote    = 300     // characters of a quote: what fits a line of a report
	maxURLs     = 1000    // links kept of one file
	maxText     = 1 << 20 // bytes of text kept of one file
	maxFindings = 100     // findings kept of one file; more say nothing new
)

// Find adds a finding once. The quote is cut to what fits a line; in the claim
// every argument should be formatted with %q, since it may be hostile.
func (r *Result) Find(id, quote, claim string, args ...any) {
	quote = Short(quote)
	for _, f := range r.Findings {
		if f.ID == id && f.Quote == quote {
			return
		}
	}
	if len(r.Findings) < maxFindings {
		r.Findings = append(r.Findings, Finding{ID: id, Claim: fmt.Sprintf(claim, args...), Quote: quote})
	}
}

// Add charges the budget for a file that was taken out of from packed bytes and
// adds it. Over the budget the child is added without its content and the
// error is returned: the parser stops.
func (r *Result) Add(b *Budget, c Child, from int64) error {
	err := b.Entry()
	if err == nil && c.Data != nil {
		err = b.Take(int64(len(c.Data)), from)
	}
	if err != nil {
		c.Data, c.Problem = nil, err.Error()
	}
	r.Children = append(r.Children, c)
	return err
}

// Link adds a link once, within bounds.
func (r *Result) Link(url string) {
	url = strings.TrimSpace(url)
	if url == "" || len(r.URLs) >= maxURLs {
		return
	}
	for _, u := range r.URLs {
		if u == url {
			return
		}
	}
	r.URLs = append(r.URLs, url)
}

// Say adds readable text, within bounds.
func (r *Result) Say(text string) {
	if text == "" || len(r.Text) >= maxText {
		return
	}
	if r.Text != "" && !strings.HasSuffix(r.Text, "\n") {
		r.Text += "\n"
	}
	r.Text += strings.ToValidUTF8(text[:min(len(text), maxText-len(r.Text))], "")
}

// Fact sets what rules see of one scanner.
func (r *Result) Fact(key string, v any) {
	if r.Facts == nil {
		r.Facts = map[string]any{}
	}
	r.Facts[key] = v
}

// Short makes text fit to be quoted: valid, on one line, cut.
func Short(s string) string {
	s = s[:min(len(s), 8*maxQuote)]
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, ""))
	s = strings.Join(strings.Fields(s), " ")
	n := 0
	for i := range s {
		if n == maxQuote {
			return s[:i] + "…"
		}
		n++
	}
	return s
}

// Base is the last element of a path of either kind, as Windows and Unix write
// them.
func Base(path string) string {
	return path[strings.LastIndexAny(path, `/\`)+1:]
}
