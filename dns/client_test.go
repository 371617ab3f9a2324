package dns

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	mdns "github.com/miekg/dns"
)

// zone answers queries of a loopback server; network is "udp" or "tcp".
type zone func(w mdns.ResponseWriter, q *mdns.Msg, network string)

// serve runs z over UDP and TCP on one loopback port and returns its address.
func serve(t *testing.T, z zone) string {
	t.Helper()
	pc, l := listen(t)
	handler := func(network string) mdns.Handler {
		return mdns.HandlerFunc(func(w mdns.ResponseWriter, q *mdns.Msg) { z(w, q, network) })
	}
	var up sync.WaitGroup
	up.Add(2)
	udp := &mdns.Server{PacketConn: pc, Handler: handler("udp"), NotifyStartedFunc: up.Done}
	tcp := &mdns.Server{Listener: l, Handler: handler("tcp"), NotifyStartedFunc: up.Done}
	for _, s := range []*mdns.Server{udp, tcp} {
		go func() { _ = s.ActivateAndServe() }()
		t.Cleanup(func() { _ = s.Shutdown() })
	}
	up.Wait()
	return pc.LocalAddr().String()
}

// listen opens one port for UDP and TCP. The port that UDP gets may be taken
// for TCP, so it tries several.
func listen(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	var last error
	for range 20 {
		pc, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		l, err := net.Listen("tcp", pc.LocalAddr().String())
		if err == nil {
			return pc, l
		}
		last = err
		pc.Close()
	}
	t.Fatal(last)
	return nil, nil
}

