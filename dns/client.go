package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
	"golang.org/x/sync/singleflight"
)

// The defaults of Config.
const (
	queryTimeout     = 5 * time.Second  // as long as a resolver takes to give up on a lame domain
	queryAttempts    = 3                // over all servers: one lost datagram or one dead server does no harm
	cacheBytes       = 32 << 20         // about 100,000 answers
	cacheMin         = 5 * time.Second  // even TTL 0 serves one message, so that its checks agree
	cacheMax         = 24 * time.Hour   // nobody's mistake stays longer than a day
	cacheMaxNegative = 15 * time.Minute // a record that has just been published is soon seen
	cacheFailure     = 5 * time.Second  // RFC 9520 section 3.2: a wave of mail from a lame domain waits once
)

// Server is one recursive resolver to ask.
type Server struct {
	Addr string // "host", "host:port" or "[v6]:port"; port 53 when absent
	// TrustAD keeps the AD bit of its answers: set it only for a validating
	// resolver on this host or behind a path that nobody else can write to.
	TrustAD bool
}

// Config says whom to ask and what to keep. Zero values are the defaults.
type Config struct {
	Servers        []Server      // empty: those of ResolvConf, none with TrustAD
	ResolvConf     string        // default /etc/resolv.conf
	Timeout        time.Duration // for one question with its retries and aliases, default 5 s
	Attempts       int           // for one question over all servers, default 3
	CacheBytes     int           // default 32 MiB
	MinTTL         time.Duration // default 5 s
	MaxTTL         time.Duration // default 24 h
	MaxNegativeTTL time.Duration // default 15 min
	Now            func() time.Time
}

// Client is the Resolver that asks recursive resolvers, with a cache.
type Client struct {
	config Config
	cache  *cache
	flight singleflight.Group
}

var _ Resolver = (*Client)(nil)

// New returns a client for config. The error says why the resolver
// configuration could not be read.
func New(config Config) (*Client, error) {
	c := config
	c.Servers = slices.Clone(config.Servers)
	if len(c.Servers) == 0 {
		path := c.ResolvConf
		if path == "" {
			path = "/etc/resolv.conf"
		}
		system, err := mdns.ClientConfigFromFile(path)
		if err != nil {
			return nil, fmt.Errorf("reading the system's resolvers: %w", err)
		}
		for _, s := range system.Servers {
			c.Servers = append(c.Servers, Server{Addr: s})
		}
	}
	if len(c.Servers) == 0 {
		return nil, errors.New("no DNS resolver is configured")
	}
	for i, s := range c.Servers {
		c.Servers[i].Addr = withPort(s.Addr)
	}
	c.Timeout = orDefault(c.Timeout, queryTimeout)
	c.Attempts = orDefault(c.Attempts, queryAttempts)
	c.CacheBytes = orDefault(c.CacheBytes, cacheBytes)
	c.MinTTL = orDefault(c.MinTTL, cacheMin)
	c.MaxTTL = orDefault(c.MaxTTL, cacheMax)
	c.MaxNegativeTTL = orDefault(c.MaxNegativeTTL, cacheMaxNegative)
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Client{config: c, cache: newCache(c.CacheBytes)}, nil
}

func orDefault[T comparable](v, def T) T {
	var zero T
	if v == zero {
		return def
	}
	return v
}

// withPort adds port 53 to a server address that has none.
func withPort(addr string) string {
	if _, _, err := net.SplitHostPort(addr); err == nil {
		return addr
	}
	return net.JoinHostPort(strings.Trim(addr, "[]"), "53")
}

// TXT implements Resolver.
func (c *Client) TXT(ctx context.Context, name string) (Answer[string], error) {
	e, err := c.ask(ctx, name, mdns.TypeTXT)
	if err != nil {
		return Answer[string]{}, err
	}
	return Answer[string]{Records: slices.Clone(e.texts), Authentic: e.authentic}, nil
}

// A implements Resolver.
func (c *Client) A(ctx context.Context, name string) (Answer[netip.Addr], error) {
	return c.addrs(ctx, name, mdns.TypeA)
}

// AAAA implements Resolver.
func (c *Client) AAAA(ctx context.Context, name string) (Answer[netip.Addr], error) {
	return c.addrs(ctx, name, mdns.TypeAAAA)
}

func (c *Client) addrs(ctx context.Context, name string, typ uint16) (Answer[netip.Addr], error) {
	e, err := c.ask(ctx, name, typ)
	if err != nil {
		return Answer[netip.Addr]{}, err
	}
	return Answer[netip.Addr]{Records: slices.Clone(e.addrs), Authentic: e.authentic}, nil
}

// MX implements Resolver.
func (c *Client) MX(ctx context.Context, name string) (Answer[MX], error) {
	e, err := c.ask(ctx, name, mdns.TypeMX)
	if err != nil {
		return Answer[MX]{}, err
	}
	return Answer[MX]{Records: slices.Clone(e.mxs), Authentic: e.authentic}, nil
}

