// Package scan runs the stages that look at a message and the actions that
// follow a verdict. A stage that fails or panics leaves a gap with its reason;
// policy alone decides what a gap means.
package scan

import (
	"context"

	"foregate/mail"
)

// Stage looks at a message and records what it found. An error means "could
// not look" and becomes a Gap; it never means "looks bad". Stages are safe for
// concurrent use by many messages.
type Stage interface {
	Name() string
	Analyze(ctx context.Context, m *mail.Message, f *mail.Facts) error
}

// Action carries out a verdict, durably, before the client gets its answer. An
// error turns the answer into Defer (451).
type Action interface {
	Act(ctx context.Context, m *mail.Message, f *mail.Facts, v mail.Verdict) error
}
