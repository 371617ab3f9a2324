package main

import (
	"context"
	"errors"
	"hash/fnv"
	"io/fs"
	"os"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"foregate/scan/rule"
)

// rulesPoll is how often the rule and list files are looked at for changes. It
// costs one look at each file's entry, some milliseconds for a large feed.
const rulesPoll = 10 * time.Second

// ruleWatch keeps the rules and lists in force in step with the files.
type ruleWatch struct {
	mu      sync.Mutex
	print   uint64       // of the files that were last tried
	loaded  atomic.Int64 // rules in force
	leftOut atomic.Int64 // rules and lists that were refused
	failed  atomic.Int64 // reloads that changed nothing
}

// errRulesGone is why a reload keeps rules whose files are all gone: a disk that
// is not mounted looks like that.
var errRulesGone = errors.New("no rule files are left in the folders of rules.dirs: the rules in force stay; take the folders out of the configuration and restart if that is meant")

// reload puts the rules and lists on disk in force, in one step. When a folder
// cannot be read, or all folders are empty that were not, the old ones stay; a
// rule that does not check is left out and said with its place.
func (s *service) reload() error {
	s.rules.mu.Lock()
	defer s.rules.mu.Unlock()
	s.rules.print = ruleFilesPrint(s.conf.Rules)
	edition, faults, err := loadRules(s.conf)
	if err != nil {
		s.rules.failed.Add(1)
		return err
	}
	if len(faults) == 0 && fromFolders(edition) == 0 && fromFolders(s.book.Current()) > 0 {
		s.rules.failed.Add(1)
		return errRulesGone
	}
	edition.Lists = historyLists(edition.Lists, s.senders)
	for _, f := range faults {
		e := asCheckError("", f)
		place := e.File
		if e.Line > 0 {
			place += ":" + strconv.Itoa(e.Line)
		}
		if e.Col > 0 {
			place += ":" + strconv.Itoa(e.Col)
		}
		s.log.Error("a rule or list is left out", "at", place, "fault", e.Message)
	}
	s.book.Swap(edition)
	s.rules.loaded.Store(int64(len(edition.Rules.Rules)))
	s.rules.leftOut.Store(int64(len(faults)))
	s.log.Info("rules in force", "rules", len(edition.Rules.Rules), "lists", len(edition.Lists.Names()), "left_out", len(faults))
	return nil
}

// fromFolders counts the rules that did not come with the program.
func fromFolders(e *rule.Edition) (n int) {
	if e == nil {
		return 0
	}
	for _, r := range e.Rules.Rules {
		if !strings.HasPrefix(r.File, builtinPlace+"/") {
			n++
		}
	}
	return n
}

// watchRules reloads at SIGHUP and when the files have changed, until the
// context ends.
func (s *service) watchRules(ctx context.Context, every time.Duration) {
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	tick := time.NewTicker(every)
	defer tick.Stop()
	seen := uint64(0)
	for {
		why := "signal"
		select {
		case <-ctx.Done():
			return
		case <-hup:
		case <-tick.C:
			// A change counts when two looks in a row see the same files, so
			// that a copy under way is not read half.
			now := ruleFilesPrint(s.conf.Rules)
			settled := now == seen
			seen = now
			if !settled || now == s.rules.lastPrint() {
				continue
			}
			why = "files changed"
		}
		if err := s.reload(); err != nil {
			s.log.Error("the rules were not reloaded; the old ones stay in force", "why", why, "error", err)
		}
	}
}

func (r *ruleWatch) lastPrint() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.print
}

// ruleFilesPrint is a fingerprint of the names, sizes and times of the rule and
// list files.
func ruleFilesPrint(c rulesConfig) uint64 {
	h := fnv.New64a()
	note := func(path string, info fs.FileInfo) {
		h.Write([]byte(path + "\x00" + strconv.FormatInt(info.Size(), 10) + "\x00" + strconv.FormatInt(info.ModTime().UnixNano(), 10) + "\x00"))
	}
	roots := append([]string{}, c.Dirs...)
	if c.Lists != "" {
		roots = append(roots, c.Lists)
	}
	for _, root := range roots {
		n := 0
		_ = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error { // what cannot be read is told by reload
			if err != nil {
				h.Write([]byte(path + "\x00" + err.Error()))
				return nil
			}
			if n++; n > 4*maxRuleFiles {
				return fs.SkipAll
			}
			// Stat follows links: a changed target is a change.
			if info, err := os.Stat(path); err == nil && !info.IsDir() {
				note(path, info)
			}
			return nil
		})
	}
	return h.Sum64()
}
