package text

import (
	"bytes"
	"context"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"foregate/evidence"
	"foregate/mail"
	"foregate/mql/shape"
	"foregate/training"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func builtin(tb testing.TB) *Model {
	tb.Helper()
	m, err := Builtin()
	if err != nil {
		tb.Fatal(err)
	}
	return m
}

// variants is what "foregate train" makes of each base text.
const variants = 3

// TestModelIsReproducible trains the model that ships again: the same bytes.
// The scores are those of base texts that the model had not seen.
func TestModelIsReproducible(t *testing.T) {
	labels, err := training.Labels()
	if err != nil {
		t.Fatal(err)
	}
	examples, err := training.Examples(variants)
	if err != nil {
		t.Fatal(err)
	}
	m, scores, err := Train(labels, examples)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(m.Bytes(), builtinModel) {
		t.Errorf("model.bin is not what training makes: run foregate train")
	}
	for _, s := range scores {
		if s.Label == "attack" {
			t.Logf("%2s: attacks found %d of %d, others taken for attacks %d of %d", s.Language, s.Found, s.Texts, s.Wrong, s.Of)
			if s.Language == "" && (2*s.Found < s.Texts || 7*s.Wrong > s.Of) {
				t.Errorf("of unseen texts %d of %d attacks are found, %d of %d others are wrong", s.Found, s.Texts, s.Wrong, s.Of)
			}
		}
	}
}

func TestTrainErrors(t *testing.T) {
	labels := []training.Label{{Code: "a", Kind: "intent", Name: "a"}}
	tests := []struct {
		examples []training.Example
		want     string
	}{
		{nil, "training: no labels or no examples"},
		{[]training.Example{{Base: "x:1", Labels: []string{"b"}}}, `training: x:1: unknown label "b"`},
	}
	for _, tt := range tests {
		if _, _, err := Train(labels, tt.examples); err == nil || err.Error() != tt.want {
			t.Errorf("error %v, want %q", err, tt.want)
		}
	}
}

func find(r Result, name string) *Finding {
	for i := range r.Findings {
		if r.Findings[i].Name == name {
			return &r.Findings[i]
		}
	}
	return nil
}

// TestClassify uses texts that are not among the training texts.
func TestClassify(t *testing.T) {
	m := builtin(t)
	tests := []struct{ subject, body, language, attack, quote string }{
		{"Mailbox quota", "Dear user,\nYour mailbox has exceeded the storage limit set by the administrator. You can't receive new mail until you re-validate it. Click here to validate your mailbox: https://mail.polaris.example/v\nFailure to do so will deactivate your email account.", "english", "cred_theft", "mailbox"},
		{"Video", "I have installed a trojan on your device and recorded you while you visited an adult website. Send $900 in Bitcoin to my wallet within 48 hours or I will send the video to all your contacts.", "english", "extortion", "video"},
		{"Nachlass", "Ich bin der Anwalt eines verstorbenen Kunden, der 8,5 Millionen Euro hinterlassen hat. Ich möchte Sie als nächsten Angehörigen angeben und wir teilen das Geld. Melden Sie sich unter info@example.com mit Name, Anschrift und Telefonnummer.", "german", "advance_fee", ""},
		{"アカウントの確認", "お客様のアカウントに異常なログインが検出されましたので、ご利用を一時停止しました。下記のリンクからログインして本人確認を行ってください。24時間以内に確認が取れない場合、アカウントは永久に停止されます。", "japanese", "cred_theft", ""},
		{"Tuesday", "Hi Anna,\ncan we move our meeting to 14:00 on Tuesday? I have a conflict in the morning, and the room is free then. I'll bring the figures for the report.\nBest\nTom", "english", "", ""},
		{"Re: patch", "> +\tret = register_device(dev);\nWhy is this needed? Please split this in two patches and add the Fixes tag. Otherwise looks good to me.\nReviewed-by: Tom <tom@example.org>", "english", "", ""},
	}
	for _, tt := range tests {
		r := m.Classify(tt.subject, tt.body)
		if r.Language != tt.language {
			t.Errorf("%q: language %q, want %q", tt.subject, r.Language, tt.language)
		}
		a := find(r, "attack")
		if (a != nil && a.Confidence != shape.Low) != (tt.attack != "") {
			t.Errorf("%q: attack is %+v, want one: %v", tt.subject, a, tt.attack != "")
		}
		if tt.attack == "" {
			continue
		}
		if f := find(r, tt.attack); f == nil {
			t.Errorf("%q: no %s in %+v", tt.subject, tt.attack, r.Findings)
		} else if !strings.Contains(f.Quote, tt.quote) || f.Quote == "" || len(f.Words) == 0 {
			t.Errorf("%q: quote %q (%q), want one with %q", tt.subject, f.Quote, f.Words, tt.quote)
		}
	}
}

func TestEntities(t *testing.T) {
	r := builtin(t).Classify("Invoice", "Dear Anna Berg,\n\nPlease reply as soon as possible about the invoice from Microsoft.\n\nKind regards,\nTom Miller\n\nThis email and any attachments are private.")
	want := []shape.Entity{
		{Name: "financial", Text: "Invoice"}, {Name: "greeting", Text: "Dear"}, {Name: "recipient", Text: "Anna Berg"},
		{Name: "request", Text: "Please reply"}, {Name: "urgency", Text: "as soon as possible"}, {Name: "financial", Text: "invoice"}, {Name: "org", Text: "Microsoft"},
		{Name: "salutation", Text: "Kind regards"}, {Name: "sender", Text: "Tom Miller"}, {Name: "disclaimer", Text: "This email and any attachments"},
	}
	if diff := cmp.Diff(want, r.Entities); diff != "" {
		t.Errorf("entities (-want +got):\n%s", diff)
	}
}

func TestLanguages(t *testing.T) {
	m := builtin(t)
	examples, err := training.LookAlikes(2)
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for _, ex := range examples {
		if got := m.Classify(ex.Subject, ex.Body).Language; got != languageName(ex.Language) {
			t.Logf("%s: %q for %q", ex.Base, got, ex.Subject)
			wrong++
		}
	}
	if wrong*50 > len(examples) {
		t.Errorf("the language of %d of %d unseen texts is wrong", wrong, len(examples))
	}
}

// TestLookAlikes: benign texts that look like phishing, none of which was
// trained on.
func TestLookAlikes(t *testing.T) {
	m := builtin(t)
	examples, err := training.LookAlikes(6)
	if err != nil {
		t.Fatal(err)
	}
	high, medium := 0, 0
	for _, ex := range examples {
		a := find(m.Classify(ex.Subject, ex.Body), "attack")
		switch {
		case a == nil || a.Confidence == shape.Low:
		case a.Confidence == shape.High:
			t.Logf("high: %s %q %q", ex.Base, ex.Subject, a.Words)
			high++
		default:
			medium++
		}
	}
	t.Logf("of %d look-alikes %d read like an attack with high and %d with medium confidence", len(examples), high, medium)
	if high*50 > len(examples) {
		t.Errorf("%d of %d look-alikes read like an attack with high confidence", high, len(examples))
	}
}

func message(t *testing.T, body string) *mail.Message {
	t.Helper()
	return mail.Parse(mail.Envelope{}, []byte("From: a@example.org\r\nSubject: Mailbox\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"+body))
}

func TestStageAndCapabilities(t *testing.T) {
	s := NewStage(builtin(t))
	m := message(t, "Your mailbox has exceeded its limit. Click here to validate your mailbox and keep the same password: https://x.example/\r\n")
	var f mail.Facts
	if err := s.Analyze(context.Background(), m, &f); err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(f.Evidence, func(it evidence.Item) bool { return strings.HasPrefix(it.ID, "text.cred_theft.") })
	if i < 0 {
		t.Fatalf("no text.cred_theft in %+v", f.Evidence)
	}
	if it := f.Evidence[i]; it.Lineage != "text" || it.Quote == "" || !strings.HasPrefix(it.Claim, `The text presses the reader to sign in or to confirm an account ("`) {
		t.Errorf("item %+v", it)
	}
	got, err := s.Capabilities()["ml.nlu_classifier"](context.Background(), m, []any{m.Body.CurrentThread.Text, nil})
	if err != nil {
		t.Fatal(err)
	}
	r := s.read(Of(m))
	if diff := cmp.Diff(r.NLU(), got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("the rules see something else than the stage:\n%s", diff)
	}
	if len(s.memo.kept) != 1 {
		t.Errorf("%d texts were read, want 1", len(s.memo.kept))
	}
	topics, err := s.Capabilities()["beta.ml_topic"](context.Background(), m, []any{"Your weekly newsletter: in this issue we read about trees. Read online."})
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := topics.(shape.Topics); !ok {
		t.Errorf("beta.ml_topic returns a %T", topics)
	}
	for _, args := range [][]any{nil, {7}} {
		if _, err := s.Capabilities()["ml.nlu_classifier"](context.Background(), m, args); err == nil {
			t.Errorf("no error for the arguments %v", args)
		}
	}
}

func TestMemoIsBounded(t *testing.T) {
	s := NewStage(builtin(t))
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range memoSize {
				s.read(strings.Repeat("a", w), strings.Repeat("b ", i))
			}
		})
	}
	wg.Wait()
	if n := len(s.memo.kept); n > memoSize {
		t.Errorf("%d results kept, at most %d may be", n, memoSize)
	}
}