// answer answers q with the given records in zone-file form.
func answer(t *testing.T, q *mdns.Msg, records ...string) *mdns.Msg {
	m := new(mdns.Msg)
	m.SetReply(q)
	m.RecursionAvailable = true
	for _, s := range records {
		rr, err := mdns.NewRR(s)
		if err != nil {
			t.Errorf("record %q: %v", s, err)
			continue
		}
		if rr.Header().Rrtype == mdns.TypeSOA {
			m.Ns = append(m.Ns, rr)
		} else {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}

func newClient(t *testing.T, config Config) *Client {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func one(addr string) Config {
	return Config{Servers: []Server{{Addr: addr}}, Timeout: 2 * time.Second}
}

func TestClientRecords(t *testing.T) {
	addr := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
		m := answer(t, q)
		switch name := strings.ToLower(q.Question[0].Name); {
		case name == "t.example." && q.Question[0].Qtype == mdns.TypeTXT:
			m = answer(t, q, `t.example. 60 IN TXT "v=spf1 " "-all \"x\" \\ \200"`, `other.example. 60 IN TXT "not ours"`)
		case name == "m.example.":
			m = answer(t, q, "m.example. 60 IN MX 20 b.example.", "m.example. 60 IN MX 10 a.example.", "m.example. 60 IN MX 30 .")
		case name == "a.example." && q.Question[0].Qtype == mdns.TypeA:
			m = answer(t, q, "a.example. 60 IN CNAME b.example.", "b.example. 60 IN A 192.0.2.1")
		case name == "a.example.":
			m = answer(t, q, "A.example. 60 IN AAAA 2001:db8::1")
		case name == "1.2.0.192.in-addr.arpa.":
			m = answer(t, q, "1.2.0.192.in-addr.arpa. 60 IN PTR mail.example.")
		case name == `foo:b\(ar/baz.example.` || name == `foo:b(ar/baz.example.`:
			m = answer(t, q)
			m.Answer = append(m.Answer, &mdns.A{Hdr: mdns.RR_Header{Name: q.Question[0].Name, Rrtype: mdns.TypeA, Class: mdns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 9)})
		default:
			m.Rcode = mdns.RcodeNameError
		}
		_ = w.WriteMsg(m)
	})
	c := newClient(t, one(addr))
	ctx := context.Background()

	txt, err := c.TXT(ctx, "T.example")
	if err != nil || !cmp.Equal(txt.Records, []string{"v=spf1 -all \"x\" \\ \xc8"}) {
		t.Errorf("TXT = %q, %v", txt.Records, err)
	}
	mx, err := c.MX(ctx, "m.example.")
	if want := []MX{{10, "a.example"}, {20, "b.example"}, {30, ""}}; err != nil || !cmp.Equal(mx.Records, want) {
		t.Errorf("MX = %v, %v, want %v", mx.Records, err, want)
	}
	a, err := c.A(ctx, "a.example")
	if err != nil || len(a.Records) != 1 || a.Records[0] != netip.MustParseAddr("192.0.2.1") {
		t.Errorf("A through a CNAME = %v, %v", a.Records, err)
	}
	aaaa, err := c.AAAA(ctx, "a.example")
	if err != nil || len(aaaa.Records) != 1 || aaaa.Records[0] != netip.MustParseAddr("2001:db8::1") {
		t.Errorf("AAAA = %v, %v", aaaa.Records, err)
	}
	ptr, err := c.PTR(ctx, netip.MustParseAddr("::ffff:192.0.2.1"))
	if err != nil || !cmp.Equal(ptr.Records, []string{"mail.example"}) {
		t.Errorf("PTR = %v, %v", ptr.Records, err)
	}
	if odd, err := c.A(ctx, "foo:b(ar/baz.example"); err != nil || len(odd.Records) != 1 {
		t.Errorf("A of an odd name = %v, %v", odd.Records, err)
	}
	if _, err := c.TXT(ctx, "none.example"); !errors.Is(err, ErrNXDomain) || !errors.Is(err, ErrNotFound) {
		t.Errorf("missing name: %v", err)
	}
}

func TestClientTrouble(t *testing.T) {
	ok := func(w mdns.ResponseWriter, q *mdns.Msg) {
		_ = w.WriteMsg(answer(t, q, q.Question[0].Name+` 60 IN TXT "fine"`))
	}
	tests := []struct {
		name string
		zone zone
		want error // nil: "fine"
	}{
		{"truncated over UDP", func(w mdns.ResponseWriter, q *mdns.Msg, network string) {
			if network == "udp" {
				m := answer(t, q)
				m.Truncated = true
				_ = w.WriteMsg(m)
				return
			}
			ok(w, q)
		}, nil},
		{"SERVFAIL", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			m := answer(t, q)
			m.Rcode = mdns.RcodeServerFailure
			_ = w.WriteMsg(m)
		}, ErrTemporary},
		{"lame", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			m := answer(t, q)
			m.RecursionAvailable = false
			_ = w.WriteMsg(m)
		}, ErrTemporary},
		{"another question over UDP and TCP", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			m := answer(t, q, `evil.example. 60 IN TXT "fine"`)
			m.Question[0].Name = "evil.example."
			_ = w.WriteMsg(m)
		}, ErrTemporary},
		{"spoofed ID first", func(w mdns.ResponseWriter, q *mdns.Msg, network string) {
			if network == "udp" {
				forged := answer(t, q, q.Question[0].Name+` 60 IN TXT "forged"`)
				forged.Id++
				_ = w.WriteMsg(forged)
			}
			ok(w, q)
		}, nil},
		{"query echoed instead of a response", func(w mdns.ResponseWriter, q *mdns.Msg, network string) {
			if network == "udp" {
				_ = w.WriteMsg(q)
			}
			ok(w, q)
		}, nil},
		{"silent", func(mdns.ResponseWriter, *mdns.Msg, string) {}, ErrTemporary},
		{"garbage", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			_, _ = w.Write([]byte{1, 2, 3})
		}, ErrTemporary},
		{"alias loop", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			_ = w.WriteMsg(answer(t, q, q.Question[0].Name+" 60 IN CNAME "+q.Question[0].Name))
		}, ErrTemporary},
		{"endless aliases", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			_ = w.WriteMsg(answer(t, q, q.Question[0].Name+" 60 IN CNAME a"+q.Question[0].Name))
		}, ErrTemporary},
		{"alias without its target", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			if strings.HasPrefix(q.Question[0].Name, "to.") {
				ok(w, q)
				return
			}
			_ = w.WriteMsg(answer(t, q, q.Question[0].Name+" 60 IN CNAME to.example."))
		}, nil},
		{"no data", func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
			_ = w.WriteMsg(answer(t, q, "example. 60 IN SOA ns.example. h.example. 1 2 3 4 5"))
		}, ErrNotFound},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			config := one(serve(t, test.zone))
			config.Timeout = 600 * time.Millisecond
			a, err := newClient(t, config).TXT(context.Background(), "a.example")
			if test.want != nil {
				if !errors.Is(err, test.want) {
					t.Fatalf("error %v, want %v", err, test.want)
				}
				if errors.Is(err, ErrTemporary) && errors.Is(err, ErrNotFound) {
					t.Fatalf("error %v is both temporary and not found", err)
				}
				return
			}
			if err != nil || !cmp.Equal(a.Records, []string{"fine"}) {
				t.Fatalf("TXT = %q, %v", a.Records, err)
			}
		})
	}
}

