package eval

import (
	"regexp"

	"foregate/mql/shape"
)

type match = shape.Match

// extract appends the matches of x in s. Groups are the capturing groups in
// order, an absent one empty; named groups that did not take part are absent,
// and thus null.
func extract(x *regexp.Regexp, s string, out []match) []match {
	names := x.SubexpNames()
	for _, at := range x.FindAllStringSubmatchIndex(s, maxExtracts-len(out)) {
		m := match{FullMatch: s[at[0]:at[1]], Groups: make([]string, 0, len(names)-1), NamedGroups: map[string]string{}}
		for g := 1; g < len(names); g++ {
			group := ""
			if at[2*g] >= 0 {
				group = s[at[2*g]:at[2*g+1]]
				if names[g] != "" {
					m.NamedGroups[names[g]] = group
				}
			}
			m.Groups = append(m.Groups, group)
		}
		out = append(out, m)
	}
	return out
}
