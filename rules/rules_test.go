package rules_test

import (
	"context"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"foregate/domain"
	"foregate/mail"
	"foregate/mql"
	"foregate/mql/shape"
	"foregate/rules"
	"foregate/rules/sample"
	"foregate/scan"
	"foregate/scan/auth"
	"foregate/scan/link"
)

// minRules is how many rules the project promises.
const minRules = 80

func lists(t testing.TB) *mql.Lists {
	t.Helper()
	l, errs := mql.LoadLists(rules.Lists())
	for _, err := range errs {
		t.Error(err)
	}
	org := sample.Org()
	var slds []string
	for _, d := range org.Domains {
		slds = append(slds, domain.Split(d).SLD)
	}
	var people []shape.VIP
	for _, p := range org.VIPs {
		people = append(people, shape.VIP{DisplayName: p.FirstName + " " + p.LastName, FirstName: p.FirstName, LastName: p.LastName, Email: p.Email})
	}
	l, err := l.With("org_domains", org.Domains).With("org_slds", slds).With("org_display_names", org.DisplayNames).WithVIPs(people)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func load(t testing.TB) *mql.RuleSet {
	t.Helper()
	set, errs := mql.NewEnv().Load(rules.Rules())
	for _, err := range errs {
		t.Error(err)
	}
	if len(set.Rules) < minRules {
		t.Errorf("%d rules, want at least %d", len(set.Rules), minRules)
	}
	return set
}

// judge reads a message as the gate does before its rules run, offline.
func judge(t testing.TB, env mail.Envelope, raw []byte, own []string) *mail.Message {
	t.Helper()
	m, f := mail.Parse(env, raw), &mail.Facts{}
	stages := scan.Seq{auth.Stage{Offline: true}, scan.Direction{OwnDomains: own}, link.Stage{}}
	if err := stages.Analyze(t.Context(), m, f); err != nil {
		t.Fatal(err)
	}
	for _, g := range f.Gaps {
		t.Errorf("%s could not look: %s", g.Stage, g.Err)
	}
	return m
}

func stem(r *mql.Rule) string { return strings.TrimSuffix(r.File, ".yml") }

func TestRulesAreComplete(t *testing.T) {
	uuid4 := regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	technique := regexp.MustCompile(`^T\d{4}(\.\d{3})?$`)
	names := map[string]string{}
	for _, r := range load(t).Rules {
		if !uuid4.MatchString(r.ID) {
			t.Errorf("%s: id %q is no UUID of version 4", r.File, r.ID)
		}
		if other := names[r.Name]; other != "" {
			t.Errorf("%s: has the name of %s", r.File, other)
		}
		names[r.Name] = r.File
		if !slices.ContainsFunc(r.Tactics, technique.MatchString) {
			t.Errorf("%s: names no ATT&CK technique: %q", r.File, r.Tactics)
		}
		if !slices.Contains([]string{"low", "medium", "high", "critical"}, r.Severity) {
			t.Errorf("%s: severity %q", r.File, r.Severity)
		}
		if r.Type != "rule" || r.Kind != mql.Detection {
			t.Errorf("%s: is a %q and a %s rule", r.File, r.Type, r.Kind)
		}
		if !strings.HasSuffix(r.Claim, ".") || len(r.Claim) < 40 || len(r.Claim) > 200 {
			t.Errorf("%s: the claim is no sentence that fits a warning: %q", r.File, r.Claim)
		}
		for what, n := range map[string]int{"description": len(r.Description), "references": len(r.References), "attack_types": len(r.AttackTypes),
			"detection_methods": len(r.Methods), "false_positives": len(r.FalsePositives)} {
			if n == 0 {
				t.Errorf("%s: %s is empty", r.File, what)
			}
		}
	}
}

// Our rules work with what we ship: no function that may be absent, no list
// that is not here.
func TestRulesNeedNothingElse(t *testing.T) {
	set, known := load(t), lists(t)
	for i, r := range set.Rules {
		funcs, named := set.Needs(i)
		if len(funcs) > 0 {
			t.Errorf("%s: needs %s", r.File, strings.Join(funcs, ", "))
		}
		for _, l := range named {
			if _, ok := known.Len(strings.TrimPrefix(l, "$")); !ok {
				t.Errorf("%s: needs %s", r.File, l)
			}
		}
	}
}

func TestSourcesAreFormatted(t *testing.T) {
	for _, r := range load(t).Rules {
		got, errs := mql.Format(r.Source)
		if len(errs) > 0 || strings.TrimSpace(got) != strings.TrimSpace(r.Source) {
			t.Errorf("%s: not in the canonical layout %v", r.File, errs)
		}
	}
}

func TestSamples(t *testing.T) {
	set, known, org := load(t), lists(t), sample.Org()
	rulesByName := map[string]bool{}
	for _, r := range set.Rules {
		rulesByName[stem(r)] = true
		for _, kind := range []string{"hit", "miss"} {
			files, err := filepath.Glob(filepath.Join("testdata", stem(r), kind+"-*.eml"))
			if err != nil || len(files) == 0 {
				t.Errorf("%s: no %s-*.eml in testdata (%v)", r.File, kind, err)
			}
			for _, file := range files {
				fired := fires(t, set, known, org.Domains, file)
				if kind == "hit" && !fired[r.File] {
					t.Errorf("%s: the rule does not fire", file)
				}
				if kind == "miss" && len(fired) > 0 {
					t.Errorf("%s: %v fire", file, fired)
				}
			}
		}
	}
	dirs, err := os.ReadDir("testdata")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range dirs {
		if !rulesByName[d.Name()] && d.Name() != "ordinary" {
			t.Errorf("testdata/%s belongs to no rule", d.Name())
		}
	}
}

// No rule fires on what such an organisation gets every day.
func TestOrdinaryMail(t *testing.T) {
	set, known, org := load(t), lists(t), sample.Org()
	files, err := filepath.Glob("testdata/ordinary/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		if fired := fires(t, set, known, org.Domains, file); len(fired) > 0 {
			t.Errorf("%s: %v fire", file, fired)
		}
	}
}

