package smtpd

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"foregate/mail"
	"foregate/smtpd/internal/smtp"
)

// finish judges a message that was read, carries the verdict out and answers.
func (ss *session) finish(b *smtp.Body) {
	s, tx, began := ss.srv, ss.tx, ss.srv.Now()
	who := ss.who()
	t := Transaction{Client: who.Addr, Helo: who.Helo, From: tx.From, Recipients: len(tx.rcpts), Size: int(b.Size)}
	var replies []smtp.Reply
	var placed []string // recipients whose copies the next hop has taken
	raw, free, err := s.load(b)
	defer free()
	switch {
	case err != nil:
		s.Log.Error("spool", "client", who.Addr, "err", err)
		replies = repeat(smtp.Say(451, "4.3.0 Message could not be stored, try again later"), len(tx.rcpts))
	case b.Fault != smtp.Sound:
		replies = repeat(faultReply(b.Fault, &s.Config), len(tx.rcpts))
	default:
		start := s.Now()
		env := ss.envelope(who)
		out, err := ss.judge(env, raw)
		t.Judge = s.Now().Sub(start)
		t.ID, t.Disposition, t.LogOdds = out.ID, out.Verdict.Disposition, out.Verdict.LogOdds
		for _, r := range out.Verdict.Reasons {
			if r.Weight > 0 && len(t.Reasons) < MaxLogReasons {
				t.Reasons = append(t.Reasons, r.ID)
			}
		}
		if err != nil {
			s.Log.Error("gate", "id", out.ID, "client", who.Addr, "err", err)
			t.Disposition = ""
			replies = repeat(smtp.Say(451, "4.3.0 Message could not be judged, try again later"), len(tx.rcpts))
		} else {
			d := &delivery{ss: ss, env: env, raw: raw, out: out, replies: make([]smtp.Reply, len(tx.rcpts))}
			d.run()
			replies, placed, t.NextHop = d.replies, d.placed, d.last
		}
	}
	if !ss.lmtp {
		replies = []smtp.Reply{combine(replies)}
	}
	worst := combine(replies)
	remember := func(again bool) {
		if !ss.lmtp && len(placed) > 0 {
			s.delivered.Note(tx.From, raw, placed, again, s.Now())
		}
	}
	remember(!worst.OK()) // before the client can send it again
	if ss.answers(replies) != nil {
		remember(true) // it never heard our answer
	}
	t.Code, t.Answer, t.Total = worst.Code, worst.Lines[0], s.Now().Sub(began)
	s.count(t)
}

// load waits until there is memory to judge a message, and reads it whole. The
// caller frees its share.
func (s *Server) load(b *smtp.Body) (raw []byte, free func(), err error) {
	if b.Fault != smtp.Sound {
		return nil, func() {}, nil
	}
	share := s.Config.share(b.Size)
	ctx, cancel := context.WithTimeout(s.base, s.Config.InFlightWait)
	defer cancel()
	if s.budget.Acquire(ctx, share) != nil {
		b.Fault = smtp.NoRoom
		return nil, func() {}, nil
	}
	s.nInFlight.Add(share)
	raw, err = b.Load()
	return raw, func() {
		s.nInFlight.Add(-share)
		s.budget.Release(share)
	}, err
}

func repeat(r smtp.Reply, n int) []smtp.Reply {
	return slices.Repeat([]smtp.Reply{r}, n)
}

// combine makes one answer of many, as the package comment says.
func combine(replies []smtp.Reply) smtp.Reply {
	if i := slices.IndexFunc(replies, smtp.Reply.Temporary); i >= 0 {
		return replies[i]
	}
	if i := slices.IndexFunc(replies, func(r smtp.Reply) bool { return !r.OK() }); i >= 0 {
		return replies[i]
	}
	return replies[0]
}

// count logs and counts a message that was answered.
func (s *Server) count(t Transaction) {
	switch t.Code / 100 {
	case 2:
		s.nAccepted.Add(1)
		s.nOctets.Add(int64(t.Size))
	case 4:
		s.nLater.Add(1)
	default:
		s.nRefused.Add(1)
	}
	s.Log.LogAttrs(context.Background(), slog.LevelInfo, "message",
		slog.String("id", t.ID), slog.Any("client", t.Client), slog.String("helo", t.Helo), slog.String("from", t.From),
		slog.Int("recipients", t.Recipients), slog.Int("size", t.Size), slog.String("disposition", string(t.Disposition)),
		slog.Float64("log_odds", float64(t.LogOdds)), slog.String("reasons", strings.Join(t.Reasons, " ")),
		slog.Int("code", t.Code), slog.String("answer", t.Answer), slog.String("next_hop", t.NextHop),
		slog.Duration("judge", t.Judge), slog.Duration("total", t.Total))
	if s.OnDone != nil {
		s.OnDone(t)
	}
}

