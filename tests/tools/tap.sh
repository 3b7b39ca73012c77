# SPDX-License-Identifier: MIT
# Copyright (C) 2026 The Egret authors
# shellcheck shell=bash
#
# What tests of command line programs share. To be sourced; runs in the top folder, with a
# folder for scratch files in $work.

set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.." || exit 1
work=$(mktemp -d "${TMPDIR:-/tmp}/egret-test.XXXXXX")
trap 'rm -rf "$work"' EXIT

tap_count=0 tap_failed=0

# ok TITLE COMMAND...: a test that is passed if the command succeeds. What it prints is
# shown when it fails.
ok() {
	local title=$1
	shift
	tap_count=$((tap_count + 1))
	if "$@" >"$work/tap.log" 2>&1; then
		echo "ok $tap_count - $title"
	else
		tap_failed=$((tap_failed + 1))
		sed 's/^/# /' "$work/tap.log"
		echo "not ok $tap_count - $title"
	fi
}

# run COMMAND...: leaves its output in $work/out and $work/err, its status in $status.
run() {
	status=0
	"$@" >"$work/out" 2>"$work/err" </dev/null || status=$?
}

# Checks of the last run, for ok.
status_is() {
	[ "$status" -eq "$1" ] || { echo "status $status, not $1"; cat "$work/out" "$work/err"; false; }
}
out_has() { grep -qF -- "$1" "$work/out" || { echo "no '$1' in:"; cat "$work/out"; false; }; }
err_has() { grep -qF -- "$1" "$work/err" || { echo "no '$1' in:"; cat "$work/err"; false; }; }
out_is_empty() { [ ! -s "$work/out" ] || { cat "$work/out"; false; }; }
err_is_empty() { [ ! -s "$work/err" ] || { cat "$work/err"; false; }; }

# The end: the plan, and the script's status.
done_testing() {
	echo "1..$tap_count"
	[ "$tap_failed" -eq 0 ]
}
