package dns

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
)

// MessageBudget is the default number of questions that one message may make
// the gate ask: an SPF check needs up to 10 terms with their addresses, DMARC
// up to 8 names, and each signature one key; 50 holds them all, and caps what
// a message built to amplify queries can cost others.
const MessageBudget = 50

// budget is one allowance of questions. A nested budget also draws on its
// parent, so that a part of the work can be capped without raising the whole.
type budget struct {
	parent *budget
	limit  int64
	asked  atomic.Int64
	void   atomic.Int64
}

type budgetKey struct{}

// WithBudget returns a context that allows n questions, cached answers
// included: what a message can ask must not depend on what others asked
// before. Inside another budget the questions count for both.
func WithBudget(ctx context.Context, n int) context.Context {
	parent, _ := ctx.Value(budgetKey{}).(*budget)
	return context.WithValue(ctx, budgetKey{}, &budget{parent: parent, limit: int64(n)})
}

// Usage is what has been asked within the innermost budget of a context.
type Usage struct {
	Asked int // questions, those refused for want of budget not included
	Void  int // answers without a record: NXDOMAIN and no data
}

// Spent tells how much of the innermost budget of ctx is used up. Without a
// budget it is zero.
func Spent(ctx context.Context) Usage {
	b, _ := ctx.Value(budgetKey{}).(*budget)
	if b == nil {
		return Usage{}
	}
	return Usage{Asked: int(min(b.asked.Load(), b.limit)), Void: int(b.void.Load())}
}

// charge takes one question from every budget of ctx. Resolvers call it before
// they ask. A context without a budget is unlimited.
func charge(ctx context.Context, question string) error {
	b, _ := ctx.Value(budgetKey{}).(*budget)
	for ; b != nil; b = b.parent {
		if b.asked.Add(1) > b.limit {
			return fmt.Errorf("asking %s: %w (%d allowed): %w", question, ErrBudget, b.limit, ErrTemporary)
		}
	}
	return nil
}

// settle counts a void answer.
func settle(ctx context.Context, err error) {
	if !errors.Is(err, ErrNotFound) {
		return
	}
	b, _ := ctx.Value(budgetKey{}).(*budget)
	for ; b != nil; b = b.parent {
		b.void.Add(1)
	}
}