func (ss *session) envelope(who smtp.Origin) mail.Envelope {
	env := mail.Envelope{
		ClientIP: who.Addr, Helo: who.Helo, RDNS: who.Name, MailFrom: ss.tx.From, HasFrom: true,
		TLS: ss.secured, SMTPUTF8: ss.tx.UTF8, ReceivedAt: ss.srv.Now(),
	}
	for _, r := range ss.tx.rcpts {
		env.Recipients = append(env.Recipients, r.Addr)
	}
	return env
}

// judge asks the Gate; a panic there is its failure to judge.
func (ss *session) judge(env mail.Envelope, raw []byte) (out mail.Outcome, err error) {
	ctx, cancel := context.WithTimeout(ss.srv.base, ss.srv.Config.GateTimeout)
	defer cancel()
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("gate panicked: %v", r)
		}
	}()
	return ss.srv.Gate.Receive(ctx, env, raw)
}

// delivery carries out one verdict.
type delivery struct {
	ss      *session
	env     mail.Envelope
	raw     []byte
	out     mail.Outcome
	replies []smtp.Reply // one for each recipient of the transaction
	placed  []string     // recipients delivered
	last    string       // the next hop's last answer to data
}

// group is the recipients who get the same bytes.
type group struct {
	tag string
	who []int // indices into the transaction's recipients
}

func (d *delivery) run() {
	ok := smtp.Say(250, "2.0.0 Ok: queued as "+smtp.Printable(d.out.ID, 80))
	if d.out.ID == "" {
		ok = smtp.Say(250, "2.0.0 Ok")
	}
	refused, groups := d.plan(ok)
	if len(refused) > 0 && len(refused) < len(d.replies) && !d.ss.lmtp {
		if r := d.holdRefused(refused, ok); !r.OK() {
			copy(d.replies, repeat(r, len(d.replies)))
			return
		}
	}
	// SMTP: when one copy is to come later, all are.
	if !d.ss.lmtp && slices.ContainsFunc(d.replies, func(r smtp.Reply) bool { return r.Code/100 == 4 }) || len(groups) == 0 {
		return
	}
	if d.ss.srv.Config.NextHop.Addr == "" {
		for _, g := range groups {
			for _, i := range g.who {
				d.replies[i] = ok
			}
		}
		return
	}
	d.place(groups, ok)
}

// plan answers whom the verdict alone decides, and groups the others.
func (d *delivery) plan(ok smtp.Reply) (refused []int, groups []group) {
	v := d.out.Verdict
	byName := make(map[string]mail.RecipientVerdict, len(v.Recipients))
	for _, r := range v.Recipients {
		byName[r.Recipient] = r
	}
	for i, to := range d.ss.tx.rcpts {
		r, found := byName[to.Addr]
		if !found {
			r.Disposition = v.Disposition
		}
		switch r.Disposition {
		case mail.Deliver, mail.Flag:
			k := slices.IndexFunc(groups, func(g group) bool { return g.tag == r.SubjectTag })
			if k < 0 {
				k, groups = len(groups), append(groups, group{tag: r.SubjectTag})
			}
			groups[k].who = append(groups[k].who, i)
		case mail.Hold:
			d.replies[i] = ok
		case mail.Reject:
			refused = append(refused, i)
			d.replies[i] = d.refusal()
		default: // Defer, and what we don't know
			d.replies[i] = smtp.Say(451, "4.7.1 Message can't be taken now, try again later ("+smtp.Printable(d.out.ID, 80)+")")
		}
	}
	return refused, groups
}

// refusal is the answer to a rejected message: the strongest reason and our
// name for the message, for the sender to quote.
func (d *delivery) refusal() smtp.Reply {
	why := "policy"
	if len(d.out.Verdict.Reasons) > 0 {
		why = d.out.Verdict.Reasons[0].Claim
	}
	return smtp.Say(550, "5.7.1 Message refused: "+smtp.Printable(why, 200)+" ("+smtp.Printable(d.out.ID, 80)+")")
}

