package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// The gate before a Postfix that takes mail under TLS alone and asks for a
// certificate: mail goes on under TLS with what is required, and stays with the
// client when the certificate is another's.
func TestTLSToPostfix(t *testing.T) {
	dir := workDir(t)
	ports := freePorts(t, 3)
	back := newPostfix(t, dir, "back", ports[0], 0)
	pair := func(name string) (cert, key string) {
		cert, key = filepath.Join(dir, name+".crt"), filepath.Join(dir, name+".key")
		out, err := exec.Command("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
			"-subj", "/CN="+name, "-addext", "subjectAltName=DNS:"+name, "-keyout", key, "-out", cert).CombinedOutput()
		if err != nil {
			t.Fatalf("making a certificate: %v\n%s", err, out)
		}
		return cert, key
	}
	cert, key := pair("back.e2e.test")
	ours, ourKey := pair("gate.e2e.test")
	f, err := os.OpenFile(filepath.Join(back.dir, "etc", "main.cf"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(strings.Join([]string{
		"smtpd_tls_security_level = encrypt", "smtpd_tls_cert_file = " + cert, "smtpd_tls_key_file = " + key,
		"smtpd_tls_CAfile = " + ours, "smtpd_tls_req_ccert = yes", "smtpd_tls_received_header = yes", "smtpd_tls_loglevel = 1", "",
	}, "\n")); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	if err := back.start(); err != nil {
		t.Fatal(err)
	}
	defer back.stop(t)
	const raw = "Subject: one\r\nFrom: a@out.test\r\nMessage-ID: <1@out.test>\r\nDate: Mon, 23 Nov 2026 08:00:00 +0000\r\n\r\n.\r\ntwo\r\n"
	for i, c := range []struct {
		name string
		code int
	}{{"back.e2e.test", 250}, {"other.e2e.test", 451}} {
		sub := filepath.Join(dir, c.name)
		g := newGate(t, sub, ports[1+i], ports[0], "    - {name: everyone}\n")
		conf, err := os.ReadFile(g.conf)
		if err != nil {
			t.Fatal(err)
		}
		write(t, g.conf, strings.Replace(string(conf), "smtp: {", "smtp: {next_hop_tls: {mode: require, ca_file: "+cert+
			", server_name: "+c.name+", cert: "+ours+", key: "+ourKey+"}, ", 1))
		if err := g.start(); err != nil {
			t.Fatalf("%v\n%s", err, tail(g.log))
		}
		a, err := send(g.addr, message{from: "a@out.test", to: []string{"b@example.test"}, helo: "client.e2e.test", raw: raw})
		if err != nil || a.code != c.code {
			t.Errorf("expecting %s: %v %v, want %d\n%s\n%s", c.name, a, err, c.code, tail(g.log), tail(filepath.Join(back.dir, "log")))
		}
		g.stop(t)
	}
	for end := time.Now().Add(time.Minute); back.count() == 0 && time.Now().Before(end); {
		time.Sleep(20 * time.Millisecond) // Postfix delivers from its queue
	}
	if n := back.count(); n != 1 {
		t.Errorf("%d messages arrived, want 1", n)
	}
	for _, l := range back.letters(t) {
		if err := sameLetter(raw, l[0]); err != nil {
			t.Error(err)
		}
		if !strings.Contains(l[0], "(using TLSv1.3 with cipher") || !strings.Contains(l[0], "(Client CN \"gate.e2e.test\"") {
			t.Errorf("Postfix does not say that it came under TLS with our certificate:\n%s", l[0])
		}
	}
}
