package graph

import (
	"strings"

	"foregate/intel"
)

// Joins says whether a relation tells of infrastructure. What an analyst says of
// an actor joins nothing: all of a report's indicators would be one cluster.
func Joins(r intel.Relation) bool {
	switch r {
	case intel.Indicates, intel.AlsoKnownAs, intel.AttributedTo, intel.SimilarTo, "reported-in", "sighted-by":
		return false
	}
	return true
}

// said are the kinds that people speak of, as opposed to what is seen. An edge to
// one of them joins nothing, whatever the relation is called.
func said(k intel.Kind) bool {
	switch k {
	case intel.Report, intel.Campaign, intel.IntrusionSet, intel.ThreatActor, intel.AttackPat, intel.Malware, intel.Tool, intel.Identity:
		return true
	}
	return false
}

// rank orders kinds by which is shared by which: of two the higher one is the
// thing and the lower one has it.
func rank(k intel.Kind) int {
	word := string(k)
	switch {
	case k == intel.Message:
		return 0
	case k == intel.Domain || k == intel.URL || k == intel.Email || k == intel.FileName || k.IsHash():
		return 1
	case k == intel.IPv4 || k == intel.IPv6:
		return 2
	case k == intel.Certificate || strings.Contains(word, "cert"):
		return 3
	case k == intel.ASN || k == "registrar" || k == "country" || k == "country-code" || k == "tld" || k == "isp":
		return 5
	}
	return 4
}

// Broad is the relation to what has very many sharers outside of what is in the
// graph: networks, registrars, countries.
const Broad intel.Relation = "part-of"

// edgeOf brings an assertion into one form: what is shared is the object, and
// what means the same has one relation, whatever the source calls it. ok is false
// when it joins nothing.
func edgeOf(a intel.Assertion) (from, to intel.Node, rel intel.Relation, ok bool) {
	from, to, rel = a.Subject, a.Object, a.Relation
	if !Joins(rel) || said(from.Kind) || said(to.Kind) {
		return from, to, rel, false
	}
	if rank(from.Kind) > rank(to.Kind) {
		from, to = to, from
	}
	word := string(rel)
	has := func(parts ...string) bool {
		for _, p := range parts {
			if strings.Contains(word, p) {
				return true
			}
		}
		return false
	}
	switch kind := string(to.Kind); {
	case from.Kind == intel.Message:
	case rank(to.Kind) == 5:
		rel = Broad
	case rank(to.Kind) == 3:
		rel = intel.UsesCert
	case to.Kind == intel.NameServer || to.Kind == intel.Domain && (word == "ns" || has("name-server", "nameserver", "name_server", "delegat", "uses-ns", "uses_ns", "has-ns", "has_ns")):
		rel = intel.UsesNS
	case to.Kind == intel.Registrant || strings.Contains(kind, "registrant") || to.Kind == intel.Email && has("regist", "whois"):
		rel = intel.RegisteredBy
	case rank(to.Kind) == 2 && strings.Contains(to.Value, "/"):
		rel = Broad
	case rank(from.Kind) == 1 && rank(to.Kind) == 2:
		rel = intel.ResolvesTo
	case to.Kind == intel.Kit:
		rel = Serves
	}
	return from, to, rel, true
}