// holdRefused has the copies held that can't be refused on their own.
func (d *delivery) holdRefused(refused []int, ok smtp.Reply) (r smtp.Reply) {
	h, can := d.ss.srv.Gate.(Holder)
	if !can {
		return d.refusal()
	}
	env := d.env
	env.Recipients = nil
	for _, i := range refused {
		env.Recipients = append(env.Recipients, d.env.Recipients[i])
	}
	later := smtp.Say(451, "4.3.0 Message could not be stored, try again later")
	defer func() {
		if p := recover(); p != nil {
			d.ss.srv.Log.Error("gate panicked while holding", "id", d.out.ID, "panic", p)
			r = later
		}
	}()
	ctx, cancel := context.WithTimeout(d.ss.srv.base, d.ss.srv.Config.GateTimeout)
	defer cancel()
	if err := h.Hold(ctx, env, d.raw, d.out); err != nil {
		d.ss.srv.Log.Error("holding", "id", d.out.ID, "err", err)
		return later
	}
	for _, i := range refused {
		d.replies[i] = ok
	}
	return ok
}

// place hands the groups to the next hop, each in its own transaction. When all
// recipients get the same bytes, the transaction in which the next hop accepted
// them is still open and is used. SMTP has one answer, so there the first group
// that fails speaks for those not yet tried.
func (d *delivery) place(groups []group, ok smtp.Reply) {
	ss := d.ss
	seen := func(string) bool { return false }
	if !ss.lmtp {
		seen = ss.srv.delivered.Seen(ss.tx.From, d.raw, ss.srv.Now())
	}
	for n, g := range groups {
		todo := slices.DeleteFunc(slices.Clone(g.who), func(i int) bool {
			if !seen(ss.tx.rcpts[i].Addr) {
				return false
			}
			d.replies[i], d.placed = ok, append(d.placed, ss.tx.rcpts[i].Addr)
			return true
		})
		if len(todo) == 0 {
			continue
		}
		whole := len(todo) == len(ss.tx.rcpts) && ss.hop != nil && ss.hop.Open
		answers := d.send(todo, d.out.Edit.Pieces(d.raw, g.tag), whole)
		bad := smtp.Reply{}
		for k, i := range todo {
			d.replies[i] = answers[k]
			if answers[k].OK() {
				d.last, d.replies[i], d.placed = answers[k].String(), ok, append(d.placed, ss.tx.rcpts[i].Addr)
			} else if bad.Code == 0 || answers[k].Temporary() {
				bad = answers[k]
			}
		}
		if bad.Code == 0 {
			continue
		}
		if d.last = bad.String(); !ss.lmtp {
			for _, rest := range groups[n+1:] {
				for _, i := range rest.who {
					d.replies[i] = bad
				}
			}
			return
		}
	}
}

// send delivers one group and returns an answer for each member, in the order
// of who. whole says that the open transaction is for exactly them.
func (d *delivery) send(who []int, pieces [][]byte, whole bool) []smtp.Reply {
	ss := d.ss
	answers := repeat(hopAway(), len(who))
	accepted := make([]int, 0, len(who)) // positions in who
	if whole {
		for k := range who {
			accepted = append(accepted, k)
		}
	} else {
		if r := ss.begin(ss.tx); !r.OK() {
			return repeat(r, len(who))
		}
		for k, i := range who {
			r, err := ss.hop.Rcpt(ss.tx.rcpts[i])
			if err != nil {
				return d.lost(err, answers)
			}
			if r.OK() {
				accepted = append(accepted, k) // its answer is the data's
			} else {
				answers[k] = r
			}
		}
		if len(accepted) == 0 {
			return answers
		}
	}
	got, err := ss.hop.Data(pieces, len(accepted))
	for k, r := range got {
		if r.Code == 421 || r.Code < 400 && !r.OK() {
			r = hopAway()
		}
		answers[accepted[k]] = r
	}
	if err != nil {
		return d.lost(err, answers)
	}
	return answers
}

// lost drops the connection; who got no answer yet keeps hopAway.
func (d *delivery) lost(err error, answers []smtp.Reply) []smtp.Reply {
	d.ss.srv.Log.Warn("next hop", "id", d.out.ID, "err", err)
	d.ss.dropHop()
	return answers
}
