package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"foregate/intel"
	"foregate/intel/stix"
	"foregate/store"
)

// bundle takes in STIX objects one at a time: the objects as they are, and what
// they say.
type bundle struct {
	im      *importer
	d       *stix.Deriver
	objects []store.Object
	size    int       // of the objects, in bytes
	busy    chan kept // nil when no objects are being written
	failed  error     // of the database, from within a callback
}

const (
	// keepObjects is how many objects go to the database at a time, and keepBytes how
	// many bytes.
	keepObjects = 5000
	keepBytes   = 8 << 20
	// askObjects is how many objects are read again at a time.
	askObjects = 1000
	// maxRemembered bounds the objects of which it is remembered what they stand
	// for, and what they say that waits for others; of more, the database is asked.
	// At some 500 bytes each that is 50 MB.
	maxRemembered = 100_000
)

func (im *importer) bundle() *bundle { return &bundle{im: im, d: stix.NewDeriver(im.source)} }

// add takes in what a reader found. The error is the database's.
func (b *bundle) add(it stix.Item) error {
	if it.Err != nil {
		b.im.problem(it.Err)
		return nil
	}
	b.im.out.Objects++
	o := it.Object
	b.objects = append(b.objects, store.Object{ID: o.ID, Type: o.Type, Modified: o.Modified, Revoked: o.Revoked, Collection: b.im.source.Name, Raw: o.Raw})
	if err := b.d.Add(o); err != nil {
		b.im.problem(err)
	}
	if b.size += len(o.Raw); len(b.objects) < keepObjects && b.size < keepBytes {
		return nil
	}
	if err := b.keep(); err != nil {
		return err
	}
	if b.d.Len() >= maxRemembered {
		if err := b.wait(); err != nil { // all that there is can be looked up
			return err
		}
		b.d.Settle(b.lookup, b.take)
	} else {
		b.d.Drain(b.take)
	}
	return b.failed
}

// take passes an assertion on.
func (b *bundle) take(a intel.Assertion) bool {
	if err := b.im.add(a); err != nil && b.failed == nil {
		b.failed = err
	}
	return b.failed == nil
}

// keep hands the objects gathered to the database and goes on with reading
// meanwhile.
func (b *bundle) keep() error {
	err := b.wait()
	objects := b.objects
	b.objects, b.size = make([]store.Object, 0, keepObjects), 0
	if err != nil || len(objects) == 0 || !b.im.undo.IsZero() { // taken back, the objects stay as what was said
		return err
	}
	done := make(chan kept, 1)
	b.busy = done
	go func() {
		_, differ, err := b.im.db.AddObjects(b.im.w.ctx, objects, time.Now())
		done <- kept{differ, err}
	}()
	return nil
}

// wait waits for the objects that are being written.
func (b *bundle) wait() error {
	if b.busy == nil {
		return nil
	}
	d := <-b.busy
	b.busy = nil
	for _, id := range d.differ {
		b.im.problem(fmt.Errorf("%s: another content of the same version was there already; both are kept", id))
	}
	return d.err
}

// kept is what became of objects.
type kept struct {
	differ []string
	err    error
}

// lookup finds what an object of an earlier bundle stands for.
func (b *bundle) lookup(id string) []intel.Node {
	if b.failed != nil {
		return nil
	}
	o, ok, err := b.im.db.NewestObject(b.im.w.ctx, id)
	if err != nil {
		b.failed = err
	}
	if err != nil || !ok {
		return nil
	}
	nodes, _ := stix.NodesOf(stix.Object{Type: o.Type, ID: o.ID, Raw: o.Raw}) // was told when it came in
	if nodes == nil {
		return []intel.Node{}
	}
	return nodes
}

// finish takes in what waits for other objects.
func (b *bundle) finish() error {
	if err := errors.Join(b.keep(), b.wait()); err != nil {
		return err
	}
	missing := b.d.Finish(b.lookup, b.take)
	for ids := range slices.Chunk(b.d.Later(), askObjects) {
		if b.failed != nil {
			return b.failed
		}
		err := b.im.db.ObjectVersions(b.im.w.ctx, b.im.source.Name, ids, func(o store.Object) bool {
			// What in it cannot be used was told when it came in.
			_ = b.d.Add(stix.Object{ID: o.ID, Type: o.Type, Modified: o.Modified, Revoked: o.Revoked, Raw: o.Raw})
			return true
		})
		if err != nil {
			return err
		}
		missing = append(missing, b.d.Finish(b.lookup, b.take)...)
		if b.d.Len() >= maxRemembered {
			b.d.Settle(b.lookup, b.take)
		}
	}
	slices.Sort(missing)
	for _, id := range slices.Compact(missing) {
		b.im.problem(fmt.Errorf("%s is referred to, and there is no such object", id))
	}
	if b.failed != nil {
		return b.failed
	}
	return b.im.flush()
}

func (im *importer) stix(r io.Reader) error {
	sr := stix.NewReader(r)
	b := im.bundle()
	for {
		it, err := sr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			im.problem(err) // what was read up to here goes in
			break
		}
		if err := b.add(it); err != nil {
			return err
		}
	}
	return b.finish()
}
