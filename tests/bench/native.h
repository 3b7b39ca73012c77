/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * What a C programmer would write without a chip: plain loops, compiled with -O3
 * -march=native.
 */
#ifndef EGRET_BENCH_NATIVE_H
#define EGRET_BENCH_NATIVE_H

#include <stddef.h>

/* What is computed: out from a and b, which have so many rows of so many columns. */
struct native_work {
	void *out;
	const void *a, *b;
	size_t rows, columns;
};

typedef void native_loop(const struct native_work *w);

native_loop native_copy, native_add, native_multiply, native_divide, native_relu, native_sqrt,
	native_exp, native_log, native_tanh, native_sigmoid, native_erf, native_gelu, native_silu,
	native_sin, native_power, native_to_bf16, native_from_s8, native_to_s8, native_transpose,
	native_sum, native_max, native_sum_columns, native_argmax;

/** native_read() - read memory once: as fast as anything can that needs all of its bytes */
void native_read(const struct native_work *w);

#endif /* EGRET_BENCH_NATIVE_H */
