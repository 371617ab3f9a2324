package dns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
)

// Fake is a Resolver made of literals, for tests. Names are in lower case
// without the trailing dot; a name in none of the maps, and not above one that
// is, gives ErrNXDomain.
type Fake struct {
	Text  map[string][]string     // TXT records, each with its strings joined
	Addrs map[string][]netip.Addr // A and AAAA records together
	MXs   map[string][]MX
	Names map[string][]string // PTR records by address ("192.0.2.1"), IPv6 in its shortest form
	CNAME map[string]string   // aliases, followed at most maxChain deep

	// Fail gives the error of a question, keyed by "type name" ("txt
	// example.com", types in lower case) or by the name alone for every type;
	// for PTR by the address. Any error is handed on together with
	// ErrTemporary unless it is ErrNotFound.
	Fail map[string]error
	// Hang lists questions, keyed as in Fail, that get no answer before the
	// context ends.
	Hang map[string]bool
	// Authentic lists the names whose answers carry the AD bit.
	Authentic map[string]bool
}

// TXT implements Resolver.
func (f Fake) TXT(ctx context.Context, name string) (Answer[string], error) {
	return fakeAsk(ctx, f, "txt", name, f.Text, nil)
}

// A implements Resolver.
func (f Fake) A(ctx context.Context, name string) (Answer[netip.Addr], error) {
	return fakeAsk(ctx, f, "a", name, f.Addrs, netip.Addr.Is4)
}

// AAAA implements Resolver.
func (f Fake) AAAA(ctx context.Context, name string) (Answer[netip.Addr], error) {
	return fakeAsk(ctx, f, "aaaa", name, f.Addrs, func(a netip.Addr) bool { return !a.Is4() })
}

// MX implements Resolver.
func (f Fake) MX(ctx context.Context, name string) (Answer[MX], error) {
	return fakeAsk(ctx, f, "mx", name, f.MXs, nil)
}

// PTR implements Resolver.
func (f Fake) PTR(ctx context.Context, addr netip.Addr) (Answer[string], error) {
	key := addr.Unmap().String()
	if err := charge(ctx, "PTR "+key); err != nil {
		return Answer[string]{}, err
	}
	if err := f.trouble(ctx, "ptr", key); err != nil {
		settle(ctx, err)
		return Answer[string]{}, err
	}
	if len(f.Names[key]) == 0 {
		err := fmt.Errorf("PTR %s: %w: %w", key, ErrNXDomain, ErrNotFound)
		settle(ctx, err)
		return Answer[string]{}, err
	}
	return Answer[string]{Records: f.Names[key], Authentic: f.Authentic[key]}, nil
}

// fakeAsk answers from a map; keep selects among its records, nil keeps all.
func fakeAsk[T any](ctx context.Context, f Fake, typ, name string, of map[string][]T, keep func(T) bool) (Answer[T], error) {
	if err := charge(ctx, typ+" "+name); err != nil {
		return Answer[T]{}, err
	}
	a, err := fakeFind(ctx, f, typ, name, of, keep)
	settle(ctx, err)
	return a, err
}

func fakeFind[T any](ctx context.Context, f Fake, typ, name string, of map[string][]T, keep func(T) bool) (Answer[T], error) {
	n, err := canonical(name)
	if err != nil {
		return Answer[T]{}, err
	}
	for range maxChain {
		if err := f.trouble(ctx, typ, n); err != nil {
			return Answer[T]{}, err
		}
		if to, ok := f.CNAME[n]; ok {
			n = strings.ToLower(to)
			continue
		}
		if records := kept(of[n], keep); len(records) > 0 {
			return Answer[T]{Records: records, Authentic: f.Authentic[n]}, nil
		}
		if f.exists(n) {
			return Answer[T]{}, fmt.Errorf("%s %s: %w", typ, n, ErrNotFound)
		}
		return Answer[T]{}, fmt.Errorf("%s %s: %w: %w", typ, n, ErrNXDomain, ErrNotFound)
	}
	return Answer[T]{}, fmt.Errorf("%s %s: more than %d aliases: %w", typ, name, maxChain, ErrTemporary)
}

func kept[T any](records []T, keep func(T) bool) []T {
	if keep == nil {
		return records
	}
	var out []T
	for _, r := range records {
		if keep(r) {
			out = append(out, r)
		}
	}
	return out
}

// trouble returns the configured failure of a question.
func (f Fake) trouble(ctx context.Context, typ, name string) error {
	for _, key := range []string{typ + " " + name, name} {
		if f.Hang[key] {
			<-ctx.Done()
			return fmt.Errorf("%s %s: %w: %w", typ, name, ErrTemporary, ctx.Err())
		}
		if err := f.Fail[key]; err != nil {
			if errors.Is(err, ErrNotFound) || errors.Is(err, ErrTemporary) {
				return fmt.Errorf("%s %s: %w", typ, name, err)
			}
			return fmt.Errorf("%s %s: %w: %w", typ, name, ErrTemporary, err)
		}
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("%s %s: %w: %w", typ, name, ErrTemporary, err)
	}
	return nil
}

// exists tells whether name or a name below it has a record.
func (f Fake) exists(name string) bool {
	below := "." + name
	return anyName(f.Text, name, below) || anyName(f.Addrs, name, below) ||
		anyName(f.MXs, name, below) || anyName(f.CNAME, name, below)
}

func anyName[T any](m map[string]T, name, below string) bool {
	for n := range m {
		if n == name || strings.HasSuffix(n, below) {
			return true
		}
	}
	return false
}
