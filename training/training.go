// Package training holds the texts that the text classifier learns from, all
// written for this project, and expands them into examples.
//
// A folder per language (its ISO 639-1 code) holds text files of base texts:
//
//	= cred sec
//	Your {mailbox|e-mail account} is {almost full|at 98 %}
//	Sign in [URL] to get more {space|storage}.
//
// The first line names labels of labels.tsv, the second is the subject, the rest
// the body. {a|b} is one or the other (nested, at most maxNesting deep), [NAME]
// a slot of slots.txt or of the language's frame.txt, which also has the
// greetings, closings and footers that are put around texts of every label
// alike, so that nothing is learnt from them. A text labelled "raw" stays without.
package training

import (
	"embed"
	"fmt"
	"hash/fnv"
	"io/fs"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
)

//go:embed labels.tsv slots.txt */*.txt
var files embed.FS

// HardNegatives is the folder of benign messages that look like phishing.
const HardNegatives = "hard-negatives"

const (
	// maxNesting bounds {…{…}…}: nobody can read more.
	maxNesting = 4
	// dropLine is the share of body lines left out, so that no line is needed.
	dropLine = 0.12
	// seed makes every expansion the same; changing it changes the model.
	seed = 20261123
)

// Label is one thing to recognise.
type Label struct {
	Code string // as the training files write it
	Kind string // "intent", "tag" or "topic"
	Name string // as rules write it
	// Given is the code of the label that this one implies and is told apart
	// under: which kind of attack is asked only of attacks. "" is none.
	Given string
}

// Example is one text with its labels.
type Example struct {
	Base     string   // the base text it was expanded from: file:number
	Language string   // ISO 639-1
	Labels   []string // codes
	Subject  string
	Body     string
}

// Labels returns the label table in the order of its file.
func Labels() ([]Label, error) {
	data, err := files.ReadFile("labels.tsv")
	if err != nil {
		return nil, fmt.Errorf("reading labels: %w", err)
	}
	var out []Label
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		f := strings.Split(line, "\t")
		if len(f) != 4 {
			return nil, fmt.Errorf("reading labels: %q has %d fields, want code, kind, name and the label it implies", line, len(f))
		}
		out = append(out, Label{Code: f[0], Kind: f[1], Name: f[2], Given: strings.TrimPrefix(f[3], "-")})
	}
	return out, nil
}

// base is one text before expansion.
type base struct {
	id, lang string
	labels   []string
	subject  string
	lines    []string
}

// Examples expands every base text of the embedded files perBase times, in a
// fixed order and always alike.
func Examples(perBase int) ([]Example, error) { return expandAll(files, ".", perBase) }

// LookAlikes expands the benign messages of the folder HardNegatives, which are
// not among Examples: what they look like is known, whether they are held is
// to be measured.
func LookAlikes(perBase int) ([]Example, error) { return expandAll(files, HardNegatives, perBase) }

func expandAll(fsys fs.FS, dir string, perBase int) ([]Example, error) {
	names, err := fs.Glob(fsys, path.Join(dir, "*.txt"))
	if dir == "." {
		names, err = fs.Glob(fsys, "*/*.txt")
	}
	if err != nil {
		return nil, fmt.Errorf("listing training texts: %w", err)
	}
	slots, err := readSlots(fsys, "slots.txt", nil)
	if err != nil {
		return nil, err
	}
	frames := map[string]map[string][]string{}
	var out []Example
	for _, name := range names {
		lang := path.Base(path.Dir(name))
		if path.Base(name) == "frame.txt" || dir == "." && lang == HardNegatives {
			continue
		}
		if dir == HardNegatives {
			lang = strings.TrimSuffix(path.Base(name), ".txt")
		}
		if frames[lang] == nil {
			if frames[lang], err = readSlots(fsys, path.Join(lang, "frame.txt"), slots); err != nil {
				return nil, err
			}
			if dir == HardNegatives {
				// A sender that signs as a known brand or shop would be an impostor.
				frames[lang]["BRAND"], frames[lang]["STORE"] = slots["COMPANY"], slots["COMPANY"]
			}
		}
		bases, err := readBases(fsys, name, lang)
		if err != nil {
			return nil, err
		}
		for _, b := range bases {
			for i := range perBase {
				ex, err := b.expand(frames[lang], i)
				if err != nil {
					return nil, fmt.Errorf("expanding %s: %w", b.id, err)
				}
				out = append(out, ex)
			}
		}
	}
	return out, nil
}

