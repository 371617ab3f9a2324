package smtpd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/pires/go-proxyproto"
	"golang.org/x/sync/semaphore"

	"foregate/smtpd/internal/once"
	"foregate/smtpd/internal/smtp"
)

// proxyHeaderTimeout is short: a proxy sends its header with the first packet.
const proxyHeaderTimeout = 5 * time.Second

// state is the running part of a Server.
type state struct {
	once      sync.Once
	setupErr  error
	base      context.Context // ends when what is in flight must stop
	cancel    context.CancelFunc
	hop       smtp.Target
	tls       *tls.Config
	hopWords  hopWords
	delivered once.Memory
	budget    *semaphore.Weighted

	mu        sync.Mutex
	stopping  bool
	listeners map[net.Listener]bool
	sessions  map[*session]bool
	perIP     map[netip.Prefix]int
	wg        sync.WaitGroup

	nSessions, nTurned, nAccepted, nRefused, nLater, nOctets, nInFlight, nSpooled atomic.Int64
}

// Run listens on every configured address and serves until ctx ends; then it
// stops accepting, sends idle clients away with 421 and gives messages in
// flight StopTimeout. It returns nil after such a stop.
func (s *Server) Run(ctx context.Context) error {
	if err := s.setup(); err != nil {
		return err
	}
	if len(s.Config.Listen) == 0 {
		return errors.New("smtpd: no address to listen on")
	}
	fail := make(chan error, len(s.Config.Listen))
	for _, where := range s.Config.Listen {
		l, err := listen(where.Addr)
		if err != nil {
			s.stop(context.Background())
			return fmt.Errorf("smtpd: listening on %s: %w", where.Addr, err)
		}
		go func() { fail <- s.Serve(l, where) }()
	}
	var err error
	select {
	case <-ctx.Done():
	case err = <-fail:
	}
	grace, cancel := context.WithTimeout(context.Background(), s.Config.StopTimeout)
	defer cancel()
	return errors.Join(err, s.Shutdown(grace))
}

func listen(addr string) (net.Listener, error) {
	path, ok := strings.CutPrefix(addr, "unix:")
	if !ok {
		return net.Listen("tcp", addr)
	}
	if info, err := os.Lstat(path); err == nil && info.Mode()&os.ModeSocket != 0 {
		os.Remove(path) // left over from a killed process
	}
	return net.Listen("unix", path)
}

// setup checks the configuration and makes the running state, once.
func (s *Server) setup() error {
	s.once.Do(func() {
		c := &s.Config
		if s.Log == nil {
			s.Log = slog.New(slog.DiscardHandler)
		}
		if s.Now == nil {
			s.Now = time.Now
		}
		s.base, s.cancel = context.WithCancel(context.Background())
		s.listeners = map[net.Listener]bool{}
		s.sessions = map[*session]bool{}
		s.perIP = map[netip.Prefix]int{}
		s.budget = semaphore.NewWeighted(c.MaxInFlight)
		if s.Gate == nil {
			s.setupErr = errors.New("smtpd: no gate")
			return
		}
		for _, n := range []int64{c.MaxSize, int64(c.MaxRecipients), int64(c.MaxLine), int64(c.MaxErrors), int64(c.MaxIdle),
			int64(c.MaxConns), int64(c.MaxConnsPerIP), c.MaxInFlight, c.MaxSpool, int64(c.InFlightWait), int64(c.CommandTimeout),
			int64(c.DataTimeout), int64(c.DataTotal), int64(c.GateTimeout), int64(c.HopTimeout), int64(c.HopDataTimeout), int64(c.StopTimeout)} {
			if n <= 0 {
				s.setupErr = errors.New("smtpd: a bound or timeout is not set; start from Defaults")
				return
			}
		}
		if need := c.share(c.MaxSize); c.MaxInFlight < need || c.MaxSpool < c.MaxSize {
			s.setupErr = fmt.Errorf("smtpd: MaxInFlight %d is less than %d or MaxSpool %d less than %d, which a message of MaxSize takes", c.MaxInFlight, need, c.MaxSpool, c.MaxSize)
			return
		}
		if c.TLS != nil {
			s.tls = c.TLS.Clone()
			s.tls.MinVersion = max(s.tls.MinVersion, tls.VersionTLS12)
		}
		if c.NextHop.Addr != "" {
			s.hop, s.setupErr = c.NextHop.target()
		}
	})
	return s.setupErr
}

