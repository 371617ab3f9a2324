package scan

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"foregate/evidence"
	"foregate/mail"
)

type stage struct {
	name string
	f    func(context.Context, *mail.Message, *mail.Facts) error
}

func (s stage) Name() string { return s.name }
func (s stage) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	return s.f(ctx, m, f)
}

type decider struct{}

func (decider) Decide(_ *mail.Message, f *mail.Facts) mail.Verdict {
	return mail.Verdict{Disposition: mail.Deliver, Gaps: f.Gaps, Reasons: f.Evidence}
}

func finds(id string) stage {
	return stage{id, func(_ context.Context, _ *mail.Message, f *mail.Facts) error {
		f.Add(evidence.Item{ID: id})
		return nil
	}}
}

func empty(env mail.Envelope, raw []byte) *mail.Message {
	return &mail.Message{Envelope: env, Raw: raw}
}

// A stage that fails, panics or comes too late leaves a gap; the others look
// all the same.
func TestEngineGaps(t *testing.T) {
	e := &Engine{
		Parse:   empty,
		Policy:  decider{},
		Timeout: 50 * time.Millisecond,
		Stage: Seq{
			finds("first"),
			stage{"broken", func(context.Context, *mail.Message, *mail.Facts) error { return errors.New("disk is gone") }},
			stage{"wild", func(context.Context, *mail.Message, *mail.Facts) error { panic("a bug") }},
			Par{finds("second"), stage{"slow", func(ctx context.Context, _ *mail.Message, _ *mail.Facts) error {
				<-ctx.Done()
				return fmt.Errorf("asking: %w", ctx.Err())
			}}},
			finds("late"),
		},
	}
	_, _, v := e.Judge(t.Context(), mail.Envelope{}, []byte("x"))
	want := []mail.Gap{
		{Stage: "broken", Err: "disk is gone"},
		{Stage: "wild", Err: "panic: a bug at foregate/scan.TestEngineGaps.func2"},
		{Stage: "slow", Err: "the time for one message is over"},
		{Stage: "late", Err: "no time left: the time for one message is over"},
	}
	if d := cmp.Diff(want, v.Gaps); d != "" {
		t.Error(d)
	}
	var ids []string
	for _, it := range v.Reasons {
		ids = append(ids, it.ID)
	}
	if d := cmp.Diff([]string{"first", "second"}, ids); d != "" {
		t.Error(d)
	}
}

func TestEngineFencesParser(t *testing.T) {
	e := &Engine{
		Parse:  func(mail.Envelope, []byte) *mail.Message { panic("bug") },
		Policy: decider{}, Stage: finds("stage"),
	}
	m, _, v := e.Judge(t.Context(), mail.Envelope{Helo: "h"}, []byte("raw"))
	if string(m.Raw) != "raw" || m.Envelope.Helo != "h" {
		t.Errorf("the bytes and the envelope are lost: %q %q", m.Raw, m.Envelope.Helo)
	}
	if len(v.Gaps) != 1 || v.Gaps[0].Stage != "parse" || len(v.Reasons) != 1 {
		t.Errorf("gaps %v, reasons %v; want one gap of parse and the stage's finding", v.Gaps, v.Reasons)
	}
}

func TestParRunsTogether(t *testing.T) {
	var in atomic.Int32
	meet := func(ctx context.Context, _ *mail.Message, _ *mail.Facts) error {
		in.Add(1)
		for in.Load() < 2 {
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
		return nil
	}
	f := &mail.Facts{}
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	if err := (Par{stage{"a", meet}, stage{"b", meet}}).Analyze(ctx, &mail.Message{}, f); err != nil || len(f.Gaps) != 0 {
		t.Errorf("error %v, gaps %v; want the two to meet", err, f.Gaps)
	}
}

func TestDirection(t *testing.T) {
	tests := []struct {
		name, from string
		rcpts      []string
		proven     bool
		want       mail.MessageType
	}{
		{"from outside to us", "a@x.example", []string{"b@org.example"}, true, mail.MessageType{Inbound: true}},
		{"between us, proven", "a@org.example", []string{"b@mail.org.example"}, true, mail.MessageType{Internal: true}},
		{"posing as us", "a@org.example", []string{"b@org.example"}, false, mail.MessageType{Inbound: true}},
		{"from us to outside", "a@org.example", []string{"b@x.example"}, true, mail.MessageType{Outbound: true}},
		{"from us to both", "a@org.example", []string{"b@x.example", "c@org.example"}, true, mail.MessageType{Internal: true, Outbound: true}},
		{"a look-alike is not us", "a@notorg.example", []string{"b@org.example"}, true, mail.MessageType{Inbound: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := &mail.Message{Envelope: mail.Envelope{Recipients: tt.rcpts}}
			m.Sender.Email.Email = tt.from
			f := &mail.Facts{Auth: mail.Auth{AuthorProven: tt.proven}}
			if err := (Direction{OwnDomains: []string{"org.example"}}).Analyze(t.Context(), m, f); err != nil {
				t.Fatal(err)
			}
			if d := cmp.Diff(tt.want, m.Type); d != "" {
				t.Error(d)
			}
		})
	}
}
