package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"foregate/mail"
	"foregate/smtpd"
)

// metrics are what /metrics shows.
type metrics struct {
	registry  *prometheus.Registry
	messages  *prometheus.CounterVec
	judge     prometheus.Histogram
	total     prometheus.Histogram
	gaps      *prometheus.CounterVec
	evidences *prometheus.CounterVec
}

func newMetrics(stats func() smtpd.Stats) *metrics {
	seconds := prometheus.ExponentialBuckets(0.0005, 2, 16) // 0.5 ms to 16 s
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		messages:  prometheus.NewCounterVec(prometheus.CounterOpts{Name: "foregate_messages_total", Help: "Messages answered, by disposition (none: not judged) and class of the answer."}, []string{"disposition", "answer"}),
		judge:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "foregate_judge_seconds", Help: "Time to judge one message.", Buckets: seconds}),
		total:     prometheus.NewHistogram(prometheus.HistogramOpts{Name: "foregate_message_seconds", Help: "Time from the first byte of a message to its answer.", Buckets: seconds}),
		gaps:      prometheus.NewCounterVec(prometheus.CounterOpts{Name: "foregate_gaps_total", Help: "Stages that could not look, by stage."}, []string{"stage"}),
		evidences: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "foregate_evidence_total", Help: "Items of evidence, by kind."}, []string{"id"}),
	}
	m.registry.MustRegister(m.messages, m.judge, m.total, m.gaps, m.evidences,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "foregate_sessions_open", Help: "SMTP sessions open now."}, func() float64 { return float64(stats().Open) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "foregate_inflight_bytes", Help: "Bytes of memory set aside for messages now, of smtp.memory_budget."}, func() float64 { return float64(stats().InFlight) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "foregate_spool_bytes", Help: "Bytes of arriving messages on disk now, of smtp.spool_budget."}, func() float64 { return float64(stats().Spooled) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "foregate_sessions_turned_away_total", Help: "Sessions refused at a limit."}, func() float64 { return float64(stats().Turned) }),
	)
	return m
}

// judged counts one verdict.
func (m *metrics) judged(_ *mail.Message, f *mail.Facts, _ mail.Verdict, took time.Duration) {
	m.judge.Observe(took.Seconds())
	for _, g := range f.Gaps {
		m.gaps.WithLabelValues(g.Stage).Inc()
	}
	for _, it := range f.Evidence {
		m.evidences.WithLabelValues(it.ID).Inc()
	}
}

// done counts one answered message.
func (m *metrics) done(t smtpd.Transaction) {
	d := string(t.Disposition)
	if d == "" {
		d = "none"
	}
	m.messages.WithLabelValues(d, fmt.Sprintf("%dxx", t.Code/100)).Inc()
	m.total.Observe(t.Total.Seconds())
}

// serveHTTP answers /healthz (the process lives), /readyz (it can take mail) and
// /metrics on addr until the context ends.
func serveHTTP(ctx context.Context, addr string, m *metrics, ready func(context.Context) error) (func() error, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		rctx, cancel := context.WithTimeout(r.Context(), 5*time.Second)
		defer cancel()
		if err := ready(rctx); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ok")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}))
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("listening for health checks: %w", err)
	}
	srv := &http.Server{Handler: mux, ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 10 * time.Second, WriteTimeout: 30 * time.Second, MaxHeaderBytes: 16 << 10}
	return func() error {
		stop := context.AfterFunc(ctx, func() { srv.Close() })
		defer stop()
		if err := srv.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			return fmt.Errorf("serving health checks: %w", err)
		}
		return nil
	}, nil
}