// readSlots reads "NAME: a|b|c" lines; lines of one name add up. under holds
// what the file does not say.
func readSlots(fsys fs.FS, name string, under map[string][]string) (map[string][]string, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("reading slots: %w", err)
	}
	own := map[string][]string{}
	for _, line := range strings.Split(string(data), "\n") {
		if key, values, ok := strings.Cut(line, ":"); ok {
			options, _, ok := alternatives(strings.TrimSpace(values) + "}")
			if !ok {
				return nil, fmt.Errorf("reading slots: %s: %s has an open brace", name, key)
			}
			for _, o := range options {
				own[key] = append(own[key], strings.ReplaceAll(o, `\n`, "\n"))
			}
		}
	}
	for k, v := range under {
		if own[k] == nil {
			own[k] = v
		}
	}
	return own, nil
}

func readBases(fsys fs.FS, name, lang string) ([]base, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, fmt.Errorf("reading training texts: %w", err)
	}
	var out []base
	for i, block := range strings.Split("\n"+strings.TrimSpace(string(data)), "\n= ")[1:] {
		lines := strings.Split(strings.TrimSpace(block), "\n")
		if len(lines) < 3 {
			return nil, fmt.Errorf("reading training texts: %s: text %d has no body", name, i+1)
		}
		out = append(out, base{
			id: fmt.Sprintf("%s:%d", name, i+1), lang: lang, labels: strings.Fields(lines[0]),
			subject: lines[1], lines: lines[2:],
		})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("reading training texts: %s has none", name)
	}
	return out, nil
}

// expand makes the n-th example of a base text.
func (b base) expand(slots map[string][]string, n int) (Example, error) {
	h := fnv.New64a()
	fmt.Fprintf(h, "%s#%d", b.id, n)
	e := expander{rng: rand.New(rand.NewPCG(seed, h.Sum64())), slots: slots}
	ex := Example{Base: b.id, Language: b.lang, Subject: e.text(b.subject, 0)}
	framed := true
	for _, l := range b.labels {
		if l == "raw" {
			framed = false
		} else {
			ex.Labels = append(ex.Labels, l)
		}
	}
	var body []string
	frame := func(slot string, share float64) {
		if framed && e.rng.Float64() < share {
			body = append(body, e.text("["+slot+"]", 0))
		}
	}
	frame("GREETING", 0.7)
	for _, line := range b.lines {
		if len(b.lines) > 2 && e.rng.Float64() < dropLine {
			continue
		}
		body = append(body, e.text(line, 0))
	}
	frame("CLOSING", 0.7)
	frame("FOOTER", 0.35)
	ex.Body = strings.Join(body, "\n")
	return ex, e.err
}

// expander replaces alternatives and slots; the first fault is kept.
type expander struct {
	rng   *rand.Rand
	slots map[string][]string
	err   error
}

func (e *expander) fail(format string, args ...any) string {
	if e.err == nil {
		e.err = fmt.Errorf(format, args...)
	}
	return ""
}

func (e *expander) text(s string, depth int) string {
	if depth > maxNesting {
		return e.fail("nested deeper than %d: %q", maxNesting, s)
	}
	var out strings.Builder
	for s != "" {
		i := strings.IndexAny(s, "{[")
		if i < 0 {
			out.WriteString(s)
			break
		}
		out.WriteString(s[:i])
		if s[i] == '[' {
			name, rest, ok := strings.Cut(s[i+1:], "]")
			if values := e.slots[name]; ok && len(values) > 0 {
				out.WriteString(e.text(values[e.rng.IntN(len(values))], depth+1))
			} else if ok && slotName(name) {
				return e.fail("no slot [%s]", name)
			} else {
				rest = s[i+1:]
				out.WriteByte('[')
			}
			s = rest
			continue
		}
		options, rest, ok := alternatives(s[i+1:])
		if !ok {
			return e.fail("no end of alternatives: %q", s[i:])
		}
		out.WriteString(e.text(options[e.rng.IntN(len(options))], depth+1))
		s = rest
	}
	return out.String()
}

// slotName says whether s can only be meant as the name of a slot.
func slotName(s string) bool {
	return len(s) > 2 && strings.Trim(s, "ABCDEFGHIJKLMNOPQRSTUVWXYZ_") == ""
}

// alternatives splits "a|b{c|d}}rest" into its options and the rest.
func alternatives(s string) (options []string, rest string, ok bool) {
	depth, from := 0, 0
	for i := range len(s) {
		switch {
		case s[i] == '{':
			depth++
		case s[i] == '}' && depth > 0:
			depth--
		case s[i] == '}':
			return append(options, s[from:i]), s[i+1:], true
		case s[i] == '|' && depth == 0:
			options = append(options, s[from:i])
			from = i + 1
		}
	}
	return nil, "", false
}

// Languages returns the codes of the languages that have texts, sorted.
func Languages(examples []Example) []string {
	var out []string
	for _, e := range examples {
		if !slices.Contains(out, e.Language) {
			out = append(out, e.Language)
		}
	}
	slices.Sort(out)
	return out
}
