package known

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"foregate/intel"
	"foregate/mail"
	"foregate/scan/link"
)

var now = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// source is a literal list of assertions that can change.
type source struct {
	mu  sync.Mutex
	at  time.Time
	as  []intel.Assertion
	err error
}

func (s *source) IntelChanged(context.Context) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.at, s.err
}

func (s *source) Indicators(_ context.Context, yield func(intel.Assertion) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, a := range s.as {
		if !yield(a) {
			break
		}
	}
	return s.err
}

func say(kind intel.Kind, value string) intel.Assertion {
	return intel.Assertion{Subject: intel.Node{Kind: kind, Value: value}, Relation: intel.Indicates, Object: intel.Node{Kind: intel.IntrusionSet, Value: "Callisto"},
		Source: intel.Source{Name: "Sekoia"}, First: now.AddDate(0, 0, -12), Confidence: intel.Confidence{Reliability: 'B', Credibility: 2}}
}

const message = "From: Press <office@evil-one.com>\r\nReply-To: x@fine.org\r\nSubject: s\r\nContent-Type: text/html\r\n\r\n<a href=\"https://login.evil-two.com/owa\">see</a> <a href=\"http://fine.org/kit/page\">b</a>\r\n"

func judge(t *testing.T, s Stage) []string {
	t.Helper()
	m := mail.Parse(mail.Envelope{}, []byte(message))
	f := &mail.Facts{}
	for _, err := range []error{link.Stage{}.Analyze(t.Context(), m, f), s.Analyze(t.Context(), m, f)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	var out []string
	for _, it := range f.Evidence {
		if strings.HasPrefix(it.ID, "known.") {
			out = append(out, it.ID+": "+it.Claim)
			if it.Weight <= 0 || it.Weight > 1 {
				t.Errorf("%s weighs %v", it.ID, it.Weight)
			}
		}
	}
	return out
}

func TestStage(t *testing.T) {
	src := &source{as: []intel.Assertion{say(intel.Domain, "evil-one.com"), say(intel.Domain, "evil-two.com"), say(intel.URL, "http://fine.org/kit/")}}
	s := Stage{Index: &Index{}, Now: func() time.Time { return now }}
	if got := judge(t, s); len(got) != 0 {
		t.Errorf("an empty index finds %q", got)
	}
	if err := s.Index.Load(t.Context(), src, []Warning{{"shared hosts", []string{"evil-two.com"}}}); err != nil {
		t.Fatal(err)
	}
	got := strings.Join(judge(t, s), "\n")
	for _, want := range []string{
		`known.sender: the author's domain matches the indicator evil-one.com (exact) of "Callisto", 12 days old, reported by Sekoia`,
		`known.host: the host of a link matches the indicator evil-two.com (suffix) of "Callisto", 12 days old, reported by Sekoia; many share it, says the list "shared hosts"`,
		`known.url: a link matches the indicator http://fine.org/kit/ (prefix) of "Callisto", 12 days old, reported by Sekoia`,
	} {
		if !strings.Contains(got, want) {
			t.Errorf("missing %s in\n%s", want, got)
		}
	}
	if got := judge(t, Stage{}); len(got) != 0 {
		t.Error("the zero stage finds something")
	}
}

// A new indicator is in force within a moment; a failing source leaves the old
// ones.
func TestWatch(t *testing.T) {
	src := &source{at: now}
	s := Stage{Index: &Index{}, Now: func() time.Time { return now }}
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	failures := make(chan error, 100)
	wg.Go(func() {
		s.Index.Watch(ctx, src, nil, 5*time.Millisecond, func(err error) {
			select {
			case failures <- err:
			default:
			}
		})
	})
	src.mu.Lock()
	src.as, src.at = []intel.Assertion{say(intel.Domain, "evil-one.com")}, now.Add(time.Second)
	src.mu.Unlock()
	until := time.Now().Add(time.Second)
	for len(judge(t, s)) == 0 {
		if time.Now().After(until) {
			t.Fatal("not in force after a second")
		}
		time.Sleep(time.Millisecond)
	}
	src.mu.Lock()
	src.err = errors.New("away")
	src.mu.Unlock()
	if err := <-failures; err == nil || len(judge(t, s)) == 0 {
		t.Error("a failure lost the indicators")
	}
	cancel()
	wg.Wait()
}
