package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"foregate/domain"
	"foregate/mql"
	"foregate/mql/shape"
	"foregate/scan/rule"
)

// loadRules reads every rule folder and the lists. Rules that do not check are
// left out and returned as faults, one each; the others are in force. An error
// means that nothing should be put in force: a folder could not be read.
func loadRules(c config) (e *rule.Edition, faults []error, err error) {
	lists, faults, err := loadLists(c)
	if err != nil {
		return nil, nil, err
	}
	var rules []*mql.Rule
	for _, dir := range c.Rules.Dirs {
		if info, err := os.Stat(dir); err != nil || !info.IsDir() {
			return nil, nil, fmt.Errorf("loading rules: %w", errors.Join(err, fmt.Errorf("%s is no folder", dir)))
		}
		read, errs := mql.ReadRules(os.DirFS(dir))
		rules = append(rules, read...)
		faults = append(faults, errs...)
	}
	set, errs := mql.NewEnv().CompileRules(rules)
	return &rule.Edition{Rules: set, Lists: lists}, append(faults, errs...), nil
}

// loadLists reads the list files and adds what the configuration says of the
// organisation.
func loadLists(c config) (*mql.Lists, []error, error) {
	var lists *mql.Lists
	var faults []error
	if c.Rules.Lists != "" {
		var fsys fs.FS = os.DirFS(c.Rules.Lists)
		if _, err := fs.Stat(fsys, "manifest.json"); err != nil {
			return nil, nil, fmt.Errorf("loading lists: %w", err)
		}
		lists, faults = mql.LoadLists(fsys)
	}
	o := c.Organisation
	if len(o.Domains) > 0 {
		var slds []string
		for _, d := range o.Domains {
			slds = append(slds, domain.Split(d).SLD)
		}
		lists = lists.With("org_domains", lowerAll(o.Domains)).With("org_slds", slds)
	}
	if len(o.DisplayNames) > 0 || len(o.VIPs) > 0 {
		names := o.DisplayNames
		var people []shape.VIP
		for _, v := range o.VIPs {
			names = append(names, v.DisplayName)
			first, last, _ := strings.Cut(v.DisplayName, " ")
			for _, email := range append(v.Emails, "")[:max(1, len(v.Emails))] {
				people = append(people, shape.VIP{DisplayName: v.DisplayName, FirstName: first, LastName: last, Email: email})
			}
		}
		lists = lists.With("org_display_names", names)
		var err error
		if lists, err = lists.WithVIPs(people); err != nil {
			return nil, nil, fmt.Errorf("loading lists: %w", err)
		}
	}
	return lists, faults, nil
}
