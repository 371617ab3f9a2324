#!/bin/sh
# Installs the servers that the end to end tests talk to, when we are root on a
# Debian machine and they are missing. Otherwise says what is missing.
set -eu
missing=""
command -v postfix >/dev/null 2>&1 || [ -x /usr/sbin/postfix ] || missing="$missing postfix"
[ -x /usr/sbin/dovecot ] || missing="$missing dovecot-lmtpd dovecot-core"
command -v rspamd >/dev/null 2>&1 || missing="$missing rspamd"
[ -n "$missing" ] || exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
	echo "installing$missing" >&2
	export DEBIAN_FRONTEND=noninteractive
	log=$(mktemp)
	apt-get update -qq >"$log" 2>&1 || { echo "apt-get update failed:" >&2; tail -5 "$log" >&2; }
	# No service may start by itself: the tests start their own instances.
	policy=/usr/sbin/policy-rc.d
	made=""
	if [ ! -e $policy ]; then printf '#!/bin/sh\nexit 101\n' >$policy; chmod +x $policy; made=yes; fi
	apt-get install -y -qq --no-install-recommends $missing >"$log" 2>&1 ||
		{ echo "could not install$missing; the end to end tests will fail or be skipped. apt-get says:" >&2; tail -15 "$log" >&2; }
	rm -f "$log"
	[ -z "$made" ] || rm -f $policy
else
	echo "missing for end to end tests:$missing (install them, or run as root on Debian)" >&2
fi
