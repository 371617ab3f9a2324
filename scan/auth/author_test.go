package auth

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"io"
	"os"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/scan/auth/internal/authtest"
)

func TestAuthor(t *testing.T) {
	tests := []struct {
		name, raw string
		domains   []string
		why       string // "" for an author that is clear
	}{
		{"plain", "From: a@example.com\r\n\r\n", []string{"example.com"}, ""},
		{"name", "From: \"Doe, Jane\" <a@Example.COM.>\r\n\r\n", []string{"example.com"}, ""},
		{"unquoted comma", "From: Foo, Inc. <a@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"address as name", "From: ceo@bank.example <a@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"quoted address as name", "From: \"ceo@bank.example\" <a@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"encoded name", "From: =?utf-8?q?a=40bank.example?= <a@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"folded", "From: Jane\r\n <a@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"comment", "From: a@(b@bank.example)example.com (c@bank.example)\r\n\r\n", []string{"example.com"}, ""},
		{"quoted local part", "From: <\"a@bank.example\"@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"escapes", "From: \"a\\\"<x@bank.example>\" <a@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"route", "From: <@relay.example:a@example.com>\r\n\r\n", []string{"example.com"}, ""},
		{"group", "From: Team: a@example.com, b@example.com;\r\n\r\n", []string{"example.com"}, ""},
		{"empty group", "From: Undisclosed:;\r\n\r\n", nil, ""},
		{"group of two", "From: Team: a@example.com, b@bank.example;\r\n\r\n", []string{"example.com", "bank.example"}, "From names 2 domains"},
		{"one domain twice", "From: a@example.com, b@EXAMPLE.com\r\n\r\n", []string{"example.com"}, ""},
		{"U-label", "From: a@bücher.example\r\n\r\n", []string{"xn--bcher-kva.example"}, ""},
		{"one domain in two forms", "From: a@bücher.example, b@xn--bcher-kva.example\r\n\r\n", []string{"xn--bcher-kva.example"}, ""},
		{"no address", "From: Mailer\r\n\r\n", nil, ""},
		{"empty", "From:\r\n\r\n", nil, ""},
		{"absent", "To: a@example.com\r\n\r\n", nil, ""},
		{"literal", "From: a@[192.0.2.1]\r\n\r\n", nil, ""},
		{"null address", "From: Daemon <>\r\n\r\n", nil, ""},
		{"in the body", "To: x@example.com\r\n\r\nFrom: a@example.com\r\n", nil, ""},
		{"two addresses", "From: a@example.com, b@bank.example\r\n\r\n", []string{"example.com", "bank.example"}, "From names 2 domains"},
		{"two fields", "From: a@example.com\r\nFrom: b@bank.example\r\n\r\n", []string{"example.com", "bank.example"}, "2 From fields"},
		{"two fields, one domain", "From: a@example.com\r\nfrom: b@example.com\r\n\r\n", []string{"example.com"}, "2 From fields"},
		{"blank before the colon", "From : a@example.com\r\nFrom: b@bank.example\r\n\r\n", []string{"example.com", "bank.example"}, "2 From fields"},
		{"NUL in the name", "Fr\x00om: a@example.com\r\nFrom: b@bank.example\r\n\r\n", []string{"example.com", "bank.example"}, "2 From fields"},
		{"behind a lone CR", "Subject: x\rFrom: a@bank.example\r\nFrom: b@example.com\r\n\r\n", []string{"bank.example", "example.com"}, "2 From fields"},
		{"behind a lone LF", "Subject: x\nFrom: a@bank.example\r\nFrom: b@example.com\r\n\r\n", []string{"bank.example", "example.com"}, "2 From fields"},
		{"behind an empty line of lone CRs", "X: y\r\r\nFrom: a@bank.example\r\n\r\n", []string{"bank.example"}, ""},
		{"two brackets", "From: <a@example.com> <b@bank.example>\r\n\r\n", []string{"example.com", "bank.example"}, "From has 2 addresses without a comma between"},
		{"address behind", "From: <a@example.com> b@bank.example\r\n\r\n", []string{"bank.example", "example.com"}, "From names 2 domains"},
		{"empty brackets", "From: a@bank.example <>\r\n\r\n", []string{"bank.example"}, "From has an address outside its empty angle brackets"},
		{"two at signs", "From: a@bank.example@example.com\r\n\r\n", []string{"example.com"}, "From has an address with several at signs"},
		{"NUL in the value", "From: a@example.com\x00.bank.example\r\n\r\n", nil, "From has a NUL byte"},
		{"space in the domain", "From: a@example.com bank.example\r\n\r\n", nil, `From has an invalid domain, "example.com bank.example"`},
		{"unclosed quote", "From: \"a <a@example.com>\r\n\r\n", nil, "From has an unclosed quote, comment or angle bracket"},
		{"unclosed bracket", "From: a <a@example.com\r\n\r\n", []string{"example.com"}, "From has an unclosed quote, comment or angle bracket"},
		{"encoded address", "From: =?utf-8?q?a=40bank.example?=\r\n\r\n", nil, "From has an address in an encoded word"},
		{"full-width at sign", "From: <a@example.com＠bank.example>\r\n\r\n", nil, `From has an invalid domain, "example.com＠bank.example"`},
		{"invalid UTF-8 in the domain", "From: a@b\xff.example\r\n\r\n", nil, `From has an invalid domain, "b\xff.example"`},
		{"first line of an mbox", "From a@bank.example Mon Nov 23 07:54:05 2026\r\nFrom: a@example.com\r\n\r\n", []string{"example.com"}, ""},
		{"other fields", "X-From: a@bank.example\r\nResent-From: b@bank.example\r\nFrom: c@example.com\r\n\r\n", []string{"example.com"}, ""},
		{"continuation that looks like a field", "Subject: x\r\n From: a@bank.example\r\nFrom: b@example.com\r\n\r\n", []string{"example.com"}, ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			a, d := author([]byte(test.raw))
			if diff := cmp.Diff(test.domains, a.Domains); diff != "" {
				t.Errorf("domains (-want +got)\n%s", diff)
			}
			if d.why != test.why || a.Ambiguous != (test.why != "") {
				t.Errorf("doubt %q, ambiguous %v, want %q", d.why, a.Ambiguous, test.why)
			}
		})
	}
	many := "From: " + strings.Repeat("a@example.com,", 10_000) + "\r\n\r\n"
	if _, d := author([]byte(many)); d.why != "From names more than 50 addresses" || !d.multiple {
		t.Errorf("10,000 addresses: %q", d.why)
	}
}

// TestLargeHeader feeds headers as long as the gate takes that invite quadratic work,
// and a quarter of them: four times the time is right, sixteen times is not.
func TestLargeHeader(t *testing.T) {
	for _, piece := range []string{"=?u?q?", "(", "\"", "<", "a@", ",", "\\", "\r\n ", "\r", "From: a@b.example\r\n", "x;", "=", " "} {
		for _, name := range []string{"From: ", "Authentication-Results: "} {
			look := func(size int) time.Duration {
				raw := []byte(name + strings.Repeat(piece, size/len(piece)) + "?=\r\n\r\n")
				return authtest.CPUTime(t, func() {
					author(raw)
					ForeignSpans(raw, "mx.example.org")
					parseResults(string(raw))
				})
			}
			if part, all := look(64<<10), look(256<<10); all > 20*time.Millisecond && all > 8*part {
				t.Errorf("%s%q…: %v, a quarter of it %v", name, piece, all, part)
			}
		}
	}
}

// devMail is the labelled mail, relative to this folder.
const devMail = "../../../shared/data/mail/dev.tar.gz"

// TestDevMail reads the authors of real mail: none of the wanted messages may
// be called ambiguous, and some of the phishing must be.
func TestDevMail(t *testing.T) {
	f, err := os.Open(devMail)
	if errors.Is(err, os.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("the labelled mail is absent: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	seen, doubts := map[string]int{}, map[string]int{}
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if path.Ext(h.Name) != ".eml" {
			continue
		}
		raw, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		label := ""
		for _, l := range []string{"ham", "phish", "spam"} {
			if strings.Contains(h.Name, l+"/") {
				label = l
				break
			}
		}
		seen[label]++
		if _, d := author(raw); d.why != "" {
			doubts[label]++
			if label == "ham" {
				t.Errorf("%s: %s", h.Name, d.why)
			}
		}
	}
	if seen["ham"] < 6000 || seen["phish"] < 2900 || doubts["phish"] < 50 {
		t.Errorf("read %v, in doubt %v", seen, doubts)
	}
	t.Logf("read %v, in doubt %v", seen, doubts)
}

func FuzzAuthor(f *testing.F) {
	for _, s := range []string{
		"From: a@example.com\r\n\r\n", "From: \"x\\\" <y@z.example>\" (a(b)c) <a@b.example>\n\n",
		"From: g: <@a:b@c.example>, d@[1.2.3.4];\r\nFrom : x\r\r\n\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		a, d := author(raw)
		if a.Ambiguous != (d.why != "") {
			t.Fatalf("ambiguous %v, but %q", a.Ambiguous, d.why)
		}
		if len(a.Domains) > 1 && !a.Ambiguous {
			t.Fatalf("several domains and no doubt: %q", a.Domains)
		}
		end := 0
		for field := range fields(raw) {
			if field.start < end || field.value <= field.start || field.end < field.value || field.end > len(raw) {
				t.Fatalf("field %+v behind %d in %d bytes", field, end, len(raw))
			}
			end = field.end
		}
	})
}
