// Package file is the stage that looks at attachments: what they are by
// content, whether their names lie, and what is inside them, to any depth
// within bounds. It reads; it never runs anything.
package file

import (
	"context"
	"fmt"
	"html"
	"strings"

	"foregate/domain"
	"foregate/mail"
	"foregate/scan/file/markup"
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
	drawn := drawnBody(m)
	if len(m.Attachments) == 0 && drawn == nil {
		return nil
	}
	trees := s.Trees
	if trees == nil {
		trees = &Trees{}
	}
	if drawn != nil {
		if err := s.body(ctx, trees, m, f, *drawn); err != nil || len(m.Attachments) == 0 {
			return err
		}
	}
	nodes, err := trees.Message(ctx, m)
	s.report(m, f, nodes)
	organisers(m, f, nodes)
	for _, root := range nodes {
		if root != nil {
			mention(m, root, false)
			tell(f, root)
		}
	}
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
				f.Add(item(found.ID, found.Claim, found.Quote))
			}
		})
	}
}

// organisers compares who invites, by the calendars attached, with who sends:
// an invitation in somebody else's name is accepted as theirs. Services that send
// invitations for their users do the same, so it weighs little.
func organisers(m *mail.Message, f *mail.Facts, nodes []*Node) {
	sender := domain.Split(m.Sender.Email.Domain.Domain)
	if sender.RootDomain == "" {
		return
	}
	told := map[string]bool{}
	for _, root := range nodes {
		if root == nil || root.Calendar == nil {
			continue
		}
		for _, e := range root.Calendar.Events {
			if e.Organizer == nil || len(told) >= maxItems {
				continue
			}
			host := domain.Split(e.Organizer.Email.Domain.Domain)
			if host.RootDomain == "" || host.RootDomain == sender.RootDomain || told[host.RootDomain] {
				continue
			}
			told[host.RootDomain] = true
			who := visible(e.Organizer.Email.Email)
			f.Add(item("file.calendar-organizer", fmt.Sprintf("calendar %q invites in the name of %q, but %q sends it", root.Label(), who, visible(m.Sender.Email.Email)), who))
		}
	}
}

// drawnBody is the body of a message that may draw a code out of table cells or
// block characters, as a page; nil for nearly every message.
func drawnBody(m *mail.Message) *Source {
	switch {
	case m.Body.HTML != nil && markup.MayDraw(m.Body.HTML.Raw):
		return &Source{Name: "message body.html", Declared: "text/html", Data: []byte(m.Body.HTML.Raw)}
	case m.Body.Plain != nil && markup.MayDraw(m.Body.Plain.Raw):
		return &Source{Name: "message body.html", Declared: "text/html", Data: []byte("<html><pre>" + html.EscapeString(m.Body.Plain.Raw) + "</pre>")}
	}
	return nil
}

// body reports the codes that the body draws. What else a page does is for the
// stages that look at bodies.
func (s Stage) body(ctx context.Context, trees *Trees, m *mail.Message, f *mail.Facts, src Source) error {
	root, err := trees.File(ctx, m, src)
	if err != nil {
		return fmt.Errorf("looking for codes in the body: %w", err)
	}
	for _, found := range root.Findings {
		if strings.HasPrefix(found.ID, "file.qr-") {
			f.Add(item(found.ID, found.Claim, found.Quote))
		}
	}
	mention(m, root, true)
	return nil
}

// maxMentions bounds the links of files that join those of the message.
const maxMentions = 50

// mention adds to the links of the message where its files lead readers by
// themselves: by a pictured code, a redirect, a form that takes passwords. The
// other links of documents are for rules to ask about.
func mention(m *mail.Message, root *Node, codesOnly bool) {
	n := 0
	add := func(node *Node, target string) {
		target = strings.TrimSpace(target)
		if !strings.Contains(target, "://") && !strings.HasPrefix(target, "//") {
			target = "https://" + target
		}
		if n++; n <= maxMentions {
			m.Mentions = append(m.Mentions, mail.Mention{URL: target, Text: node.Label(), Kind: mail.MentionFile, Source: mail.InFile})
		}
	}
	root.Walk(func(node *Node, _ []string) {
		if node.Codes != nil {
			for _, code := range node.Codes.Items {
				if code.Type == "url" {
					add(node, code.Data)
				}
			}
		}
		for _, found := range node.Findings {
			if !codesOnly && (found.ID == "file.page-redirect" || found.ID == "file.password-form-target") {
				add(node, strings.TrimSuffix(found.Quote, "…"))
			}
		}
	})
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
