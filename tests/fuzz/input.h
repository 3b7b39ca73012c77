/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * A fuzzer's bytes as a sequence of decisions.
 *
 * A harness reads what to do next from its input, a few bytes at a time. At the end of
 * the input everything reads as zero, so a harness needs no error paths: it stops when
 * fuzz_more() says so. The format is that of the harness's code; tests/fuzz/make-corpus
 * writes inputs in it.
 */
#ifndef FUZZ_INPUT_H
#define FUZZ_INPUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct fuzz_input {
	const uint8_t *at;
	size_t left;
};

/* libFuzzer's interface, which has no header in C. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline bool fuzz_more(const struct fuzz_input *in)
{
	return in->left;
}

/* The next @size bytes, and zeros for those that are not there; returns how many were. */
static inline size_t fuzz_bytes(struct fuzz_input *in, void *to, size_t size)
{
	size_t n = size < in->left ? size : in->left;

	memset(to, 0, size);
	if (n)
		memcpy(to, in->at, n);
	in->at += n;
	in->left -= n;
	return n;
}

static inline uint64_t fuzz_number(struct fuzz_input *in, size_t size)
{
	uint64_t value = 0;

	fuzz_bytes(in, &value, size);
	return value;
}

static inline uint8_t fuzz_u8(struct fuzz_input *in)
{
	return fuzz_number(in, 1);
}

static inline uint16_t fuzz_u16(struct fuzz_input *in)
{
	return fuzz_number(in, 2);
}

/* 0..n-1, n up to 256. */
static inline unsigned int fuzz_below(struct fuzz_input *in, unsigned int n)
{
	return fuzz_u8(in) % n;
}

/*
 * A number as mistakes like it, in 2, 2, 3 or 9 bytes: small, a power of two and its
 * neighbours, or anything at all.
 */
static inline uint64_t fuzz_value(struct fuzz_input *in)
{
	unsigned int kind = fuzz_u8(in);
	uint64_t power;

	switch (kind % 4) {
	case 0:
		return fuzz_u8(in);
	case 1:
		power = 1ull << fuzz_u8(in) % 64;
		return power + kind / 4 % 3 - 1;
	case 2:
		return fuzz_u16(in);
	default:
		return fuzz_number(in, 8);
	}
}

/* The model did what it must not: end with words, so that the fuzzer keeps the input. */
#define fuzz_require(condition, ...) do {						\
	if (!(condition)) {								\
		fprintf(stderr, "%s:%d: ", __FILE__, __LINE__);				\
		fprintf(stderr, __VA_ARGS__);						\
		fputc('\n', stderr);							\
		abort();								\
	}										\
} while (0)

#endif /* FUZZ_INPUT_H */
