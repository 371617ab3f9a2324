#!/bin/sh
# Runs every fuzz target for the given time each (default 10s). Making an interesting
# input smaller takes 20 runs at most: Go's 60 s are longer than a target is given.
set -eu
cd "$(dirname "$0")/.."
time=${1:-10s}
log=$(mktemp)
trap 'rm -f "$log"' EXIT

# When the time ends within a run, Go calls that a failure of the target
# (golang.org/issue/48591). It has failed when it wrote the input that shows it.
fuzz() {
	if go test -run '^$' -fuzz "^$1\$" -fuzztime "$time" -fuzzminimizetime 20x "$2" </dev/null >"$log" 2>&1; then
		cat "$log"
		return 0
	fi
	cat "$log"
	grep -q '^    context deadline exceeded$' "$log" && ! grep -q 'Failing input' "$log"
}

grep -rlE --include='*_test.go' '^func Fuzz' . | while read -r file; do
	dir=$(dirname "$file")
	grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | sed 's/^func //' | while read -r target; do
		echo "== $dir $target"
		fuzz "$target" "$dir"
	done
done
