package mail

import "strings"

// Forwarded says whether the message has no words of its own and only passes
// another one on: what that one says is then all a reader gets.
func (m *Message) Forwarded() bool {
	return len(m.Body.PreviousThreads) > 0 && (m.Body.CurrentThread == nil || strings.TrimSpace(m.Body.CurrentThread.Text) == "")
}

// Speech returns the text that speaks to the reader: what this author wrote now
// or, of a message that only passes another one on, that one's.
func (m *Message) Speech() string {
	switch {
	case m.Forwarded():
		return m.Body.PreviousThreads[0].Text
	case m.Body.CurrentThread != nil:
		return m.Body.CurrentThread.Text
	}
	return ""
}
