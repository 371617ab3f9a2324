package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestCatch(t *testing.T) {
	var mails []message
	var scores []float64
	add := func(label, source string, year int, score float64) {
		mails, scores = append(mails, message{label: label, source: source, year: year}), append(scores, score)
	}
	for i := range 100 {
		add("ham", "list", 2020, float64(i)/10)
	}
	add("ham", "old", 2002, 50)
	add("phish", "pot", 2024, 9.85) // above all but one of the ham since 2019
	add("phish", "list-borne-x", 2024, 9.8)
	add("spam", "bulk", 2021, 60)
	for from, want := range map[int]caught{
		0:    {phish: .0, control: 0, spam: 1}, // the one that may be caught is the old one; 9.9 is ham
		2019: {phish: .5, control: 0, spam: 1},
	} {
		if d := cmp.Diff(want, catch(mails, scores, from, .01), cmp.AllowUnexported(caught{})); d != "" {
			t.Errorf("from %d: %s", from, d)
		}
	}
}

// smallCorpus is a corpus of our own making.
func smallCorpus(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	var list, envs strings.Builder
	list.WriteString("path\tlabel\tsource\tyear\n")
	envs.WriteString("path\tclient_ip\thelo\trdns\tmail_from\trec_spf\trec_dkim\trec_dmarc\tedge_found\n")
	for i := range 6 {
		label, text := "ham", "The minutes of Monday are in the usual place. Until next week, Ann"
		if i%2 == 1 {
			label, text = "phish", "Your password will expire today. Sign in at https://mailbox-login.example/ to keep your account."
		}
		name := fmt.Sprintf("%s/own/%d.eml", label, i)
		if err := os.MkdirAll(filepath.Join(dir, label, "own"), 0o700); err != nil {
			t.Fatal(err)
		}
		raw := fmt.Sprintf("From: Ann <ann@sender%d.example>\r\nTo: recipient@example.test\r\nSubject: Number %d\r\nDate: Mon, 16 Nov 2026 09:00:00 +0000\r\nMessage-ID: <%d@sender.example>\r\n\r\n%s\r\n", i, i, i, text)
		if err := os.WriteFile(filepath.Join(dir, filepath.FromSlash(name)), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&list, "%s\t%s\town\t2024\n", name, label)
		fmt.Fprintf(&envs, "%s\t192.0.2.%d\tmx.sender.example\t\tann@sender%d.example\tpass\t\t\t1\n", name, i+1, i)
	}
	for name, text := range map[string]string{"manifest.tsv": list.String(), "envelope.tsv": envs.String()} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestPrepare(t *testing.T) {
	to := filepath.Join(t.TempDir(), "mail")
	mails, err := prepare(options{corpus: smallCorpus(t), every: 2}, to)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(filepath.Join(to, "envelope.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	want := "path\tclient_ip\thelo\trdns\tmail_from\trec_spf\trec_dkim\trec_dmarc\n" +
		"ham/own/0.eml\t192.0.2.1\tmx.sender.example\t\tann@sender0.example\t\t\t\n" +
		"phish/own/1.eml\t192.0.2.2\tmx.sender.example\t\tann@sender1.example\t\t\t\n" +
		"ham/own/4.eml\t192.0.2.5\tmx.sender.example\t\tann@sender4.example\t\t\t\n" +
		"phish/own/5.eml\t192.0.2.6\tmx.sender.example\t\tann@sender5.example\t\t\t\n"
	if d := cmp.Diff(want, string(got)); d != "" || len(mails) != 4 {
		t.Errorf("%d messages, %s", len(mails), d)
	}
}

// Both programs score every message of a small corpus, in one run.
func TestSideBySide(t *testing.T) {
	if os.Getenv("FOREGATE_E2E") != "1" {
		t.Skip("starts Rspamd, which compiles its patterns for a while: set FOREGATE_E2E=1")
	}
	if _, err := exec.LookPath("rspamd"); err != nil {
		t.Skip("Rspamd is not installed: bench/rspamd/run.sh installs it")
	}
	if _, err := os.Stat("/etc/rspamd/rspamd.conf"); err != nil {
		t.Skip("Rspamd is not configured as Debian does")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "foregate")
	if out, err := exec.Command("go", "build", "-o", program, "foregate/cmd/foregate").CombinedOutput(); err != nil {
		t.Fatalf("building Foregate: %v\n%s", err, out)
	}
	config := filepath.Join(dir, "conf.yaml")
	if err := os.WriteFile(config, []byte("dns: {offline: true}\nfiles: {sandbox: auto}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, progress bytes.Buffer
	if err := run(t.Context(), []string{"-corpus", smallCorpus(t), "-foregate", program, "-config", config}, &out, &progress); err != nil {
		t.Fatalf("%v\n%s", err, &progress)
	}
	for _, want := range []string{"6 messages\n", "Rspamd", "Foregate", "processor time per message"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
}
