package sender

import (
	"context"
	"fmt"

	"foregate/mail"
	"foregate/mql"
	"foregate/mql/shape"
)

// The prevalence of a sender in the rule language, by what was learned before
// the message (mail of the last Delay does not count yet):
//
//	unknown   the gate has watched for less than Warmup and never saw the sender
//	new       no mail was learned
//	outlier   mail on one day
//	rare      mail on 2 or 3 days
//	uncommon  mail on 4 to 9 days
//	common    mail on 10 days or more
const (
	rareDays     = 2
	uncommonDays = 4
	commonDays   = 10
)

// Answers are the functions of the rule language that ask for a sender's
// history.
func (s *Stage) Answers() map[string]mql.Answer {
	return map[string]mql.Answer{
		"profile.by_sender": func(ctx context.Context, m *mail.Message, _ []any) (any, error) {
			who := s.identifyAddress(m.Sender.Email)
			if who.shared || who.domain == "" {
				return s.profile(ctx, m, who.address, who.mailbox)
			}
			return s.profile(ctx, m, who.domain, who.mailbox)
		},
		"profile.by_sender_email": func(ctx context.Context, m *mail.Message, _ []any) (any, error) {
			who := s.identifyAddress(m.Sender.Email)
			return s.profile(ctx, m, who.address, who.mailbox)
		},
		"profile.by_sender_domain": func(ctx context.Context, m *mail.Message, _ []any) (any, error) {
			who := s.identifyAddress(m.Sender.Email)
			return s.profile(ctx, m, who.domain, who.mailbox)
		},
		"beta.profile.by_reply_to": func(ctx context.Context, m *mail.Message, _ []any) (any, error) {
			if len(m.Headers.ReplyTo) == 0 {
				return nil, nil
			}
			who := s.identifyAddress(m.Headers.ReplyTo[0].Email)
			return s.profile(ctx, m, who.address, who.mailbox)
		},
	}
}

// profile answers for one key; without an address there is no profile.
func (s *Stage) profile(ctx context.Context, m *mail.Message, key, address string) (any, error) {
	if s.History == nil {
		return nil, fmt.Errorf("no history is kept")
	}
	if key == "" || address == "" {
		return nil, nil
	}
	stored, err := s.History.LoadProfiles(ctx, []string{key, s.worldKey()})
	if err != nil {
		return nil, fmt.Errorf("reading a sender's history: %w", err)
	}
	r, err := decodeRecord(stored[key])
	if err != nil {
		return nil, fmt.Errorf("reading a sender's history: %w", err)
	}
	world, err := decodeRecord(stored[s.worldKey()])
	if err != nil {
		return nil, fmt.Errorf("reading a sender's history: %w", err)
	}
	a := answer(&r, &world, dayOf(s.at(m)))
	return &a, nil
}

// answer is a record as the rule language has it.
func answer(r, world *record, today int32) shape.Sender {
	flag := func(bit uint8) *bool {
		v := r.flags&bit != 0
		return &v
	}
	since := func(day int32) *int {
		if day == 0 {
			return nil
		}
		n := int(max(0, today-day))
		return &n
	}
	a := shape.Sender{
		Prevalence:                 prevalence(r, world, today),
		Solicited:                  flag(flagSolicited),
		AnyMessagesBenign:          flag(flagBenign),
		AnyMessagesMaliciousOrSpam: flag(flagMalicious),
		AnyFalsePositives:          flag(flagFalsePositive),
		AuthFailed:                 flag(flagFailed),
		DaysKnown:                  since(r.firstDay),
		DaysSince: &shape.DaysSince{
			FirstContact: since(r.firstDay), LastContact: since(max(r.lastIn, r.lastOut)),
			LastInbound: since(r.lastIn), LastOutbound: since(r.lastOut),
		},
	}
	if a.DaysKnown == nil {
		zero := 0
		a.DaysKnown = &zero
	}
	return a
}

func prevalence(r, world *record, today int32) string {
	switch {
	case r.days >= commonDays:
		return "common"
	case r.days >= uncommonDays:
		return "uncommon"
	case r.days >= rareDays:
		return "rare"
	case r.days == 1:
		return "outlier"
	case world.firstDay == 0 || today-world.firstDay < int32(Warmup.Hours()/24):
		return "unknown"
	}
	return "new"
}
