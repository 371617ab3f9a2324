package dkim

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"foregate/mail"
	"foregate/scan/auth/internal/canon"
)

// suiteResult is the expectation of one case, in the words of the project that
// wrote the suite.
type suiteResult struct {
	Found, Valid int
	Results      []struct {
		Error, SignatureHeader, Domain, Selector, B, State string
	}
}

func fixedNow() time.Time { return time.Unix(1710000000, 0) }

func TestSuite(t *testing.T) {
	paths := suiteFiles(t, "*.msg")
	const cases = 11
	if len(paths) != cases {
		t.Errorf("%d cases in the suite, want %d", len(paths), cases)
	}
	for _, path := range paths {
		base := strings.TrimSuffix(path, ".msg")
		t.Run(base[strings.LastIndexByte(base, '/')+1:], func(t *testing.T) {
			raw, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			got := Verify(t.Context(), readZone(t, base+".dns"), raw, Options{Now: fixedNow})
			// The suite's files end lines with LF; over the wire it is CRLF.
			wire := strings.ReplaceAll(string(raw), "\n", "\r\n")
			again := Verify(t.Context(), readZone(t, base+".dns"), []byte(wire), Options{Now: fixedNow})
			for name, results := range map[string][]mail.DKIM{"local form": got, "wire form": again} {
				t.Run(name, func(t *testing.T) { compare(t, base, raw, results) })
			}
		})
	}
}

// compare tests the facts of a .result file; without one the message is no
// message and has no signatures.
func compare(t *testing.T, base string, raw []byte, got []mail.DKIM) {
	text, err := os.ReadFile(base + ".result")
	if os.IsNotExist(err) {
		if len(got) != 0 {
			t.Errorf("%d results for a message without a header", len(got))
		}
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	var want suiteResult
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if len(got) != want.Found {
		t.Fatalf("%d signatures examined, want %d", len(got), want.Found)
	}
	fields := signatureValues(raw)
	valid := 0
	for i, w := range want.Results {
		g := got[i]
		if g.Result == mail.ResultPass {
			valid++
		}
		if state(g.Result) != w.State {
			t.Errorf("signature %d: %s (%s), want %s (%s)", i, g.Result, g.Reason, w.State, w.Error)
		}
		// The suite leaves the names of an unreadable signature empty; a
		// domain that is named all the same helps whoever reads the result.
		if w.Domain != "" && (g.Domain != w.Domain || g.Selector != w.Selector) {
			t.Errorf("signature %d is by %s/%s, want %s/%s", i, g.Domain, g.Selector, w.Domain, w.Selector)
		}
		tags, err := canon.ParseTags(fields[i])
		if err != nil {
			t.Fatal(err)
		}
		identity, ok := tags.Get("i")
		if !ok {
			identity = "@" + w.Domain
		}
		if g.Identity != identity {
			t.Errorf("signature %d: identity %q, want %q", i, g.Identity, identity)
		}
		if want := strings.ReplaceAll(w.SignatureHeader, "\r\n", "\n"); fields[i] != want {
			t.Errorf("signature %d is another field: %q, want %q", i, fields[i], want)
		}
		checkErrorClass(t, i, w.Error, g)
	}
	if valid != want.Valid {
		t.Errorf("%d signatures pass, want %d", valid, want.Valid)
	}
}

func signatureValues(raw []byte) []string {
	var out []string
	for _, f := range canon.Split(raw).Fields {
		if f.Name == "dkim-signature" {
			out = append(out, f.Value())
		}
	}
	return out
}

// state is a result in the suite's words.
func state(r mail.Result) string {
	switch r {
	case mail.ResultPass:
		return "SUCCESS"
	case mail.ResultTempError:
		return "TEMPFAIL"
	}
	return "PERMFAIL"
}

// checkErrorClass compares the kind of trouble.
func checkErrorClass(t *testing.T, i int, suite string, g mail.DKIM) {
	t.Helper()
	reasons := map[string]string{
		"":                                       "",
		"invalid version":                        "signature of another version than 1",
		"lookup : temporary error (for testing)": "key could not be fetched: DNS could not be asked",
		"lookup : permanent error (for testing)": "no key at brisbane._domainkey.football.example.com",
		"verification failed":                    "the key forbids i= below its domain",
	}
	want, ok := reasons[suite]
	if !ok {
		t.Fatalf("signature %d: unknown error of the suite %q", i, suite)
	}
	if suite != "" && g.Reason != want {
		t.Errorf("signature %d: reason %q, want %q", i, g.Reason, want)
	}
	if suite == "" && g.Reason != "" && g.Weak == "" {
		t.Errorf("signature %d: reason %q for a good signature", i, g.Reason)
	}
}
