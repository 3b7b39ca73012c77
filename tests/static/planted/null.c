// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* coccinelle has to object: what is known to be NULL is followed. */

struct planted {
	int value;
};

int planted_value(struct planted *p)
{
	if (!p)
		return p->value;
	return 0;
}
