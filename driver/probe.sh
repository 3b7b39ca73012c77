#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-only
# Copyright (C) 2026 The Egret authors
#
# probe.sh HEADER PROBE.c... -- COMPILER FLAG...
#
# Compile each probe against the kernel's headers and write a header that
# defines EGRET_HAVE_<NAME> for those that compile. The probe `always` must
# compile: if it does not, the answers of the others would mean nothing.
set -eu

header=$1
shift
probes=
while [ "$1" != -- ]; do
	probes="$probes $1"
	shift
done
shift

log=$header.log
: >"$log"
{
	echo '/* Made by probe.sh; see compat.h. */'
	for probe in $probes; do
		name=$(basename "$probe" .c)
		if "$@" -Werror -Wno-error=missing-prototypes -Wno-unused \
		   -fsyntax-only "$probe" >>"$log" 2>&1; then
			echo "#define EGRET_HAVE_$(echo "$name" | tr a-z A-Z) 1"
		elif [ "$name" = always ]; then
			cat "$log" >&2
			echo "$0: cannot compile against the headers of this kernel" >&2
			exit 1
		fi
	done
} >"$header.tmp"
mv "$header.tmp" "$header"
