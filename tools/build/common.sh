# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What the build scripts share: messages, the cache folder, and a private apt.
# To be sourced, after `set -euo pipefail`.

EGRET_TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Everything that costs a download or minutes of compiling lives here, outside
# of any checkout, so that a fresh clone starts warm.
EGRET_CACHE=${EGRET_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/egret}
export EGRET_TOP EGRET_CACHE

say() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }

# die MESSAGE [HINT]: what went wrong, and what the reader can do about it.
die() {
	printf '%s: error: %s\n' "${0##*/}" "$1" >&2
	[ $# -lt 2 ] || printf '%s:   to fix it: %s\n' "${0##*/}" "$2" >&2
	exit 1
}

# A step's output is long and matters only if the step fails.
# quietly LOG COMMAND...
quietly() {
	local log=$1 rc=0
	shift
	"$@" </dev/null >"$log" 2>&1 || rc=$?
	if [ "$rc" -ne 0 ]; then
		tail -n 60 "$log" >&2
		say "failed with status $rc: $*"
		say "the whole log is in $log"
		return "$rc"
	fi
}

# lock NAME: hold a lock of the cache folder until this process ends, so that
# parallel makes, also of different checkouts, do not step on each other.
lock() {
	mkdir -p "$EGRET_CACHE/locks"
	exec {EGRET_LOCK_FD}>"$EGRET_CACHE/locks/$1"
	if ! flock -n "$EGRET_LOCK_FD"; then
		say "waiting for another build that holds the lock '$1'"
		flock -w 3600 "$EGRET_LOCK_FD" ||
			die "the lock '$1' was held for an hour" \
			    "look for a stuck build: fuser -v $EGRET_CACHE/locks/$1"
	fi
}

# True if FILE exists and is younger than DAYS.
younger_than() { [ -n "$(find "$1" -maxdepth 0 -mtime "-$2" 2>/dev/null)" ]; }

# debian_mirror SUITE: where this host gets SUITE from, by its own apt
# configuration. Mirrors are a property of the machine, not of this project.
debian_mirror() {
	local site release
	while read -r site release; do
		if [ "$release" = "$1" ]; then
			printf '%s\n' "$site"
			return 0
		fi
	done < <(apt-get indextargets --no-release-info \
			--format '$(SITE) $(RELEASE)' 'Identifier: Packages')
	return 1
}

# The mirror of the main archive, which also serves other releases' suites.
debian_main_mirror() {
	debian_mirror bookworm || debian_mirror stable ||
		die "apt on this machine has no source for Debian 12 (bookworm)" \
		    "add one; apt-get indextargets lists what there is"
}

# The security archive: a suite of its own, in some setups on a host of its own.
debian_security_mirror() {
	local main
	debian_mirror bookworm-security && return
	main=$(debian_main_mirror)
	printf '%s-security\n' "${main%/}"
}

# private_apt NAME LINE...: set up an apt of our own, that knows only the given
# sources.list lines, beside the host's (whose sources we never edit).
# Afterwards, `papt NAME TOOL ARGS...` runs apt-get, apt-cache with it.
private_apt() {
	local name=$1 dir=$EGRET_CACHE/apt/$1
	shift
	mkdir -p "$dir/lists/partial" "$dir/archives/partial"
	printf '%s\n' "$@" >"$dir/sources.list"
	# No sandbox user: it could not enter a private cache folder anyway.
	# The status file is empty: we unpack packages, we do not install them.
	: >"$dir/status"
	cat >"$dir/apt.conf" <<-CONF
		Dir::Etc::SourceList "$dir/sources.list";
		Dir::Etc::SourceParts "/dev/null";
		Dir::State "$dir";
		Dir::State::Lists "$dir/lists";
		Dir::State::status "$dir/status";
		Dir::Cache "$dir";
		Dir::Cache::Archives "$dir/archives";
		APT::Sandbox::User "";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::Contents-deb::DefaultEnabled "false";
		Acquire::Retries "3";
		Acquire::http::Timeout "30";
		Acquire::https::Timeout "30";
		APT::Get::List-Cleanup "true";
	CONF
	quietly "$dir/update.log" \
		env APT_CONFIG="$dir/apt.conf" apt-get -q update ||
		return 1
}

papt() {
	local name=$1
	shift
	APT_CONFIG=$EGRET_CACHE/apt/$name/apt.conf "$@"
}

DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg
export DEBIAN_KEYRING
