package mql

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"foregate/mail"
	"foregate/mail/weburl"
	"foregate/mql/internal/syntax"
)

// shared opens a file of the shared data beside the repository. Without it the
// test is skipped, on CI it fails.
func shared(t testing.TB, name string) *os.File {
	t.Helper()
	f, err := os.Open("../../shared/data/" + name)
	if errors.Is(err, fs.ErrNotExist) {
		if os.Getenv("CI") == "true" {
			t.Fatalf("shared data is absent: %v", err)
		}
		t.Skipf("shared data is absent: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// untar returns the files of an archive whose names keep accepts.
func untar(t testing.TB, f *os.File, keep func(name string) bool) fstest.MapFS {
	t.Helper()
	zr, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return files
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeReg && keep(h.Name) {
			raw, err := io.ReadAll(tr)
			if err != nil {
				t.Fatal(err)
			}
			files[strings.TrimPrefix(h.Name, "./")] = &fstest.MapFile{Data: raw}
		}
	}
}

// feedRules reads the public feed.
func feedRules(t testing.TB) []*Rule {
	t.Helper()
	files := untar(t, shared(t, "rules/sublime-rules.tar.gz"), func(name string) bool { return strings.HasSuffix(name, ".yml") })
	rules, errs := ReadRules(files)
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return rules
}

func feedLists(t testing.TB) *Lists {
	t.Helper()
	shared(t, "lists/manifest.json")
	l, errs := LoadLists(os.DirFS("../../shared/data/lists"))
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return l
}

// allRules are the feed's and our own.
func allRules(t testing.TB) []*Rule {
	t.Helper()
	own, errs := ReadRules(os.DirFS("../rules"))
	if len(errs) > 0 {
		t.Fatal(errs[0])
	}
	return append(feedRules(t), own...)
}

// eachDevMail calls do with every n-th labelled development message.
func eachDevMail(t testing.TB, n int, do func(name string, raw []byte)) {
	t.Helper()
	zr, err := gzip.NewReader(shared(t, "mail/dev.tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	i := 0
	for tr := tar.NewReader(zr); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg || strings.HasSuffix(h.Name, ".tsv") || strings.HasSuffix(h.Name, ".md") {
			continue
		}
		if i++; i%n != 0 {
			continue
		}
		raw, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		do(h.Name, raw)
	}
}

// devMail parses every n-th labelled development message and finds its links.
func devMail(t testing.TB, n int) []*mail.Message {
	t.Helper()
	var out []*mail.Message
	eachDevMail(t, n, func(_ string, raw []byte) { out = append(out, withLinks(raw)) })
	return out
}

func withLinks(raw []byte) *mail.Message {
	m := mail.Parse(mail.Envelope{}, raw)
	m.Type.Inbound = true
	seen := map[string]bool{}
	for _, mention := range m.Mentions {
		l, ok := weburl.Link(mention, nil)
		if !ok || l.HrefURL == nil || seen[l.HrefURL.URL+l.DisplayText] {
			continue
		}
		seen[l.HrefURL.URL+l.DisplayText] = true
		m.Body.Links = append(m.Body.Links, l)
	}
	return m
}

// TestFeed holds that every rule of the public feed parses and type-checks,
// and what the rules need.
func TestFeed(t *testing.T) {
	rules := feedRules(t)
	rs, errs := NewEnv().CompileRules(rules)
	for _, err := range errs {
		t.Error(err)
	}
	kinds := map[Kind]int{}
	for _, r := range rs.Rules {
		kinds[r.Kind]++
	}
	want := map[Kind]int{Detection: 1190, Insight: 132, DLP: 213, Discovery: 27, Automation: 16, Exclusion: 10}
	if d := cmp.Diff(want, kinds); d != "" {
		t.Errorf("rules by kind (-want +got):\n%s", d)
	}
}

// TestFeedFormat holds the formatter's laws over every source of the feed.
func TestFeedFormat(t *testing.T) {
	for _, r := range feedRules(t) {
		tree, _ := syntax.Parse(r.File, r.Source)
		once, errs := Format(r.Source)
		if len(errs) > 0 {
			t.Fatalf("%s: %v", r.File, errs[0])
		}
		again, errs := syntax.Parse(r.File, once)
		if len(errs) > 0 || !syntax.Equal(tree.Root, again.Root) || len(again.Comments) != len(tree.Comments) {
			t.Errorf("%s: formatting changed the rule: %v", r.File, errs)
		}
		if twice, _ := Format(once); twice != once {
			t.Errorf("%s: formatting is not idempotent:\n%s", r.File, cmp.Diff(once, twice))
		}
	}
}

// TestFeedCoverage counts the detection rules that have all they need, stage
// by stage, and compares with the design's count.
func TestFeedCoverage(t *testing.T) {
	env := NewEnv()
	rs, _ := env.CompileRules(feedRules(t))
	have := map[string]bool{}
	var got []int
	stages := Stages()
	for _, s := range stages {
		for _, n := range s.Capabilities {
			have[n] = true
		}
		count := 0
		for i, r := range rs.Rules {
			if r.Kind != Detection || strings.HasPrefix(r.File, "tutorial") {
				continue
			}
			funcs, lists := rs.Needs(i)
			ok := !slices.ContainsFunc(funcs, func(f string) bool { return !have[env.Capability(f)] }) &&
				!slices.ContainsFunc(lists, func(l string) bool { c := ListCapability(l); return c != "" && !have[c] })
			if ok {
				count++
			}
		}
		got = append(got, count)
	}
	t.Log(got)
	want := []int{359, 521, 655, 695, 902, 983, 1086, 1186}
	for i := range want {
		if d := got[i] - want[i]; d < -3 || d > 3 {
			t.Errorf("%s: %d rules have all they need, the design counts %d", stages[i].Name, got[i], want[i])
		}
	}
}

// full says that tests look at all development mail, which takes minutes.
func full() bool { return os.Getenv("FOREGATE_FULL") == "1" }

// TestPrefilterSound holds that with and without the prefilter every rule of
// the feed and of our own comes out the same, what it lacked included, on real
// mail.
func TestPrefilterSound(t *testing.T) {
	rs, _ := NewEnv().CompileRules(allRules(t))
	l := feedLists(t)
	compareRuns(t, rs, sample(), nil, l)
	n := 200
	if full() {
		n = 1
	}
	count := 0
	eachDevMail(t, n, func(name string, raw []byte) {
		count++
		compareRuns(t, rs, withLinks(raw), nil, l)
		if count%10 == 0 { // other directions
			m := withLinks(raw)
			m.Type.Inbound, m.Type.Outbound = false, true
			compareRuns(t, rs, m, nil, l)
		}
	})
	if count < 10_000/n {
		t.Errorf("%d messages", count)
	}
}

func compareRuns(t testing.TB, rs *RuleSet, m *mail.Message, caps Capabilities, l *Lists) {
	t.Helper()
	with, err := rs.EvalWith(context.Background(), m, caps, l, Options{NoQuotes: true})
	if err != nil {
		t.Fatal(err)
	}
	without, err := rs.EvalWith(context.Background(), m, caps, l, Options{NoQuotes: true, NoPrefilter: true})
	if err != nil {
		t.Fatal(err)
	}
	states := func(res Result) map[string]string {
		out := map[string]string{}
		for _, o := range res.Outcomes {
			out[o.Rule.File+" "+o.Rule.Name] = o.State.String() + " " + strings.Join(o.Missing, ", ")
		}
		return out
	}
	if d := cmp.Diff(states(without), states(with)); d != "" {
		t.Fatalf("the prefilter changes outcomes of %q (-without +with):\n%s", m.Headers.MessageID, d)
	}
}

// TestPrefilterOfComments holds the same where what a rule sees of a page is
// not its source: comments are written anew.
func TestPrefilterOfComments(t *testing.T) {
	var sources []string
	for _, pattern := range []string{"amp", "x&amp;y", "a&b", "gt;z", "icon row", "icon\\nrow", "<!--x", "pdf", "PDF icon", "kelvin", "&gt;", "x.y", "[&;]", "[a-z]{14}"} {
		sources = append(sources,
			"any(html.xpath(body.html, '//comment()').nodes, regex.icontains(.raw, '"+pattern+"'))",
			"any(html.xpath(body.html, '//comment()').nodes, strings.icontains(.raw, \""+pattern+"\"))",
			"any(filter(html.xpath(body.html, '//comment()').nodes, regex.contains(.raw, '"+pattern+"')), .raw != \"\")")
	}
	rs := ruleSet(t, sources...)
	for _, page := range []string{
		"<!--x&y a&b-->", "<p><!-- > z --><b>icon row</b>", "<!--icon\r\nrow-->", "<!--icon\rrow-->", "<!PDF icon>", "<?pdf?>", "<!--PD\x00F icon-->",
		"<!--\u212Aelvin-->", "<!--unclosed pdf", "<!-->pdf-->", "</ pdf >", "<!--x&amp;y-->", "<!--abcdefghijklmnop-->", "<title><!--pdf--></title>", "<svg><![CDATA[pdf]]></svg>",
	} {
		m := sample()
		m.Body.HTML = &mail.HTMLBody{Raw: page}
		compareRuns(t, rs, m, nil, testLists())
	}
}
