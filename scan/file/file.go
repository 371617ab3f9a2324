// Package file is the stage that looks at attachments: what they are by
// content, whether their names lie, and what is inside them, to any depth
// within bounds. It reads; it never runs anything.
package file

import (
	"context"
	"fmt"

	"foregate/evidence"
	"foregate/mail"
)

// maxItems bounds the evidence of one ID from the files of one message: the
// first few say it all.
const maxItems = 8

// Stage sets the file type of attachments and reports what they are and hold.
type Stage struct {
	// Trees remembers what was found for the rules that ask; nil means that
	// nothing is remembered and files are opened in this process.
	Trees *Trees
}

// Name implements scan.Stage.
func (Stage) Name() string { return "file" }

// Analyze implements scan.Stage. It fails when not every attachment could be
// looked into; what was found before stands.
func (s Stage) Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error {
	if len(m.Attachments) == 0 {
		return nil
	}
	trees := s.Trees
	if trees == nil {
		trees = &Trees{}
	}
	nodes, err := trees.Message(ctx, m)
	s.report(m, f, nodes)
	if err != nil {
		s.firstLook(m, f, nodes)
		return fmt.Errorf("looking into attachments: %w", err)
	}
	return nil
}

// report turns the findings of the trees into evidence, in their order.
func (s Stage) report(m *mail.Message, f *mail.Facts, nodes []*Node) {
	seen, count := map[string]bool{}, map[string]int{}
	for i, root := range nodes {
		if root == nil {
			continue
		}
		if a := &m.Attachments[i]; a.FileType == "" {
			a.FileType = root.Type
		}
		root.Walk(func(n *Node, _ []string) {
			for _, found := range n.Findings {
				key := found.ID + "\x00" + found.Quote
				if seen[key] || count[found.ID] >= maxItems {
					continue
				}
				seen[key] = true
				count[found.ID]++
				f.Add(evidence.Item{ID: found.ID, Claim: found.Claim, Quote: found.Quote, Weight: prior(found.ID), Lineage: "file"})
			}
		})
	}
}

// firstLook judges by name and first bytes, here and at no cost, the
// attachments that nobody could look into.
func (s Stage) firstLook(m *mail.Message, f *mail.Facts, nodes []*Node) {
	blind := make([]*Node, len(m.Attachments))
	for i := range m.Attachments {
		if i < len(nodes) && nodes[i] != nil {
			continue
		}
		a := &m.Attachments[i]
		n := &Node{Name: a.FileName, How: "attached", Declared: a.ContentType, Size: int64(len(a.Raw)), Type: Type(a.Raw)}
		judge(n, nil, a.Raw)
		blind[i] = n
	}
	s.report(m, f, blind)
}