func TestClientSlow(t *testing.T) {
	addr := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
		time.Sleep(300 * time.Millisecond)
		_ = w.WriteMsg(answer(t, q, `a.example. 60 IN TXT "late"`))
	})
	c := newClient(t, one(addr))
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	start := time.Now()
	if _, err := c.TXT(ctx, "a.example"); !errors.Is(err, ErrTemporary) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v, want a temporary one that names the deadline", err)
	}
	if took := time.Since(start); took > 250*time.Millisecond {
		t.Errorf("waited %v past a deadline of 50ms", took)
	}
	// The look-up itself went on: a patient caller gets its answer.
	if a, err := c.TXT(context.Background(), "a.example"); err != nil || len(a.Records) != 1 {
		t.Errorf("second question: %v, %v", a.Records, err)
	}
}

func TestClientFailover(t *testing.T) {
	var asked atomic.Int64
	dead := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
		asked.Add(1)
		m := answer(t, q)
		m.Rcode = mdns.RcodeRefused
		_ = w.WriteMsg(m)
	})
	live := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
		_ = w.WriteMsg(answer(t, q, `a.example. 60 IN TXT "fine"`))
	})
	c := newClient(t, Config{Servers: []Server{{Addr: dead}, {Addr: live}}})
	if a, err := c.TXT(context.Background(), "a.example"); err != nil || len(a.Records) != 1 {
		t.Fatalf("TXT = %v, %v", a.Records, err)
	}
	if asked.Load() != 1 {
		t.Errorf("the refusing server was asked %d times, want once", asked.Load())
	}
}

func TestClientAuthentic(t *testing.T) {
	addr := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
		m := answer(t, q, `a.example. 60 IN TXT "x"`)
		m.AuthenticatedData = true
		_ = w.WriteMsg(m)
	})
	for _, trust := range []bool{false, true} {
		c := newClient(t, Config{Servers: []Server{{Addr: addr, TrustAD: trust}}})
		a, err := c.TXT(context.Background(), "a.example")
		if err != nil || a.Authentic != trust {
			t.Errorf("TrustAD %v: Authentic %v, %v", trust, a.Authentic, err)
		}
	}
}

func TestClientCache(t *testing.T) {
	var asked atomic.Int64
	addr := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
		asked.Add(1)
		m := answer(t, q, "example. 3000 IN SOA ns.example. h.example. 1 2 3 4 30")
		switch strings.TrimSuffix(q.Question[0].Name, ".") {
		case "short.example":
			m = answer(t, q, `short.example. 0 IN TXT "x"`)
		case "long.example":
			m = answer(t, q, `long.example. 9999999 IN TXT "x"`)
		case "fail.example":
			m.Rcode = mdns.RcodeServerFailure
		default:
			m.Rcode = mdns.RcodeNameError
		}
		_ = w.WriteMsg(m)
	})
	now := time.Unix(0, 0)
	config := one(addr)
	config.Attempts = 1
	config.Now = func() time.Time { return now }
	c := newClient(t, config)
	for _, step := range []struct {
		name  string
		after time.Duration
		asked int64
	}{
		{"short.example", 4 * time.Second, 1}, // within MinTTL
		{"short.example", 2 * time.Second, 2},
		{"long.example", 23 * time.Hour, 1}, // within MaxTTL
		{"long.example", 2 * time.Hour, 2},
		{"none.example", 29 * time.Second, 1}, // SOA MINIMUM 30
		{"none.example", 2 * time.Second, 2},
		{"fail.example", 4 * time.Second, 1}, // RFC 9520
		{"fail.example", 2 * time.Second, 2},
	} {
		asked.Store(0)
		if step.asked == 1 {
			_, _ = c.TXT(context.Background(), step.name)
		} else {
			asked.Store(1) // asked by the step before
		}
		now = now.Add(step.after)
		_, _ = c.TXT(context.Background(), step.name)
		if got := asked.Load(); got != step.asked {
			t.Errorf("%s after %v: asked %d times, want %d", step.name, step.after, got, step.asked)
		}
	}
}

