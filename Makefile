# Foregate. "make run" shows the gate at work, "make test" checks everything.
GO      ?= go
BIN     := bin/foregate
FUZZTIME ?= 10s
BENCH   ?= .
COUNT   ?= 1

# Packages whose goroutines share what they have; under the race detector the others
# take an hour.
RACE    ?= ./dns ./feed ./quarantine ./scan ./scan/known ./scan/rule ./scan/sender ./smtpd/... ./store

.PHONY: run build test check race bench fuzz e2e docs measure weights deps clean

build:
	$(GO) build -trimpath -o $(BIN) ./cmd/foregate

# The gate on loopback with sample mail; needs only Go.
run: build
	$(BIN) demo --dir var

# Everything a fresh Debian machine with Go can check. Servers for the end to
# end tests are installed when we may; what is skipped is said.
test: deps
	./test/run.sh

deps:
	@./test/deps.sh

e2e: deps
	FOREGATE_E2E=1 $(GO) test -count=1 -timeout 20m -v ./test/e2e/...

check:
	@test -z "$$(gofmt -l .)" || { gofmt -l .; echo "gofmt differs"; exit 1; }
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(GO) test -count=1 ./test
	$(MAKE) race
	$(MAKE) fuzz FUZZTIME=3s

# Needs a C compiler, as the race detector does.
race:
	@if [ "$$($(GO) env CGO_ENABLED)" = 1 ] && command -v "$$($(GO) env CC)" >/dev/null; then \
		$(GO) test -race -count=1 $(RACE); \
	else echo "SKIP race: no C compiler"; fi

# go test output that benchstat reads.
bench:
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count=$(COUNT) ./...

fuzz:
	./test/fuzz.sh $(FUZZTIME)

# Reference pages and man pages are generated from the code.
docs: build
	$(BIN) docs --dir docs

# What our rules and the public feed hit on the development corpora, and the
# weights that follow from it.
measure: build
	$(BIN) -c docs/measure.yaml rules measure --corpus ../shared/data/mail --markdown \
		--reasons docs/rules-reasons.tsv --weights evidence/rules.tsv > docs/rules-measured.md.new
	mv docs/rules-measured.md.new docs/rules-measured.md

# The weights of evidence, measured on the development corpora and fitted to each
# other. Rules of the public feed keep the rates of "make measure".
weights: build
	$(BIN) calibrate --corpus ../shared/data/mail --out evidence/weights.tsv --rules evidence/rules.tsv

clean:
	rm -rf bin var
