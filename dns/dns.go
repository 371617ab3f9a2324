// Package dns asks the Domain Name System the few questions a mail gate has,
// with a cache, a budget per message and a deadline per query.
package dns

import (
	"context"
	"errors"
	"net/netip"
)

// Resolver answers the queries of mail authentication. Names are absolute,
// with or without the trailing dot. Implementations are safe for concurrent
// use. A name without the asked records gives ErrNotFound (NXDOMAIN and no
// data alike; NXDOMAIN also wraps ErrNXDomain); a failure to look gives
// ErrTemporary, or ErrBudget when the message has used up its queries.
type Resolver interface {
	TXT(ctx context.Context, name string) (Answer[string], error) // the strings of one record joined
	A(ctx context.Context, name string) (Answer[netip.Addr], error)
	AAAA(ctx context.Context, name string) (Answer[netip.Addr], error)
	MX(ctx context.Context, name string) (Answer[MX], error) // sorted by preference
	PTR(ctx context.Context, addr netip.Addr) (Answer[string], error)
}

// Answer is a set of records and whether the configured resolver vouches for
// them.
type Answer[T any] struct {
	Records []T
	// Authentic is the AD bit (RFC 4035), kept only from resolvers that the
	// configuration trusts.
	Authentic bool
}

// MX is one mail exchanger.
type MX struct {
	Preference uint16
	Host       string // without the trailing dot; "" is the null MX of RFC 7505
}

// The ways a question goes without an answer.
var (
	ErrNotFound  = errors.New("no such record")
	ErrNXDomain  = errors.New("no such name") // always wrapped together with ErrNotFound
	ErrTemporary = errors.New("DNS could not be asked")
	ErrBudget    = errors.New("the message used up its DNS queries") // wraps as temporary for callers
)
