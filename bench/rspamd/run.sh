#!/bin/sh
# Rspamd and Foregate over the same labelled mail, side by side. Installs Rspamd
# where it is missing and we are root on Debian; nothing is started but by the
# benchmark itself, and nothing leaves the machine while it runs.
set -eu
cd "$(dirname "$0")/../.."
./test/deps.sh
command -v rspamd >/dev/null 2>&1 || { echo "Rspamd is missing: install it, or run as root on Debian" >&2; exit 2; }
make -s build
exec "${GO:-go}" run ./bench/rspamd "$@"