// Serve accepts sessions on l until Shutdown or Run's end; where's Addr is not
// used. It closes l and returns nil after a Shutdown.
func (s *Server) Serve(l net.Listener, where Listen) error {
	if err := s.setup(); err != nil {
		l.Close()
		return err
	}
	s.mu.Lock()
	if s.stopping {
		s.mu.Unlock()
		l.Close()
		return nil
	}
	s.listeners[l] = true
	s.mu.Unlock()
	defer l.Close()
	for {
		conn, err := l.Accept()
		if err == nil {
			s.accept(conn, where)
			continue
		}
		if s.isStopping() {
			return nil
		}
		if errors.Is(err, net.ErrClosed) {
			return fmt.Errorf("smtpd: accepting: %w", err)
		}
		// Out of file descriptors, or a connection gone before we took it.
		s.Log.Warn("accepting a connection", "err", err)
		select {
		case <-s.base.Done():
			return nil
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (s *Server) isStopping() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stopping
}

// accept starts a session for conn, or turns it away at a limit.
func (s *Server) accept(conn net.Conn, where Listen) {
	peer := addrOf(conn.RemoteAddr())
	trusted := s.trusts(conn.RemoteAddr())
	block := netip.Prefix{}
	if !trusted {
		block = blockOf(peer)
	}
	ss := &session{srv: s, lmtp: where.LMTP, trusted: trusted, client: smtp.Origin{Addr: peer}}
	ss.wire = smtp.NewWire(conn)

	s.mu.Lock()
	full := len(s.sessions) >= s.Config.MaxConns || block.IsValid() && s.perIP[block] >= s.Config.MaxConnsPerIP
	if s.stopping || full {
		s.mu.Unlock()
		s.nTurned.Add(1)
		s.Log.Info("turned away", "client", peer, "reason", "connection limit")
		_ = conn.SetWriteDeadline(time.Now().Add(time.Second))
		fmt.Fprintf(conn, "421 4.7.0 %s too many connections, try again later\r\n", s.Config.Hostname)
		conn.Close()
		return
	}
	s.sessions[ss] = true
	if block.IsValid() {
		s.perIP[block]++
	}
	s.wg.Add(1)
	s.mu.Unlock()
	s.nSessions.Add(1)

	go func() {
		defer s.wg.Done()
		defer s.drop(ss, block)
		defer func() {
			if r := recover(); r != nil { // one session's fault must not end the others
				s.Log.Error("session panicked", "client", ss.client.Addr, "panic", r)
			}
		}()
		if where.Proxy && trusted {
			pc := proxyproto.NewConn(conn, proxyproto.WithPolicy(proxyproto.REQUIRE), proxyproto.SetReadHeaderTimeout(proxyHeaderTimeout))
			if h := pc.ProxyHeader(); h == nil {
				s.Log.Warn("no PROXY header from a trusted peer", "peer", peer)
				return
			} else if h.Command.IsProxy() {
				ss.client.Addr, ss.trusted = addrOf(pc.RemoteAddr()), s.trusts(pc.RemoteAddr())
			}
			ss.wire.SetConn(pc)
		}
		ss.serve()
	}()
}

func (s *Server) drop(ss *session, block netip.Prefix) {
	ss.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.sessions, ss)
	if block.IsValid() {
		if s.perIP[block]--; s.perIP[block] <= 0 {
			delete(s.perIP, block)
		}
	}
}

// Shutdown stops accepting, sends idle clients away with 421 and waits for
// messages in flight; when ctx ends first it cuts them off (their clients keep
// them) and returns ctx's error.
func (s *Server) Shutdown(ctx context.Context) error {
	if err := s.setup(); err != nil {
		return err
	}
	return s.stop(ctx)
}

func (s *Server) stop(ctx context.Context) error {
	s.mu.Lock()
	s.stopping = true
	for l := range s.listeners {
		l.Close()
	}
	for ss := range s.sessions {
		ss.wire.Stop()
	}
	s.mu.Unlock()
	done := make(chan struct{})
	go func() {
		s.wg.Wait()
		close(done)
	}()
	defer s.cancel()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	s.cancel()
	s.mu.Lock()
	for ss := range s.sessions {
		ss.wire.Cut()
	}
	s.mu.Unlock()
	return fmt.Errorf("smtpd: stopping with sessions open: %w", ctx.Err())
}

// Stats returns the counters.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	open := len(s.sessions)
	s.mu.Unlock()
	return Stats{
		Sessions: s.nSessions.Load(), Open: int64(open), Turned: s.nTurned.Load(),
		Accepted: s.nAccepted.Load(), Refused: s.nRefused.Load(), Later: s.nLater.Load(),
		Octets: s.nOctets.Load(), InFlight: s.nInFlight.Load(), Spooled: s.nSpooled.Load(),
	}
}

// busy reports that most sessions are taken: time for shorter patience.
func (s *Server) busy() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sessions) > s.Config.MaxConns*3/4
}

func (s *Server) trusts(a net.Addr) bool {
	if a.Network() == "unix" {
		return true
	}
	addr := addrOf(a)
	return slices.ContainsFunc(s.Config.Trusted, func(p netip.Prefix) bool { return p.Contains(addr) })
}

// addrOf is the address of a TCP peer, IPv4 in its own form; invalid for others.
func addrOf(a net.Addr) netip.Addr {
	if t, ok := a.(*net.TCPAddr); ok {
		return t.AddrPort().Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// blockOf is what one client is likely to command: an IPv4 address, an IPv6 /64.
func blockOf(a netip.Addr) netip.Prefix {
	bits := 64
	if a.Is4() {
		bits = 32
	}
	p, _ := a.Prefix(bits)
	return p
}

// hopWords remembers what the next hop offered last, so that a client's EHLO
// can be answered without a connection made for it alone.
type hopWords struct {
	mu   sync.Mutex
	ext  map[string]string
	when time.Time
}

// hopWordsLife is how long an offer is believed: a reconfigured next hop is
// noticed within a minute, and refused parameters give 451 meanwhile.
const hopWordsLife = time.Minute

func (h *hopWords) get(now time.Time) (map[string]string, bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ext, h.ext != nil && now.Sub(h.when) < hopWordsLife
}

func (h *hopWords) put(ext map[string]string, now time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.ext, h.when = ext, now
}
