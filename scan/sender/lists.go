package sender

import (
	"context"
	"errors"
	"fmt"
	"strings"
)

// Why a list of the history cannot answer.
var (
	errNoHistory  = errors.New("no history is kept")
	errTooYoung   = fmt.Errorf("mail has been watched for less than %d days", int(Warmup.Hours()/24))
	errSharedHost = errors.New("no history is kept of domains that many people share")
)

// Lists answers, by name, the lists of the rule language that live in the
// history: whether an entry, an address or a domain, is in it.
//
//	sender_emails      delivered mail of the address was learned
//	sender_domains     the same of the registered domain
//	recipient_emails   we wrote to the address
//	recipient_domains  we wrote to the registered domain
//
// An entry is in the list as long as its record is kept. Each question reads
// two records by their keys. The error says why there is no answer: a gate that
// has watched for less than Warmup does not know who is absent, and of the
// domains of mail providers no record is kept.
func (s *Stage) Lists() map[string]func(ctx context.Context, entry string) (bool, error) {
	received := func(r *record) bool { return r.in > 0 && r.flags&flagBenign != 0 }
	written := func(r *record) bool { return r.out > 0 }
	list := func(kind byte, in func(r *record) bool) func(context.Context, string) (bool, error) {
		return func(ctx context.Context, entry string) (bool, error) { return s.listed(ctx, kind, entry, in) }
	}
	return map[string]func(context.Context, string) (bool, error){
		"sender_emails":     list('a', received),
		"sender_domains":    list('d', received),
		"recipient_emails":  list('a', written),
		"recipient_domains": list('d', written),
	}
}

func (s *Stage) listed(ctx context.Context, kind byte, entry string, in func(r *record) bool) (bool, error) {
	if s.History == nil {
		return false, errNoHistory
	}
	entry = strings.ToLower(entry)
	if kind == 'd' {
		if entry = rootOf(entry); s.isShared(entry) {
			return false, errSharedHost
		}
	}
	if entry == "" {
		return false, nil
	}
	key, world := s.Secret.key(kind, entry), s.worldKey()
	stored, err := s.History.LoadProfiles(ctx, []string{key, world})
	if err != nil {
		return false, fmt.Errorf("reading the history: %w", err)
	}
	r, err := decodeRecord(stored[key])
	if err != nil {
		return false, fmt.Errorf("reading the history: %w", err)
	}
	if in(&r) {
		return true, nil
	}
	all, err := decodeRecord(stored[world])
	if err != nil {
		return false, fmt.Errorf("reading the history: %w", err)
	}
	if all.firstDay == 0 || dayOf(s.Now())-all.firstDay < int32(Warmup.Hours()/24) {
		return false, errTooYoung
	}
	return false, nil
}