func TestClientSharesFlights(t *testing.T) {
	var asked atomic.Int64
	addr := serve(t, func(w mdns.ResponseWriter, q *mdns.Msg, _ string) {
		asked.Add(1)
		time.Sleep(100 * time.Millisecond)
		_ = w.WriteMsg(answer(t, q, `a.example. 60 IN TXT "x"`))
	})
	c := newClient(t, one(addr))
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := c.TXT(context.Background(), "a.example"); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if asked.Load() != 1 {
		t.Errorf("asked %d times, want once", asked.Load())
	}
}

func TestCacheBound(t *testing.T) {
	c := newCache(10_000)
	for i := range 1000 {
		c.put(&entry{key: strings.Repeat("k", 1+i%500), texts: []string{"x"}, expires: time.Unix(9, 0)})
		if c.used > c.limit {
			t.Fatalf("cache holds %d bytes, limit %d", c.used, c.limit)
		}
	}
	if len(c.byKey) == 0 || len(c.byKey) != c.order.Len() {
		t.Fatalf("%d keys, %d in order", len(c.byKey), c.order.Len())
	}
	c.put(&entry{key: "big", texts: []string{strings.Repeat("x", 20_000)}, expires: time.Unix(9, 0)})
	if c.get("big", time.Unix(0, 0)) != nil {
		t.Error("an entry larger than the cache was kept")
	}
}

func TestBudget(t *testing.T) {
	f := Fake{Text: map[string][]string{"a.example": {"x"}}}
	outer := WithBudget(context.Background(), 5)
	inner := WithBudget(outer, 2)
	for range 2 {
		if _, err := f.TXT(inner, "a.example"); err != nil {
			t.Fatal(err)
		}
	}
	_, err := f.TXT(inner, "a.example")
	if !errors.Is(err, ErrBudget) || !errors.Is(err, ErrTemporary) || errors.Is(err, ErrNotFound) {
		t.Errorf("third question: %v", err)
	}
	if got := Spent(inner).Asked; got != 2 {
		t.Errorf("inner budget: %d asked, want 2", got)
	}
	for range 2 {
		_, _ = f.TXT(outer, "none.example")
	}
	if got := Spent(outer); got.Void != 2 || got.Asked != 4 {
		t.Errorf("outer budget %+v, want 4 asked, 2 void", got)
	}
	if _, err := f.TXT(context.Background(), "a.example"); err != nil {
		t.Errorf("without a budget: %v", err)
	}
}

func TestNames(t *testing.T) {
	for _, test := range []struct {
		in, want string // "" for a name that can't exist
	}{
		{"Example.COM.", "example.com"},
		{"_dmarc.example", "_dmarc.example"},
		{"a..example", ""},
		{".example", ""},
		{"", ""},
		{".", ""},
		{"exa\x00mple.com", ""},
		{"bücher.example", ""},
		{strings.Repeat("a", 63) + ".example", strings.Repeat("a", 63) + ".example"},
		{strings.Repeat("a", 64) + ".example", ""},
		{strings.Repeat("a.", 127) + "a", ""},
	} {
		got, err := canonical(test.in)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("canonical(%q) = %q, %v, want %q", test.in, got, err, test.want)
		}
		if err != nil && !errors.Is(err, ErrNXDomain) {
			t.Errorf("canonical(%q): %v is not ErrNXDomain", test.in, err)
		}
	}
	for _, name := range []string{`a\b.example`, `a"b c(d);e@f$g.example`, `a\255.example`} {
		if got := host(presentation(name)); got != name {
			t.Errorf("escaping %q gives %q", name, got)
		}
	}
}