// PTR implements Resolver.
func (c *Client) PTR(ctx context.Context, addr netip.Addr) (Answer[string], error) {
	name, err := reverse(addr)
	if err != nil {
		return Answer[string]{}, err
	}
	e, err := c.ask(ctx, name, mdns.TypePTR)
	if err != nil {
		return Answer[string]{}, err
	}
	return Answer[string]{Records: slices.Clone(e.texts), Authentic: e.authentic}, nil
}

// ask answers one question from the cache or the servers and accounts for it.
// The entry must not be modified: it is shared.
func (c *Client) ask(ctx context.Context, name string, typ uint16) (*entry, error) {
	key := mdns.TypeToString[typ] + " " + name
	if err := charge(ctx, key); err != nil {
		return nil, err
	}
	e, err := c.find(ctx, name, typ)
	if err == nil && e.err != nil {
		err = e.err
	}
	if err != nil {
		settle(ctx, err)
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return e, nil
}

func (c *Client) find(ctx context.Context, name string, typ uint16) (*entry, error) {
	name, err := canonical(name)
	if err != nil {
		return nil, err
	}
	key := mdns.TypeToString[typ] + " " + name
	if e := c.cache.get(key, c.config.Now()); e != nil {
		return e, nil
	}
	// One look-up serves everybody who waits for it, so it must outlive the
	// first of them: it has a deadline of its own.
	done := c.flight.DoChan(key, func() (any, error) {
		own, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.config.Timeout)
		defer cancel()
		e, err := c.lookUp(own, name, typ)
		if err != nil {
			e = &entry{err: err, expires: c.config.Now().Add(cacheFailure)}
		}
		e.key = key
		c.cache.put(e)
		return e, nil
	})
	select {
	case <-ctx.Done():
		return nil, fmt.Errorf("%w: %w", ErrTemporary, ctx.Err())
	case r := <-done:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*entry), nil
	}
}

// lookUp asks the servers and follows aliases over several answers. Its errors
// wrap ErrTemporary; a record that does not exist is an entry with err.
func (c *Client) lookUp(ctx context.Context, name string, typ uint16) (*entry, error) {
	authentic := true
	ttl := c.config.MaxTTL
	for range maxChain {
		m, trusted, err := c.query(ctx, mdns.Question{Name: presentation(name), Qtype: typ, Qclass: mdns.ClassINET})
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTemporary, err)
		}
		r, err := read(m, name, typ)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrTemporary, err)
		}
		authentic = authentic && trusted && m.AuthenticatedData
		ttl = min(ttl, r.ttl)
		if r.next != "" {
			name = r.next
			continue
		}
		r.entry.authentic = authentic
		if r.entry.err != nil {
			ttl = min(ttl, c.config.MaxNegativeTTL)
		}
		r.entry.expires = c.config.Now().Add(max(ttl, c.config.MinTTL))
		return &r.entry, nil
	}
	return nil, fmt.Errorf("%w: more than %d aliases", ErrTemporary, maxChain)
}

// query asks the servers in turn until one gives a usable answer. Each attempt
// gets an equal share of the time that is left.
func (c *Client) query(ctx context.Context, q mdns.Question) (m *mdns.Msg, trusted bool, err error) {
	var failures []error
	for i := range c.config.Attempts {
		if ctx.Err() != nil {
			failures = append(failures, ctx.Err())
			break
		}
		server := c.config.Servers[i%len(c.config.Servers)]
		m, err := c.attempt(ctx, server.Addr, q, c.config.Attempts-i)
		if err == nil {
			return m, server.TrustAD, nil
		}
		failures = append(failures, err)
	}
	return nil, false, errors.Join(failures...)
}

func (c *Client) attempt(ctx context.Context, addr string, q mdns.Question, left int) (*mdns.Msg, error) {
	share := c.config.Timeout / time.Duration(left)
	if d, ok := ctx.Deadline(); ok {
		share = time.Until(d) / time.Duration(left)
	}
	ctx, cancel := context.WithTimeout(ctx, share)
	defer cancel()
	m, err := exchange(ctx, addr, q)
	if err != nil {
		return nil, err
	}
	if m.Rcode != mdns.RcodeSuccess && m.Rcode != mdns.RcodeNameError {
		return nil, fmt.Errorf("%s answered %s", addr, mdns.RcodeToString[m.Rcode])
	}
	// A referral instead of an answer comes from a server that does not
	// recurse for us: lame for our purpose (RFC 1912 section 2.8).
	if !m.RecursionAvailable && !m.Authoritative && len(m.Answer) == 0 {
		return nil, fmt.Errorf("%s does not recurse", addr)
	}
	return m, nil
}