// The Callisto chain of the demonstration is seen, its ordinary mail is not.
func TestDemonstration(t *testing.T) {
	set, known := load(t), lists(t)
	files, err := filepath.Glob("../cmd/foregate/testdata/samples/*.eml")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		fired := fires(t, set, known, nil, file) // without own domains all mail is inbound
		if attack := strings.Contains(filepath.Base(file), "callisto"); (len(fired) > 0) != attack {
			t.Errorf("%s: %v fire", file, fired)
		}
	}
}

// fires returns the files of the rules that fire on a sample.
func fires(t *testing.T, set *mql.RuleSet, known *mql.Lists, own []string, file string) map[string]bool {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	env, raw, err := sample.Read(raw)
	if err != nil {
		t.Fatalf("%s: %v", file, err)
	}
	m := judge(t, env, raw, own)
	if !m.Type.Inbound {
		t.Errorf("%s: is not inbound", file)
	}
	res, err := set.Eval(context.Background(), m, nil, known)
	if err != nil {
		t.Fatal(err)
	}
	full, err := set.EvalWith(context.Background(), m, nil, known, mql.Options{NoPrefilter: true})
	if err != nil || len(full.Outcomes) != len(res.Outcomes) {
		t.Errorf("%s: %d rules fire, evaluated in full %d (%v)", file, len(res.Outcomes), len(full.Outcomes), err)
	}
	out := map[string]bool{}
	for _, o := range res.Outcomes {
		if o.State == mql.True {
			out[o.Rule.File] = true
		} else {
			t.Errorf("%s: %s is open for want of %v", file, o.Rule.File, o.Missing)
		}
	}
	return out
}

func TestListsAreSorted(t *testing.T) {
	files, err := fs.Glob(rules.Lists(), "*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		raw, err := fs.ReadFile(rules.Lists(), name)
		if err != nil {
			t.Fatal(err)
		}
		words := strings.Fields(string(raw))
		if !slices.IsSorted(words) || len(slices.Compact(slices.Clone(words))) != len(words) {
			t.Errorf("%s: not sorted or not unique", name)
		}
		if strings.ToLower(string(raw)) != string(raw) {
			t.Errorf("%s: not in lower case", name)
		}
	}
}
