#!/bin/sh
# Runs every test. With CI set no skip is allowed: a skipped test fails the run.
set -eu
cd "$(dirname "$0")/.."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
FOREGATE_E2E=1
export FOREGATE_E2E
status=0
go vet ./... || status=1
# -json keeps the reasons of skips; the plain lines are printed as they come.
go test -count=1 -timeout 30m -json ./... >"$log" || status=1
go run ./test/report "$log" || status=1
exit $status
