package main

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"foregate/domain"
	"foregate/intel"
	"foregate/intel/graph"
	"foregate/mail"
	"foregate/scan/known"
	"foregate/store"
)

// campaignAge is how far back own messages are clustered when not said.
const campaignAge = age(30 * 24 * time.Hour)

// mailGraph makes a graph of the messages of the history and what they share.
// Copies, which share all and have one sender, are one node by the name of the
// first. bad are the messages that were not simply delivered.
func mailGraph(w *world, cl *cli, since age) (g *graph.Graph, bad map[string]bool, err error) {
	db, err := openIntel(w, cl)
	if err != nil {
		return nil, nil, err
	}
	defer db.Close()
	b := graph.NewBuilder(0, 0)
	bad = map[string]bool{}
	first := map[string]string{}
	span := store.Span{Since: time.Now().Add(-time.Duration(since)), Bare: true}
	for {
		page, err := db.History(w.ctx, span)
		if err != nil {
			return nil, nil, err
		}
		if len(page) == 0 {
			return b.Graph(), bad, nil
		}
		for _, p := range page {
			if err := addMessage(b, p, bad, first); err != nil {
				return nil, nil, err
			}
		}
		span.After = page[len(page)-1].ID
	}
}

func addMessage(b *graph.Builder, p store.Past, bad map[string]bool, first map[string]string) error {
	var f struct {
		Seen []mail.Seen `json:"seen"`
	}
	if err := json.Unmarshal(p.Facts, &f); err != nil {
		return fmt.Errorf("the facts of message %s: %w", p.ID, err)
	}
	features := features(f.Seen)
	if len(features) == 0 {
		return nil
	}
	_, sender, _ := strings.Cut(strings.ToLower(p.Sender), "@")
	if root := domain.Split(sender).RootDomain; root != "" {
		sender = root
	}
	var key strings.Builder
	key.WriteString(sender)
	for _, x := range features {
		fmt.Fprintf(&key, "\x00%s\x00%s", x.rel, x.node.Value)
	}
	id, copied := first[key.String()]
	if !copied {
		id = p.ID
		first[key.String()] = id
	}
	if p.Verdict.Disposition != mail.Deliver {
		bad[id] = true
	}
	if copied {
		return nil
	}
	m := intel.Node{Kind: intel.Message, Value: id}
	b.Owner(m, sender)
	for _, x := range features {
		b.Add(intel.Assertion{Subject: m, Relation: x.rel, Object: x.node})
	}
	return nil
}

type feature struct {
	rel  intel.Relation
	node intel.Node
}

// features are the things by which messages are clustered, in one order.
func features(seen []mail.Seen) []feature {
	var out []feature
	for _, s := range seen {
		n := intel.Node{Kind: intel.Kind(s.Kind), Value: s.Value}
		var rel intel.Relation
		switch {
		case s.Where == known.InClient:
			rel = graph.SentFrom
		case s.Where == known.InLink && (n.Kind == intel.IPv4 || n.Kind == intel.IPv6):
			rel = graph.LinksTo
		case s.Where == known.InLink && n.Kind == intel.Domain:
			rel = graph.LinksTo
			if root := domain.Split(n.Value).RootDomain; root != "" {
				n.Value = root
			}
		case s.Where == known.InFile && n.Kind == intel.SHA256:
			rel = graph.Carries
		case s.Where == known.InLayout:
			rel = graph.BuiltLike
		case s.Where == known.InMailer:
			rel = graph.MadeBy
		case s.Where == known.InMessageID:
			rel = graph.NumberedLike
		default:
			continue
		}
		out = append(out, feature{rel, n})
	}
	slices.SortFunc(out, func(a, b feature) int {
		return strings.Compare(string(a.rel)+"\x00"+a.node.Value, string(b.rel)+"\x00"+b.node.Value)
	})
	return slices.Compact(out)
}

// suspicious keeps the clusters that have a message that was not simply
// delivered.
func suspicious(clusters []graph.Cluster, bad map[string]bool) []graph.Cluster {
	return slices.DeleteFunc(clusters, func(c graph.Cluster) bool {
		return !slices.ContainsFunc(c.Nodes, func(n intel.Node) bool { return n.Kind == intel.Message && bad[n.Value] })
	})
}
