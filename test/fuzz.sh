#!/bin/sh
# Runs every fuzz target for the given time each (default 10s).
set -eu
cd "$(dirname "$0")/.."
time=${1:-10s}
grep -rlE --include='*_test.go' '^func Fuzz' . | while read -r file; do
	dir=$(dirname "$file")
	grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed 's/^func //' | while read -r target; do
		echo "== $dir $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$time" "$dir" </dev/null
	done
done
