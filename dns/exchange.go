package dns

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

const (
	// maxChain bounds the aliases followed for one question: longer chains
	// don't occur in mail and cost the resolver a query each.
	maxChain = 10
	// udpSize is the EDNS0 payload size that passes every path without
	// fragments (DNS Flag Day 2020); larger answers come over TCP.
	udpSize = 1232
	// maxStray bounds the datagrams that are read for one query: whoever
	// floods the port with guesses gets us to ask again over a new one.
	maxStray = 64
)

var (
	errStray     = errors.New("too many answers to another question")
	errTruncated = errors.New("answer truncated")
)

// exchange asks one server once: over UDP, and over TCP if the answer does not
// fit. The deadline is that of ctx.
func exchange(ctx context.Context, server string, question mdns.Question) (*mdns.Msg, error) {
	query, wire, err := newQuery(question)
	if err != nil {
		return nil, err
	}
	answer, err := exchangeUDP(ctx, server, query, wire)
	if errors.Is(err, errTruncated) || errors.Is(err, errStray) {
		return exchangeTCP(ctx, server, query, wire)
	}
	return answer, err
}

// newQuery makes a query with a random ID that asks for recursion and for the
// AD bit (RFC 6840 section 5.7).
func newQuery(question mdns.Question) (*mdns.Msg, []byte, error) {
	var id [2]byte
	if _, err := rand.Read(id[:]); err != nil {
		return nil, nil, fmt.Errorf("drawing a query ID: %w", err)
	}
	q := &mdns.Msg{Question: []mdns.Question{question}}
	q.Id = binary.BigEndian.Uint16(id[:])
	q.RecursionDesired = true
	q.AuthenticatedData = true
	q.SetEdns0(udpSize, false)
	wire, err := q.Pack()
	if err != nil {
		return nil, nil, fmt.Errorf("packing the question for %s: %w", question.Name, err)
	}
	return q, wire, nil
}

// exchangeUDP sends from a fresh socket, so that each query has a port of its
// own, connected, so that the kernel drops what other hosts send. Answers with
// another ID or question are ignored: they are late or forged.
func exchangeUDP(ctx context.Context, server string, query *mdns.Msg, wire []byte) (*mdns.Msg, error) {
	conn, err := dial(ctx, "udp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	if _, err := conn.Write(wire); err != nil {
		return nil, fmt.Errorf("sending to %s: %w", server, err)
	}
	buf := make([]byte, udpSize)
	for range maxStray {
		n, err := conn.Read(buf)
		if err != nil {
			return nil, fmt.Errorf("reading from %s: %w", server, err)
		}
		var header mdns.Msg
		if unpackErr := header.Unpack(buf[:n]); unpackErr != nil && !header.Truncated {
			continue
		}
		if header.Id != query.Id || !header.Response {
			continue
		}
		if header.Truncated {
			return nil, errTruncated
		}
		if !answers(&header, query) {
			continue
		}
		return &header, nil
	}
	return nil, errStray
}

func exchangeTCP(ctx context.Context, server string, query *mdns.Msg, wire []byte) (*mdns.Msg, error) {
	conn, err := dial(ctx, "tcp", server)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	framed := binary.BigEndian.AppendUint16(nil, uint16(len(wire)))
	if _, err := conn.Write(append(framed, wire...)); err != nil {
		return nil, fmt.Errorf("sending to %s over TCP: %w", server, err)
	}
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, fmt.Errorf("reading from %s over TCP: %w", server, err)
	}
	buf := make([]byte, binary.BigEndian.Uint16(size[:])) // at most 64 KiB
	if _, err := io.ReadFull(conn, buf); err != nil {
		return nil, fmt.Errorf("reading from %s over TCP: %w", server, err)
	}
	answer := new(mdns.Msg)
	if err := answer.Unpack(buf); err != nil {
		return nil, fmt.Errorf("reading the answer of %s: %w", server, err)
	}
	if answer.Id != query.Id || !answer.Response || !answers(answer, query) {
		return nil, fmt.Errorf("%s answered another question", server)
	}
	return answer, nil
}

// dial opens a socket whose deadline is that of ctx and that ctx closes.
func dial(ctx context.Context, network, server string) (net.Conn, error) {
	conn, err := (&net.Dialer{}).DialContext(ctx, network, server)
	if err != nil {
		return nil, fmt.Errorf("connecting to %s: %w", server, err)
	}
	if d, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(d); err != nil {
			conn.Close()
			return nil, fmt.Errorf("setting a deadline: %w", err)
		}
	} else if err := conn.SetDeadline(time.Now().Add(queryTimeout)); err != nil {
		conn.Close()
		return nil, fmt.Errorf("setting a deadline: %w", err)
	}
	return conn, nil
}

// answers tells whether m repeats the question of q.
func answers(m, q *mdns.Msg) bool {
	if len(m.Question) != 1 {
		return false
	}
	a, b := m.Question[0], q.Question[0]
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass &&
		strings.EqualFold(host(a.Name), host(b.Name))
}
