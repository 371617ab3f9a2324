package rules_test

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"io"
	"io/fs"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"

	"foregate/mail"
	"foregate/mql"
	"foregate/rules/sample"
)

// Bounds of what our rules may do to ordinary mail.
const (
	maxHamPerRule  = 2     // messages of the labelled ham that one rule may hit
	maxHamTogether = 0.005 // share of it that all rules together may hit
)

// mislabelled are messages that the corpus calls ham and that are fraud: what
// strangers threw onto open mailing lists. They count as found by the rules
// that hit them, not as errors.
func mislabelled() []string {
	return []string{
		"ham/list-kasan-dev/5d5db9aa8d963291.eml",     // payment by a diplomatic agent
		"ham/list-linaro-mm-sig/07b0d79838af94fa.eml", // hackers who get money back, this and the eleven after it
		"ham/list-linaro-mm-sig/1eab1fcaed0fd905.eml",
		"ham/list-linaro-mm-sig/2eb474c21cb3ea18.eml",
		"ham/list-linaro-mm-sig/435724181e1ce657.eml",
		"ham/list-linaro-mm-sig/4b31103513853144.eml",
		"ham/list-linaro-mm-sig/679af36922ce9167.eml",
		"ham/list-linaro-mm-sig/83efb61dd7b6faa3.eml",
		"ham/list-linaro-mm-sig/c0afa7d15b0dbbc8.eml",
		"ham/list-linaro-mm-sig/d17d98fcaff45d2f.eml",
		"ham/list-linaro-mm-sig/e28bde11813c8da0.eml",
		"ham/list-linaro-mm-sig/e570325e0cf46dfd.eml",
		"ham/list-linaro-mm-sig/f1f61e053c419ee2.eml",
		"ham/list-linux-nvdimm/08f19f75bba68850.eml", // loans from a stranger
		"ham/list-linux-nvdimm/1957af848ad9a1b4.eml", // false web mail
		"ham/list-linux-nvdimm/6b3ac99c3019bf0f.eml", // statement of account
		"ham/list-linux-nvdimm/6b460c39219fca3f.eml", // loans from a stranger
		"ham/list-linux-nvdimm/aea599b5e7d680e6.eml", // false card company
		"ham/list-linux-raid/580c58ad0900fd09.eml",   // a stranger in need of an answer
		"ham/list-linux-raid/c5247464210ebe99.eml",   // loans from a stranger
	}
}

// labelled is one message of the corpus.
type labelled struct {
	path, label, source string
	env                 mail.Envelope
	raw                 []byte
}