func TestModelFileErrors(t *testing.T) {
	good := slices.Clone(builtinModel)
	damaged := slices.Clone(good)
	damaged[len(damaged)/2] ^= 1
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "reading the text model: not a text model"},
		{"other file", []byte("PK\x03\x04 and more of it"), "reading the text model: not a text model"},
		{"damaged", damaged, "reading the text model: the checksum differs: the file is damaged"},
		{"cut", good[:len(good)-9], "reading the text model: the checksum differs: the file is damaged"},
		{"too large", make([]byte, MaxModel+1), "reading the text model: 4194305 bytes, at most 4194304 are read"},
	}
	for _, tt := range tests {
		if _, err := New(tt.data); err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %q", tt.name, err, tt.want)
		}
	}
	if len(good) > MaxModel {
		t.Errorf("the model has %d bytes, at most %d may be", len(good), MaxModel)
	}
	m := builtin(t)
	if !bytes.Equal(m.Bytes(), good) {
		t.Error("a model read and written differs")
	}
}

func TestSigmoid(t *testing.T) {
	for _, tt := range []struct{ x, want float64 }{{0, 0.5}, {2, 0.8807970779778823}, {-2, 0.11920292202211755}, {30, 0.9999999999999064}, {50, 1}, {-50, 0}} {
		if got := sigmoid(tt.x); got < tt.want-1e-11 || got > tt.want+1e-11 {
			t.Errorf("sigmoid(%g) = %v, want %v", tt.x, got, tt.want)
		}
	}
}

