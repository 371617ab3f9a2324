package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"strings"
	"time"

	"github.com/emersion/go-msgauth/dkim"
	"github.com/goccy/go-yaml"
	mdns "github.com/miekg/dns"
)

//go:embed testdata/samples
var sampleFiles embed.FS

// sampleWorld is the small world in which the sample mail lives: an
// organisation, the zones of those who write to it, and the messages.
type sampleWorld struct {
	Organisation orgConfig             `yaml:"organisation"`
	Zones        map[string]sampleZone `yaml:"zones"`
	Messages     []sampleMessage       `yaml:"messages"`
}

type sampleZone struct {
	SPF   string `yaml:"spf"`
	DMARC string `yaml:"dmarc"`
}

type sampleMessage struct {
	File   string   `yaml:"file"`
	About  string   `yaml:"about"`
	Client string   `yaml:"client"`
	Helo   string   `yaml:"helo"`
	From   string   `yaml:"from"`
	To     []string `yaml:"to"`
	Signed string   `yaml:"signed"`
	raw    []byte
}

func loadSamples() (sampleWorld, error) {
	var s sampleWorld
	index, err := sampleFiles.ReadFile("testdata/samples/samples.yml")
	if err != nil {
		return s, fmt.Errorf("reading the samples: %w", err)
	}
	if err := yaml.UnmarshalWithOptions(index, &s, yaml.Strict()); err != nil {
		return s, fmt.Errorf("reading the samples: %w", err)
	}
	for i := range s.Messages {
		raw, err := sampleFiles.ReadFile("testdata/samples/" + s.Messages[i].File)
		if err != nil {
			return s, fmt.Errorf("reading the samples: %w", err)
		}
		s.Messages[i].raw = crlf(raw)
	}
	return s, nil
}

// crlf turns LF line ends into CRLF.
func crlf(b []byte) []byte {
	return bytes.ReplaceAll(bytes.ReplaceAll(b, []byte("\r\n"), []byte("\n")), []byte("\n"), []byte("\r\n"))
}

const sampleSelector = "demo"

// sign puts a DKIM signature of the domain on top, as its mail server would.
func sign(raw []byte, domain string, key ed25519.PrivateKey) ([]byte, error) {
	var out bytes.Buffer
	err := dkim.Sign(&out, bytes.NewReader(raw), &dkim.SignOptions{
		Domain: domain, Selector: sampleSelector, Signer: key,
		HeaderCanonicalization: dkim.CanonicalizationRelaxed, BodyCanonicalization: dkim.CanonicalizationRelaxed,
		HeaderKeys: []string{"From", "To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type"},
	})
	return out.Bytes(), err
}

// nameServer answers for the sample world's zones on a loopback port, and with
// NXDOMAIN for all else.
type nameServer struct {
	addr string
	udp  *mdns.Server
	tcp  *mdns.Server
}

// startNameServer publishes SPF, DMARC and one DKIM key for each zone.
func startNameServer(ctx context.Context, zones map[string]sampleZone, key ed25519.PublicKey) (*nameServer, error) {
	txt := map[string]string{}
	for name, z := range zones {
		txt[name+"."] = z.SPF
		txt[sampleSelector+"._domainkey."+name+"."] = "v=DKIM1; k=ed25519; p=" + base64.StdEncoding.EncodeToString(key)
		if z.DMARC != "" {
			txt["_dmarc."+name+"."] = z.DMARC
		}
	}
	handler := mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) { w.WriteMsg(answer(q, txt)) })
	var lc net.ListenConfig
	pc, err := lc.ListenPacket(ctx, "udp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("starting the demo's name server: %w", err)
	}
	ln, err := lc.Listen(ctx, "tcp", pc.LocalAddr().String())
	if err != nil {
		pc.Close()
		return nil, fmt.Errorf("starting the demo's name server: %w", err)
	}
	n := &nameServer{
		addr: pc.LocalAddr().String(),
		udp:  &mdns.Server{PacketConn: pc, Handler: handler},
		tcp:  &mdns.Server{Listener: ln, Handler: handler},
	}
	go n.udp.ActivateAndServe()
	go n.tcp.ActivateAndServe()
	return n, nil
}

func (n *nameServer) stop() { _ = errors.Join(n.udp.Shutdown(), n.tcp.Shutdown()) }

// answer makes the reply to a query from a table of TXT records.
func answer(q *mdns.Msg, txt map[string]string) *mdns.Msg {
	r := new(mdns.Msg)
	r.SetReply(q)
	r.Authoritative = true
	if len(q.Question) != 1 {
		r.Rcode = mdns.RcodeFormatError
		return r
	}
	name := strings.ToLower(q.Question[0].Name)
	value, ok := txt[name]
	if !ok {
		r.Rcode = mdns.RcodeNameError
		for known := range txt {
			if strings.HasSuffix(known, "."+name) {
				r.Rcode = mdns.RcodeSuccess // an empty non-terminal exists
			}
		}
		return r
	}
	if q.Question[0].Qtype == mdns.TypeTXT {
		r.Answer = append(r.Answer, &mdns.TXT{Hdr: mdns.RR_Header{Name: q.Question[0].Name, Rrtype: mdns.TypeTXT, Class: mdns.ClassINET, Ttl: 300}, Txt: []string{value}})
	}
	return r
}

// sendSample sends one message over SMTP, naming the true client by XCLIENT, and
// returns the answer to its data.
func sendSample(ctx context.Context, addr string, s sampleMessage, raw []byte) (string, error) {
	var d net.Dialer
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return "", fmt.Errorf("sending %s: %w", s.File, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.Close() })
	defer stop()
	tp := textproto.NewConn(conn)
	steps := []struct {
		line string
		code int
	}{
		{"", 220},
		{"EHLO demo.example", 250},
		{fmt.Sprintf("XCLIENT ADDR=%s NAME=%s HELO=%s", s.Client, s.Helo, s.Helo), 220},
		{"EHLO " + s.Helo, 250},
		{"MAIL FROM:<" + s.From + ">", 250},
	}
	for _, to := range s.To {
		steps = append(steps, struct {
			line string
			code int
		}{"RCPT TO:<" + to + ">", 250})
	}
	steps = append(steps, struct {
		line string
		code int
	}{"DATA", 354})
	for _, st := range steps {
		if st.line != "" {
			if err := tp.PrintfLine("%s", st.line); err != nil {
				return "", fmt.Errorf("sending %s: %w", s.File, err)
			}
		}
		if _, _, err := tp.ReadResponse(st.code); err != nil {
			return "", fmt.Errorf("sending %s: after %q: %w", s.File, st.line, err)
		}
	}
	w := tp.DotWriter()
	if _, err := io.Copy(w, bufio.NewReader(bytes.NewReader(raw))); err != nil {
		return "", fmt.Errorf("sending %s: %w", s.File, err)
	}
	if err := w.Close(); err != nil {
		return "", fmt.Errorf("sending %s: %w", s.File, err)
	}
	code, msg, err := tp.ReadResponse(0)
	if err != nil {
		return "", fmt.Errorf("sending %s: %w", s.File, err)
	}
	return fmt.Sprintf("%d %s", code, msg), nil
}

func newSampleKey() (ed25519.PublicKey, ed25519.PrivateKey, error) {
	return ed25519.GenerateKey(rand.Reader)
}
