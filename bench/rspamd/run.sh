#!/bin/sh
# Rspamd and Foregate over the same labelled mail, side by side. Installs Rspamd
# where it is missing and we are root on Debian; nothing is started but by the
# benchmark itself, and nothing leaves the machine while it runs.
set -eu
cd "$(dirname "$0")/../.."
if ! command -v rspamd >/dev/null 2>&1; then
	if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
		export DEBIAN_FRONTEND=noninteractive
		apt-get update -qq >/dev/null
		policy=/usr/sbin/policy-rc.d
		made=""
		if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=yes; fi
		apt-get install -y -qq --no-install-recommends rspamd >/dev/null
		[ -z "$made" ] || rm -f $policy
	else
		echo "Rspamd is missing: install it, or run as root on Debian" >&2
		exit 2
	fi
fi
make -s build
exec "${GO:-go}" run ./bench/rspamd "$@"
