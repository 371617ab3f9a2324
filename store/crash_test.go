package store_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"foregate/mail"
	"foregate/store"
)

// childEnv makes the test binary a process that holds mail until it is killed.
const childEnv = "FOREGATE_TEST_HOLD_INTO"

func TestMain(m *testing.M) {
	if path := os.Getenv(childEnv); path != "" {
		if err := holdForever(path); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// holdForever holds messages from several goroutines and prints the ID and the
// recipient of each after its hold has returned.
func holdForever(path string) error {
	db, err := store.Open(context.Background(), path)
	if err != nil {
		return err
	}
	errs := make(chan error)
	for range 4 {
		go func() {
			for {
				errs <- holdOne(db)
			}
		}()
	}
	for err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

func holdOne(db *store.DB) error {
	id, err := uuid.NewV7()
	if err != nil {
		return err
	}
	m := store.Message{
		ID:       id.String(),
		Envelope: mail.Envelope{MailFrom: "a@example.com"},
		Verdict:  mail.Verdict{Disposition: mail.Hold},
	}
	_, err = db.Hold(context.Background(), m, bodyFor(id.String()), []store.Recipient{{Address: "ann@example.net"}}, time.Now())
	if err != nil {
		return err
	}
	_, err = os.Stdout.WriteString(id.String() + "\n")
	return err
}

// bodyFor is a message whose bytes follow from its ID.
func bodyFor(id string) []byte {
	return []byte("Message-ID: <" + id + "@example.com>\r\n\r\n" + strings.Repeat(id+"\r\n", 300))
}

// TestKill kills a process that holds mail at random moments, again and again
// on one database. Every message whose hold had returned must be there, whole.
func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	var committed []string
	const rounds = 8
	for range rounds {
		committed = append(committed, killed(t, path)...)
	}
	if len(committed) < rounds {
		t.Errorf("only %d messages were held in %d rounds", len(committed), rounds)
	}
	db := open(t, path)
	if err := db.Check(t.Context()); err != nil {
		t.Error(err)
	}
	for _, id := range committed {
		raw, err := db.Raw(t.Context(), id)
		if err != nil || string(raw) != string(bodyFor(id)) {
			t.Errorf("message %s is lost: %v", id, err)
		}
		if m, err := db.Message(t.Context(), id); err != nil || m.Verdict.Disposition != mail.Hold {
			t.Errorf("the record of %s is lost: %v", id, err)
		}
		if h, err := db.Get(t.Context(), id); err != nil || len(h.Recipients) != 1 || h.Recipients[0].State != store.Held {
			t.Errorf("the recipient of %s is lost: %v", id, err)
		}
	}
	whole(t, db)
	t.Logf("%d messages in %d killed processes", len(committed), rounds)
}

// whole checks that no hold is there by half: a hold that had not returned is
// either complete or absent.
func whole(t *testing.T, db *store.DB) {
	for cursor := ""; ; {
		holds, err := db.List(t.Context(), store.Query{Before: cursor, Limit: store.MaxLimit})
		if err != nil {
			t.Fatal(err)
		}
		if len(holds) == 0 {
			return
		}
		for _, h := range holds {
			if _, err := db.Raw(t.Context(), h.ID); err != nil || len(h.Recipients) != 1 {
				t.Errorf("hold %s is there by half: %v", h.ID, err)
			}
			cursor = h.ID
		}
	}
}

// killed runs one process, kills it after a random time and returns the IDs it
// had printed in whole lines.
func killed(t *testing.T, path string) []string {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), childEnv+"="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []string
	lines := bufio.NewReader(out)
	timer := time.AfterFunc(time.Hour, func() { cmd.Process.Kill() })
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		if len(ids) == 0 { // the process is up: its time begins
			timer.Reset(time.Duration(rand.IntN(250)) * time.Millisecond)
		}
		ids = append(ids, strings.TrimSuffix(line, "\n"))
	}
	timer.Stop()
	if err := cmd.Wait(); err == nil || cmd.ProcessState.Exited() {
		t.Errorf("the process ended by itself: %v", err)
	}
	return ids
}
