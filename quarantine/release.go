package quarantine

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"

	"foregate/store"
)

// Release is what a person asks to be released.
type Release struct {
	ID         string
	Actor      string   // who asks
	Recipients []string // none means all whose copies are held
	// Force sends copies that are stuck in releasing, though they may have
	// arrived. Without it only held copies are sent.
	Force bool
}

// Release sends held copies to the next hop and returns their recipients. Of
// two releases of one copy one wins, the other gets store.ErrState. When the
// next hop certainly did not take the message, the copies are held again and
// the error wraps ErrRefused; when that is not known they stay in releasing and
// the error wraps ErrUncertain.
func (q *Quarantine) Release(ctx context.Context, r Release) ([]string, error) {
	raw, err := q.DB.Raw(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	m, err := q.DB.Message(ctx, r.ID)
	if err != nil {
		return nil, err
	}
	token, err := uuid.NewRandom()
	if err != nil {
		return nil, fmt.Errorf("making a release token: %w", err)
	}
	claim := store.Move{
		ID: r.ID, Recipients: r.Recipients, From: store.Held, To: store.Releasing,
		NewToken: token.String(), At: q.now(),
		Audit: &store.Act{Actor: r.Actor, Act: "release"},
	}
	if r.Force {
		claim.From, claim.NotAfter = store.Releasing, q.now().Add(-settle)
		claim.Audit.Act = "release again"
	}
	to, err := q.DB.Apply(ctx, claim)
	if err != nil {
		return nil, err
	}
	// From here on the copies must not stay undecided for a client that went
	// away: the hand-over has its own time.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), InjectTimeout)
	defer cancel()
	head := releasedField(r.ID, token.String(), r.Actor, claim.At)
	err = q.Injector.Inject(ctx, m.Envelope.MailFrom, to, append([]byte(head), withoutOurs(raw)...))
	return q.finish(ctx, r, token.String(), to, err)
}

// finish records the outcome of a hand-over.
func (q *Quarantine) finish(ctx context.Context, r Release, token string, to []string, injectErr error) ([]string, error) {
	// The time of the hand-over may be used up; its record gets its own.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	mv := store.Move{
		ID: r.ID, Recipients: to, From: store.Releasing, Token: token, At: q.now(), To: store.Released,
	}
	switch {
	case injectErr == nil:
	case errors.Is(injectErr, ErrRefused):
		mv.To = store.Held
		mv.Audit = &store.Act{Actor: r.Actor, Act: "release failed", Detail: injectErr.Error()}
	default:
		note := store.Act{At: q.now(), Actor: r.Actor, Act: "release uncertain", Object: r.ID, Detail: injectErr.Error()}
		return nil, errors.Join(fmt.Errorf("releasing %s: %w: %w", r.ID, ErrUncertain, injectErr), q.DB.Note(ctx, note))
	}
	if _, err := q.DB.Apply(ctx, mv); err != nil {
		return nil, fmt.Errorf("recording the release of %s: %w: %w", r.ID, ErrUncertain, err)
	}
	if injectErr != nil {
		return nil, fmt.Errorf("releasing %s: %w", r.ID, injectErr)
	}
	return to, nil
}

// Resolve ends a release whose outcome is not known: a person says whether the
// message arrived. Copies that did not are held again. A release that was begun
// less than ten minutes ago may still be under way and gives store.ErrState.
func (q *Quarantine) Resolve(ctx context.Context, actor, id string, recipients []string, arrived bool) error {
	mv := store.Move{
		ID: id, Recipients: recipients, From: store.Releasing, To: store.Held,
		NotAfter: q.now().Add(-settle), At: q.now(),
		Audit: &store.Act{Actor: actor, Act: "resolve as not delivered"},
	}
	if arrived {
		mv.To, mv.Audit.Act = store.Released, "resolve as delivered"
	}
	_, err := q.DB.Apply(ctx, mv)
	return err
}

// ownPrefix begins the names of header fields that only we may write.
const ownPrefix = "x-foregate-"

// releasedField is the trace of a release, put on top of the message. The token
// is the same in the database and names this attempt, whatever the message's
// own Message-ID says.
func releasedField(id, token, actor string, at time.Time) string {
	return fmt.Sprintf("X-Foregate-Released: id=%s;\r\n\ttoken=%s;\r\n\tby=%q;\r\n\tat=%s\r\n",
		id, token, plain(actor), at.UTC().Format(time.RFC3339))
}

// plain makes a name fit for a header field: printable ASCII without quotes, at
// most 64 characters.
func plain(s string) string {
	const most = 64
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || r == '"' || r == '\\' {
			return '?'
		}
		return r
	}, s)
	return s[:min(len(s), most)]
}

// withoutOurs drops fields that speak in our name: they came with the message.
func withoutOurs(raw []byte) []byte {
	end := headerEnd(raw)
	if !bytes.Contains(bytes.ToLower(raw[:end]), []byte(ownPrefix)) {
		return raw
	}
	out := make([]byte, 0, len(raw))
	ours := false
	for rest := raw[:end]; len(rest) > 0; {
		n := lineLength(rest)
		line := rest[:n]
		if line[0] != ' ' && line[0] != '\t' {
			ours = len(line) >= len(ownPrefix) && strings.EqualFold(string(line[:len(ownPrefix)]), ownPrefix)
		}
		if !ours {
			out = append(out, line...)
		}
		rest = rest[n:]
	}
	return append(out, raw[end:]...)
}

// headerEnd is the length of the header block, without the empty line.
func headerEnd(raw []byte) int {
	for pos := 0; pos < len(raw); {
		n := lineLength(raw[pos:])
		if len(bytes.TrimRight(raw[pos:pos+n], "\r\n")) == 0 {
			return pos
		}
		pos += n
	}
	return len(raw)
}

// lineLength is the length of the first line with its end.
func lineLength(b []byte) int {
	if i := bytes.IndexByte(b, '\n'); i >= 0 {
		return i + 1
	}
	return len(b)
}
