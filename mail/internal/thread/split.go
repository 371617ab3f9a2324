package thread

import (
	"strings"

	"foregate/mail/internal/htmltext"
)

// Split divides the text of a body. Marks are the containers that
// htmltext.Render met, nil for plain text.
func Split(text string, marks []htmltext.Mark) Result {
	r := Result{Current: strings.TrimSpace(text)}
	if text != "" {
		r.Segments = []Segment{{Start: 0, End: len(text)}}
	}
	return r
}