func TestResolvConf(t *testing.T) {
	path := filepath.Join(t.TempDir(), "resolv.conf")
	if err := os.WriteFile(path, []byte("nameserver 192.0.2.53\nnameserver 2001:db8::53\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := newClient(t, Config{ResolvConf: path})
	want := []Server{{Addr: "192.0.2.53:53"}, {Addr: "[2001:db8::53]:53"}}
	if !cmp.Equal(c.config.Servers, want) {
		t.Errorf("servers %v, want %v", c.config.Servers, want)
	}
	if _, err := New(Config{ResolvConf: path + ".absent"}); err == nil || !strings.Contains(err.Error(), "reading the system's resolvers") {
		t.Errorf("absent file: %v", err)
	}
}

func TestFake(t *testing.T) {
	f := Fake{
		Text:  map[string][]string{"t.example": {"x"}},
		Addrs: map[string][]netip.Addr{"d.example": {netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}},
		CNAME: map[string]string{"loop.example": "loop.example", "c.example": "t.example"},
		Fail:  map[string]error{"txt f.example": errors.New("SERVFAIL")},
		Hang:  map[string]bool{"h.example": true},
	}
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	check := func(what string, err, want error) {
		t.Helper()
		if (want == nil) != (err == nil) || !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", what, err, want)
		}
	}
	_, err := f.TXT(ctx, "C.example.")
	check("alias", err, nil)
	_, err = f.TXT(ctx, "loop.example")
	check("loop", err, ErrTemporary)
	_, err = f.TXT(ctx, "f.example")
	check("failure", err, ErrTemporary)
	_, err = f.TXT(ctx, "d.example")
	check("no data", err, ErrNotFound)
	if errors.Is(err, ErrNXDomain) {
		t.Error("a name with other records is no NXDOMAIN")
	}
	_, err = f.TXT(ctx, "example")
	if errors.Is(err, ErrNXDomain) {
		t.Error("a name above another is no NXDOMAIN (RFC 8020)")
	}
	_, err = f.TXT(ctx, "x.example")
	check("NXDOMAIN", err, ErrNXDomain)
	a, err := f.A(ctx, "d.example")
	check("A", err, nil)
	if len(a.Records) != 1 || !a.Records[0].Is4() {
		t.Errorf("A = %v", a.Records)
	}
	_, err = f.TXT(ctx, "h.example")
	check("hang", err, ErrTemporary)
}

func FuzzRead(f *testing.F) {
	q := new(mdns.Msg)
	q.SetQuestion("a.example.", mdns.TypeTXT)
	for _, s := range [][]string{
		{`a.example. 60 IN TXT "x"`}, {"a.example. 1 IN CNAME b.example.", `b.example. 1 IN TXT "y"`},
		{"example. 60 IN SOA ns.example. h.example. 1 2 3 4 5"},
	} {
		m := new(mdns.Msg)
		m.SetReply(q)
		for _, r := range s {
			rr, err := mdns.NewRR(r)
			if err != nil {
				f.Fatal(err)
			}
			m.Answer = append(m.Answer, rr)
		}
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		m := new(mdns.Msg)
		if m.Unpack(wire) != nil {
			return
		}
		for _, typ := range []uint16{mdns.TypeTXT, mdns.TypeA, mdns.TypeMX} {
			r, err := read(m, "a.example", typ)
			if err == nil && r.next == "" && r.entry.err == nil &&
				len(r.entry.texts)+len(r.entry.addrs)+len(r.entry.mxs) == 0 {
				t.Fatal("an answer with neither records nor a reason")
			}
		}
	})
}

func BenchmarkClientCached(b *testing.B) {
	c, err := New(Config{Servers: []Server{{Addr: "127.0.0.1:1"}}})
	if err != nil {
		b.Fatal(err)
	}
	c.cache.put(&entry{key: "TXT example.com", texts: []string{"v=spf1 -all"}, expires: time.Now().Add(time.Hour)})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.TXT(context.Background(), "example.com"); err != nil {
			b.Fatal(err)
		}
	}
}