func TestBounds(t *testing.T) {
	m := builtin(t)
	for _, body := range []string{
		strings.Repeat("verify your account ", 100_000), strings.Repeat("a", 1<<20), strings.Repeat("@.", 1<<19),
		strings.Repeat("密", 1<<18), strings.Repeat("1(", 1<<19), "\xff\xfe" + strings.Repeat("\x80", 1<<20),
	} {
		for _, f := range m.Classify(body, body).Findings {
			if len(f.Quote) > evidence.MaxQuote || !utf8.ValidString(f.Quote) {
				t.Errorf("quote of %d bytes: %q", len(f.Quote), f.Quote)
			}
		}
	}
}

func FuzzClassify(f *testing.F) {
	m := builtin(f)
	f.Add("Mailbox", "Dear user, verify your account at https://x.example/ within 24 hours.\nRegards,\nIT")
	f.Add("アカウント", "ログインして本人確認を行ってください。 ¥500 +81 3 5550 1234")
	f.Add("", "(1(2(3 4.5,6 a@b.c www.x.example \xff ｖｅｒｉｆｙ 𝐕𝐞𝐫𝐢𝐟𝐲 don't")
	f.Fuzz(func(t *testing.T, subject, body string) {
		r := m.Classify(subject, body)
		if diff := cmp.Diff(r, m.Classify(subject, body), cmp.AllowUnexported(Result{})); diff != "" {
			t.Fatalf("two readings differ:\n%s", diff)
		}
		for _, x := range r.Findings {
			if x.Probability < LowFrom || x.Probability > 1 || len(x.Quote) > evidence.MaxQuote || !utf8.ValidString(x.Quote) {
				t.Fatalf("finding %+v", x)
			}
		}
		for _, e := range r.Entities {
			if e.Text == "" || len(e.Text) > maxEntityText || !utf8.ValidString(e.Text) {
				t.Fatalf("entity %+v", e)
			}
		}
	})
}

func FuzzNew(f *testing.F) {
	labels := []training.Label{{Code: "a", Kind: "intent", Name: "a"}}
	m, _, err := Train(labels, []training.Example{{Base: "1", Language: "en", Labels: []string{"a"}, Body: "one two"}, {Base: "2", Language: "en", Body: "one three"}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(m.Bytes())
	f.Add([]byte(modelMagic))
	f.Fuzz(func(t *testing.T, data []byte) {
		// A fuzzer does not find checksums: try the body without.
		if m, err := decode(withSum(data)); err == nil {
			m.index()
			m.Classify("s", "one two three four five six seven")
		}
	})
}

func BenchmarkClassify(b *testing.B) {
	m := builtin(b)
	body := strings.Repeat("Hello Anna, we looked at the draft and would like to move the meeting to Tuesday. Please see https://www.example.org/a for the notes of 12.03.2026. ", 16)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		m.Classify("Minutes of the meeting", body)
	}
}

func BenchmarkNew(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := New(builtinModel); err != nil {
			b.Fatal(err)
		}
	}
}

// withSum puts a right checksum behind data.
func withSum(data []byte) []byte {
	return binary.LittleEndian.AppendUint32(slices.Clone(data), crc32.ChecksumIEEE(data))
}
