package file

import (
	"bytes"
	"context"

	"foregate/mail"
	"foregate/scan/file/tree"
)

// message opens an e-mail inside a file with the same parser as the e-mail
// around it.
type message struct{}

// Name implements tree.Parser.
func (message) Name() string { return "eml" }

// Opens implements tree.Parser.
func (message) Opens(in *tree.Input) bool {
	return in.Type == "eml" || in.Declared == "message/rfc822" && in.Type == ""
}

// Open implements tree.Parser.
func (message) Open(_ context.Context, in *tree.Input) (tree.Result, error) {
	var res tree.Result
	m := mail.Parse(mail.Envelope{}, in.Data)
	for i := range m.Mentions {
		if len(res.URLs) < maxNodeURLs {
			res.URLs = append(res.URLs, m.Mentions[i].URL)
		}
	}
	switch {
	case m.Body.CurrentThread != nil:
		res.Text = m.Body.CurrentThread.Text
	case m.Body.Plain != nil:
		res.Text = m.Body.Plain.Raw
	}
	for i := range m.Attachments {
		a := &m.Attachments[i]
		c := tree.Child{Name: a.FileName, How: "attached", Declared: a.ContentType}
		err := in.Budget.Entry()
		if err == nil {
			err = in.Budget.Take(a.Size, a.Size)
		}
		if err != nil {
			c.Problem = err.Error()
			res.Children = append(res.Children, c)
			return res, err
		}
		c.Data = bytes.Clone(a.Raw)
		if c.Data == nil {
			c.Data = []byte{}
		}
		res.Children = append(res.Children, c)
	}
	return res, nil
}
