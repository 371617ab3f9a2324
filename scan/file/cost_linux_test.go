package file

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"foregate/mail"
)

// BenchmarkCost tells the processor time that attachments cost by their type,
// over the messages below the folder that FOREGATE_MAIL names, here and in the
// sandbox.
func BenchmarkCost(b *testing.B) {
	dir := os.Getenv("FOREGATE_MAIL")
	if dir == "" {
		b.Skip("FOREGATE_MAIL names no folder with messages")
	}
	for _, s := range []struct {
		name string
		x    Exploder
	}{{"here", Local{}}, {"sandbox", boxed(b)}} {
		took := map[string][]time.Duration{}
		err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() {
				return err
			}
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			m := mail.Parse(mail.Envelope{}, raw)
			for i := range m.Attachments {
				a := &m.Attachments[i]
				start, wall := processTime(), time.Now()
				nodes, err := s.x.Explode(b.Context(), Request{Files: []Source{{Name: a.FileName, Declared: a.ContentType, Data: a.Raw}}, Passwords: Passwords(m)})
				d := processTime() - start
				if s.name == "sandbox" {
					d = time.Since(wall)
				}
				typ := "gap"
				if err == nil && len(nodes) == 1 {
					typ = nodes[0].Type
				}
				took["all"] = append(took["all"], d)
				took[typ] = append(took[typ], d)
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		types := make([]string, 0, len(took))
		for t := range took {
			types = append(types, t)
		}
		slices.SortFunc(types, func(x, y string) int { return cmp.Compare(len(took[y]), len(took[x])) })
		for _, t := range types[:min(len(types), 14)] {
			d := took[t]
			slices.Sort(d)
			fmt.Printf("%s %-6s n %5d p50 %8.3f ms p99 %8.3f ms max %8.3f ms\n", s.name, t, len(d), ms(d[len(d)/2]), ms(d[len(d)*99/100]), ms(d[len(d)-1]))
		}
	}
}

func ms(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// processTime is the processor time of this process so far.
func processTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