// corpus reads the labelled mail beside the repository. Without it the test is
// skipped, on CI it fails.
func corpus(t *testing.T) []labelled {
	t.Helper()
	f, err := os.Open("../../shared/data/mail/dev.tar.gz")
	if errors.Is(err, fs.ErrNotExist) && os.Getenv("CI") != "true" {
		t.Skipf("labelled mail is absent: %v", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	gz, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for tr := tar.NewReader(gz); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag != tar.TypeReg {
			continue
		}
		raw, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		files[strings.TrimPrefix(strings.TrimPrefix(h.Name, "./"), "mail/")] = raw
	}
	envelopes := map[string]map[string]string{}
	for _, row := range rows(files["envelope.tsv"]) {
		envelopes[row["path"]] = row
	}
	var out []labelled
	for _, row := range rows(files["manifest.tsv"]) {
		p := row["path"]
		out = append(out, labelled{path: p, label: row["label"], source: row["source"], env: envelope(envelopes[p]), raw: files[p]})
	}
	return out
}

// rows reads tab-separated values with a header line.
func rows(data []byte) []map[string]string {
	var head []string
	var out []map[string]string
	for sc := bufio.NewScanner(bytes.NewReader(data)); sc.Scan(); {
		cols := strings.Split(sc.Text(), "\t")
		if head == nil {
			head = cols
			continue
		}
		row := map[string]string{}
		for i, c := range cols[:min(len(cols), len(head))] {
			row[head[i]] = c
		}
		out = append(out, row)
	}
	return out
}

// envelope takes what SMTP would have said and what was recorded on arrival.
func envelope(row map[string]string) mail.Envelope {
	word := func(w string) string {
		switch w {
		case "hardfail":
			return "fail"
		case "tempfail", "timeout":
			return "temperror"
		case "ignore":
			return ""
		}
		return w
	}
	env := mail.Envelope{Helo: row["helo"], RDNS: row["rdns"], MailFrom: row["mail_from"], HasFrom: row["mail_from"] != "",
		Recorded: &mail.RecordedAuth{SPF: word(row["rec_spf"]), DKIM: word(row["rec_dkim"]), DMARC: word(row["rec_dmarc"])}}
	if ip, err := netip.ParseAddr(row["client_ip"]); err == nil {
		env.ClientIP = ip
	}
	return env
}

// TestLabelledMail holds the rules to ordinary mail, and logs what each finds
// ("go test -run LabelledMail -v ./rules").
func TestLabelledMail(t *testing.T) {
	set, known, wrong := load(t), lists(t), mislabelled()
	hits, found, all := map[string]map[string]int{}, map[string]int{}, map[string]int{}
	count := func(x labelled, res mql.Result) {
		label, fired := x.label, false
		if slices.Contains(wrong, x.path) {
			label = "mislabelled"
		}
		for _, o := range res.Outcomes {
			if o.State != mql.True {
				t.Errorf("%s: %s is open for want of %v", x.path, o.Rule.File, o.Missing)
				continue
			}
			fired = true
			if hits[o.Rule.File] == nil {
				hits[o.Rule.File] = map[string]int{}
			}
			hits[o.Rule.File][label]++
			if label == "ham" {
				t.Logf("%s hits ham: %s", o.Rule.File, x.path)
			}
		}
		for _, k := range []string{label, label + "/" + x.source} {
			all[k]++
			if fired {
				found[k]++
			}
		}
	}
	var mu sync.Mutex
	each(corpus(t), func(x labelled) {
		res, err := set.EvalWith(context.Background(), judge(t, x.env, x.raw, nil), nil, known, mql.Options{NoQuotes: true})
		if err != nil {
			t.Errorf("%s: %v", x.path, err)
		}
		mu.Lock()
		defer mu.Unlock()
		count(x, res)
	})
	for _, r := range set.Rules {
		h := hits[r.File]
		t.Logf("%-48s phish %4d spam %3d ham %d", stem(r), h["phish"], h["spam"], h["ham"])
		if h["ham"] > maxHamPerRule {
			t.Errorf("%s hits %d messages of ham, more than %d", r.File, h["ham"], maxHamPerRule)
		}
	}
	for _, k := range sorted(all) {
		t.Logf("%-30s %5d of %5d, %.2f %%", k, found[k], all[k], 100*float64(found[k])/float64(all[k]))
	}
	if share := float64(found["ham"]) / float64(all["ham"]); share > maxHamTogether {
		t.Errorf("the rules hit %.2f %% of ham, more than %.2f %%", 100*share, 100*maxHamTogether)
	}
}

// each calls f for every message, on all processors.
func each(messages []labelled, f func(labelled)) {
	var wg sync.WaitGroup
	next := make(chan labelled)
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for x := range next {
				f(x)
			}
		})
	}
	for _, x := range messages {
		next <- x
	}
	close(next)
	wg.Wait()
}

func sorted(m map[string]int) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// BenchmarkRules evaluates all rules over the samples, one message at a time.
func BenchmarkRules(b *testing.B) {
	set, known, org := load(b), lists(b), sample.Org()
	var messages []*mail.Message
	files, err := fs.Glob(os.DirFS("testdata"), "*/hit-1.eml")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range files {
		raw, err := os.ReadFile("testdata/" + name)
		if err != nil {
			b.Fatal(err)
		}
		env, raw, err := sample.Read(raw)
		if err != nil {
			b.Fatal(err)
		}
		messages = append(messages, judge(b, env, raw, org.Domains))
	}
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := set.Eval(context.Background(), messages[i%len(messages)], nil, known); err != nil {
			b.Fatal(err)
		}
	}
}
