// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* checkpatch has to object: braces, and a comparison with NULL (--strict). */

/**
 * planted_sum - kernel-doc has to object: a parameter is not described
 * @a: first addend
 *
 * Return: the sum.
 */
int planted_sum(int a, int b) {
	return a + b;
}

int planted_is_set(const void *pointer)
{
	return pointer != NULL;
}
