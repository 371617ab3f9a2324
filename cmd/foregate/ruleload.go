package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"strings"

	"foregate/domain"
	"foregate/mail"
	"foregate/mql"
	"foregate/mql/shape"
	"foregate/rules"
	"foregate/scan/rule"
	"foregate/scan/sender"
	"foregate/scan/text/sensitive"
)

// capabilities answers what rules ask beyond the message, by function name.
// What is not there leaves rules open.
func capabilities(c config) mql.Capabilities {
	caps := sensitive.Capabilities()
	trees, err := newTrees(c)
	if err == nil {
		maps.Copy(caps, trees.Answers())
	}
	if texts, err := newTexts(c); err == nil {
		maps.Copy(caps, texts.Capabilities())
	}
	return caps
}

// builtinPlace goes before the names of the rules that come with the program.
const builtinPlace = "builtin"

func builtinRuleFiles() ([]ruleFile, error) {
	return ruleFilesFS(rules.Rules(), builtinPlace, "rules")
}

// loadRules reads every rule folder and the lists. Rules that do not check are
// left out and returned as faults, one each; the others are in force. An error
// means that nothing should be put in force: a folder could not be read.
func loadRules(c config) (e *rule.Edition, faults []error, err error) {
	lists, faults, err := loadLists(c)
	if err != nil {
		return nil, nil, err
	}
	sources, errs, err := configuredRules(c)
	if err != nil {
		return nil, nil, fmt.Errorf("loading rules: %w", err)
	}
	faults = append(faults, errs...)
	plain := make([]*mql.Rule, len(sources))
	for i, s := range sources {
		plain[i] = s.Rule
	}
	set, errs := mql.NewEnv().CompileRules(plain)
	return &rule.Edition{Rules: set, Lists: lists}, append(faults, errs...), nil
}

// ruleLists loads the lists for a command; faults are told to warn.
func ruleLists(c config, warn io.Writer) (*mql.Lists, error) {
	lists, faults, err := loadLists(c)
	for _, f := range faults {
		fmt.Fprintf(warn, "foregate: %v\n", f)
	}
	return lists, err
}

// loadLists reads the built-in lists, puts the configured list files over them
// and adds what the configuration says of the organisation.
func loadLists(c config) (*mql.Lists, []error, error) {
	var lists *mql.Lists
	var faults []error
	if c.Rules.Builtin {
		lists, faults = mql.LoadLists(rules.Lists())
	}
	if c.Rules.Lists != "" {
		read, errs := mql.LoadLists(os.DirFS(c.Rules.Lists))
		if len(errs) > 0 && errors.Is(errs[0], mql.ErrListManifest) {
			return nil, nil, fmt.Errorf("loading lists: %s: %w", c.Rules.Lists, errs[0])
		}
		lists, faults = lists.Merge(read), append(faults, errs...)
	}
	lists, err := organisationLists(c.Organisation, lists)
	if err != nil {
		return nil, nil, fmt.Errorf("loading lists: %w", err)
	}
	return lists, faults, nil
}

// historyLists adds the lists that live in what the gate remembers of senders.
// Lists of the same name that a file gave stay. senders is nil where nothing is
// remembered.
func historyLists(lists *mql.Lists, senders *sender.Stage) *mql.Lists {
	if senders == nil {
		return lists
	}
	for name, has := range senders.Lists() {
		if _, given := lists.Len(name); !given {
			lists = lists.WithLookup(name, has)
		}
	}
	return lists
}

// perProvider lets profile.by_sender look at the address alone where the sender's
// domain is in $free_email_providers of the lists in force, as the rule language
// has it: strangers share such a domain.
func perProvider(answers map[string]mql.Answer, book *rule.Book) map[string]mql.Answer {
	bySender, byAddress := answers["profile.by_sender"], answers["profile.by_sender_email"]
	answers["profile.by_sender"] = func(ctx context.Context, m *mail.Message, args []any) (any, error) {
		d := m.Sender.Email.Domain
		if e := book.Current(); e != nil && (e.Lists.Has(ctx, "free_email_providers", d.RootDomain) || e.Lists.Has(ctx, "free_email_providers", d.Domain)) {
			return byAddress(ctx, m, args)
		}
		return bySender(ctx, m, args)
	}
	return answers
}

// organisationLists adds what the configuration says of the organisation.
func organisationLists(o orgConfig, lists *mql.Lists) (*mql.Lists, error) {
	if len(o.Domains) > 0 {
		var slds []string
		for _, d := range o.Domains {
			slds = append(slds, domain.Split(d).SLD)
		}
		own := lowerAll(o.Domains)
		lists = lists.With("org_domains", own).With("tenant_domains", own).With("org_slds", slds)
	}
	if len(o.DisplayNames) == 0 && len(o.VIPs) == 0 {
		return lists, nil
	}
	names := append([]string{}, o.DisplayNames...)
	var people []shape.VIP
	for _, v := range o.VIPs {
		names = append(names, v.DisplayName)
		first, last, _ := strings.Cut(v.DisplayName, " ")
		for _, email := range append(append([]string{}, v.Emails...), "")[:max(1, len(v.Emails))] {
			people = append(people, shape.VIP{DisplayName: v.DisplayName, FirstName: first, LastName: last, Email: email})
		}
	}
	return lists.With("org_display_names", names).WithVIPs(people)
}
