package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"runtime"
	"sync"

	"foregate/mail"
	"foregate/mql"
	"foregate/scan"
	"foregate/scan/rule"
)

// probe judges messages with the engine's stages but without the rules in force,
// and evaluates rules of its own over what the stages found. It is safe for
// concurrent use.
type probe struct {
	engine *scan.Engine
	set    *mql.RuleSet
	lists  *mql.Lists
	caps   mql.Capabilities
	opts   mql.Options
}

// newProbe makes a probe of rules. The DNS is not asked: what is looked at is
// the past.
func newProbe(c config, set *mql.RuleSet, warn io.Writer) (*probe, error) {
	c.DNS.Offline = true
	lists, err := ruleLists(c, warn)
	if err != nil {
		return nil, err
	}
	engine, err := newEngine(c, &rule.Book{}, nil)
	if err != nil {
		return nil, err
	}
	return &probe{engine: engine, set: set, lists: lists, caps: capabilities(c)}, nil
}

// compileAll compiles rules that must all be right.
func compileAll(rules ...*mql.Rule) (*mql.RuleSet, error) {
	set, errs := mql.NewEnv().CompileRules(rules)
	if len(errs) > 0 {
		return nil, errors.Join(errs...)
	}
	return set, nil
}

// seen is what came of one message.
type seen struct {
	from   found
	msg    *mail.Message
	result mql.Result
	err    error
}

// look evaluates the rules over one message.
func (p *probe) look(ctx context.Context, f found) seen {
	if f.err != nil {
		return seen{from: f, err: f.err}
	}
	s := seen{from: f}
	var facts *mail.Facts
	s.msg, facts, _ = p.engine.Judge(ctx, f.env, f.raw)
	for _, g := range facts.Gaps {
		if g.Stage == "parse" {
			s.err = fmt.Errorf("parsing: %s", g.Err)
			return s
		}
	}
	ctx, cancel := context.WithTimeout(ctx, scan.Timeout)
	defer cancel()
	s.result, s.err = p.set.EvalWith(ctx, s.msg, p.caps, p.lists, p.opts)
	return s
}

// found is one message to look at.
type found struct {
	name  string // path, or the ID of a stored message
	env   mail.Envelope
	raw   []byte
	err   error
	label string // of a labelled corpus
	src   string
}

// lookAll looks at all messages on all processors and hands each result to
// sink, one at a time and in order. At most a few messages are in memory. It
// ends early when sink fails or the context ends.
func (p *probe) lookAll(parent context.Context, messages iter.Seq[found], sink func(seen) error) error {
	ctx, cancel := context.WithCancel(parent)
	defer cancel()
	type task struct {
		in  found
		out chan seen
	}
	workers := runtime.GOMAXPROCS(0)
	work, order := make(chan *task), make(chan *task, 2*workers)
	var wg sync.WaitGroup
	defer wg.Wait()
	for range workers {
		wg.Go(func() {
			for t := range work {
				t.out <- p.look(ctx, t.in)
			}
		})
	}
	wg.Go(func() {
		defer close(order)
		defer close(work)
		for m := range messages {
			t := &task{in: m, out: make(chan seen, 1)}
			select {
			case order <- t:
			case <-ctx.Done():
				return
			}
			work <- t // a worker is always there to take it
		}
	})
	for t := range order {
		s := <-t.out
		if ctx.Err() != nil {
			break
		}
		if err := sink(s); err != nil {
			cancel()
			for range order { // let the producer end
			}
			return err
		}
	}
	cancel()
	for range order {
	}
	return parent.Err()
}

// corpusMessages are the messages of a labelled corpus.
func corpusMessages(samples []sample) iter.Seq[found] {
	return func(yield func(found) bool) {
		for _, s := range samples {
			if !yield(found{name: s.path, env: s.env, raw: s.raw, label: s.label, src: s.source}) {
				return
			}
		}
	}
}

// pathMessages are the messages of files, folders, mboxes and Maildirs.
func pathMessages(paths []string, stdin io.Reader) iter.Seq[found] {
	return func(yield func(found) bool) {
		for in := range inputs(paths, stdin) {
			if !yield(found{name: in.path, raw: in.raw, err: in.err}) {
				return
			}
		}
	}
}
