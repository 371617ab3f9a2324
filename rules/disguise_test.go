package rules_test

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"unicode"

	"foregate/mail"
	"foregate/mql"
	"foregate/rules/sample"
)

// disguises are what costs a sender nothing and a reader does not see.
var disguises = map[string]func(word string) string{
	"two blanks":         func(w string) string { return w + " " },
	"a no-break space":   func(w string) string { return w + "\u00a0" },
	"a line's end":       func(w string) string { return w + "\r\n" },
	"a zero-width space": func(w string) string { return within(w, "\u200b") },
	"a soft hyphen":      func(w string) string { return within(w, "\u00ad") },
	"Cyrillic letters": func(w string) string {
		if !ascii(w) || len(w) < 4 {
			return w
		}
		return w[:1] + strings.NewReplacer("a", "\u0430", "e", "\u0435", "o", "\u043e").Replace(w[1:])
	},
}

// seenOtherwise are the rules that compare the text with another one, byte for byte.
var seenOtherwise = map[string]string{
	"bec-quoted-approval.yml":          "the quoted message is told by its first words",
	"thread-participants-mismatch.yml": "the quoted senders are compared with the fields",
}

func within(w, sign string) string {
	if len(w) < 4 || !ascii(w) {
		return w
	}
	return w[:2] + sign + w[2:]
}

func ascii(w string) bool {
	return !strings.ContainsFunc(w, func(r rune) bool { return r > 0x7f })
}

// TestDisguisedText holds that a rule that fires on a text also fires when its words
// are disguised. Addresses and links stay, as a reader must be able to use them.
func TestDisguisedText(t *testing.T) {
	set, known, org := load(t), lists(t), sample.Org()
	plain := regexp.MustCompile(`(?i)\nContent-Transfer-Encoding: (8bit|7bit)\r?\n`)
	for how, disguise := range disguises {
		looked := 0
		for _, r := range set.Rules {
			files, err := filepath.Glob(filepath.Join("testdata", stem(r), "hit-*.eml"))
			if err != nil {
				t.Fatal(err)
			}
			for _, file := range files {
				raw, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				head, body, _ := bytes.Cut(bytes.ReplaceAll(raw, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
				if bytes.Contains(head, []byte("multipart/")) || bytes.Contains(head, []byte("text/html")) || !plain.Match(append(head, '\n')) || seenOtherwise[r.File] != "" {
					continue
				}
				looked++
				raw = append(append(head, "\n\n"...), disguised(string(body), disguise)...)
				env, raw, err := sample.Read(raw)
				if err != nil {
					t.Fatal(err)
				}
				if !hits(t, set, known, judge(t, env, raw, org.Domains), r) {
					t.Errorf("%s with %s: the rule does not fire", file, how)
				}
			}
		}
		if looked < minRules {
			t.Errorf("%s: looked at %d messages", how, looked)
		}
	}
}

// disguised changes the words of a text that have letters alone and another such
// word behind them.
func disguised(text string, disguise func(string) string) string {
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		words := strings.Split(line, " ")
		for k := range len(words) - 1 {
			if onlyLetters(words[k]) && onlyLetters(words[k+1]) {
				words[k] = disguise(words[k])
			}
		}
		lines[i] = strings.Join(words, " ")
	}
	return strings.Join(lines, "\n")
}

func onlyLetters(w string) bool {
	return w != "" && !strings.ContainsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) })
}

func hits(t *testing.T, set *mql.RuleSet, known *mql.Lists, m *mail.Message, r *mql.Rule) bool {
	t.Helper()
	res, err := set.Eval(t.Context(), m, nil, known)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range res.Outcomes {
		if o.Rule == r && o.State == mql.True {
			return true
		}
	}
	return false
}
