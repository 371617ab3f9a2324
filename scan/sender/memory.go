package sender

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"sync"
	"time"
)

// InMemory keeps records and lessons for the life of a process: for
// evaluations. The zero value is empty and ready.
type InMemory struct {
	mu      sync.Mutex
	records map[string][]byte
	lessons []queued
	ids     map[string]bool
}

type queued struct {
	id     string
	due    time.Time
	lesson []byte
}

// LoadProfiles implements History.
func (h *InMemory) LoadProfiles(_ context.Context, keys []string) (map[string][]byte, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.load(keys), nil
}

func (h *InMemory) load(keys []string) map[string][]byte {
	out := make(map[string][]byte, len(keys))
	for _, k := range keys {
		if v, ok := h.records[k]; ok {
			out[k] = v
		}
	}
	return out
}

// ChangeProfiles implements History.
func (h *InMemory) ChangeProfiles(_ context.Context, _ time.Time, keys []string, change func(map[string][]byte) (map[string][]byte, error)) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	fresh, err := change(h.load(keys))
	if err != nil {
		return err
	}
	h.save(fresh)
	return nil
}

func (h *InMemory) save(fresh map[string][]byte) {
	if h.records == nil {
		h.records = map[string][]byte{}
	}
	for k, v := range fresh {
		h.records[k] = bytes.Clone(v)
	}
}

// QueueLesson implements Journal.
func (h *InMemory) QueueLesson(_ context.Context, id string, due time.Time, lesson []byte) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.ids[id] {
		return nil
	}
	if h.ids == nil {
		h.ids = map[string]bool{}
	}
	h.ids[id] = true
	at, _ := slices.BinarySearchFunc(h.lessons, due, func(q queued, t time.Time) int {
		return cmp.Or(q.due.Compare(t), -1) // behind its equals
	})
	h.lessons = slices.Insert(h.lessons, at, queued{id: id, due: due, lesson: bytes.Clone(lesson)})
	return nil
}

// DropLesson implements Journal.
func (h *InMemory) DropLesson(_ context.Context, id string) (bool, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := len(h.lessons)
	h.lessons = slices.DeleteFunc(h.lessons, func(q queued) bool { return q.id == id })
	return len(h.lessons) < n, nil
}

// SettleLessons implements Journal.
func (h *InMemory) SettleLessons(_ context.Context, now time.Time, limit int, keys func([]byte) []string,
	change func([][]byte, map[string][]byte) (map[string][]byte, error)) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	n := 0
	for n < len(h.lessons) && n < limit && !h.lessons[n].due.After(now) {
		n++
	}
	if n == 0 {
		return 0, nil
	}
	var lessons [][]byte
	var all []string
	for _, q := range h.lessons[:n] {
		lessons = append(lessons, q.lesson)
		all = append(all, keys(q.lesson)...)
	}
	fresh, err := change(lessons, h.load(all))
	if err != nil {
		return 0, err
	}
	h.save(fresh)
	for _, q := range h.lessons[:n] {
		delete(h.ids, q.id)
	}
	h.lessons = slices.Clone(h.lessons[n:])
	return n, nil
}
