package main

import (
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
)

// TestHistoryListsInTheGate holds that the gate's rules can ask for the lists of
// its history, also after a reload, and that a switched-off memory leaves them
// out.
func TestHistoryListsInTheGate(t *testing.T) {
	for _, on := range []bool{true, false} {
		conf := defaults()
		conf.Database = filepath.Join(t.TempDir(), "gate.db")
		conf.DNS.Offline, conf.Sender.Enabled = true, on
		s, err := newService(t.Context(), conf, slog.New(slog.NewTextHandler(io.Discard, nil)))
		if err != nil {
			t.Fatal(err)
		}
		if err := s.reload(); err != nil {
			t.Fatal(err)
		}
		names := s.book.Current().Lists.Names()
		for _, want := range []string{"sender_emails", "sender_domains", "recipient_emails", "recipient_domains"} {
			if slices.Contains(names, want) != on {
				t.Errorf("memory of senders %v: $%s among the lists is %v", on, want, !on)
			}
		}
		if err := errors.Join(s.closeSenders(), s.db.Close()); err != nil {
			t.Error(err)
		}
	}
}
