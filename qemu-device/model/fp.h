/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * IEEE 754 binary32 and binary64 as RISC-V's F and D have them.
 *
 * Values are bit patterns. Every function rounds as `rm` says (RISC-V's encoding)
 * and ors the exceptions into *flags (RISC-V's fflags). Results that are not
 * numbers are the canonical one. The results do not depend on the host: see fp.c.
 */
#ifndef EGRET_MODEL_FP_H
#define EGRET_MODEL_FP_H

#include <stdbool.h>
#include <stdint.h>

enum egret_fp_round {
	EGRET_FP_RNE = 0,	/* nearest, ties to even */
	EGRET_FP_RTZ = 1,	/* toward zero */
	EGRET_FP_RDN = 2,	/* down */
	EGRET_FP_RUP = 3,	/* up */
	EGRET_FP_RMM = 4,	/* nearest, ties away from zero */
	EGRET_FP_DYN = 7,	/* as fcsr says */
};

enum egret_fp_flag {
	EGRET_FP_NX = 0x01,	/* inexact */
	EGRET_FP_UF = 0x02,	/* underflow */
	EGRET_FP_OF = 0x04,	/* overflow */
	EGRET_FP_DZ = 0x08,	/* divide by zero */
	EGRET_FP_NV = 0x10,	/* invalid */
};

/* Integers to convert to. */
enum egret_fp_int {
	EGRET_FP_W,
	EGRET_FP_WU,
	EGRET_FP_L,
	EGRET_FP_LU,
};

#define F32_SIGN	UINT32_C(0x80000000)
#define F64_SIGN	UINT64_C(0x8000000000000000)
#define F32_NAN		UINT32_C(0x7fc00000)
#define F64_NAN		UINT64_C(0x7ff8000000000000)

uint32_t egret_f32_add(uint32_t a, uint32_t b, int rm, uint32_t *flags);
uint32_t egret_f32_mul(uint32_t a, uint32_t b, int rm, uint32_t *flags);
uint32_t egret_f32_div(uint32_t a, uint32_t b, int rm, uint32_t *flags);
uint32_t egret_f32_sqrt(uint32_t a, int rm, uint32_t *flags);
uint32_t egret_f32_fma(uint32_t a, uint32_t b, uint32_t c, int rm, uint32_t *flags);
uint32_t egret_f32_min(uint32_t a, uint32_t b, uint32_t *flags);
uint32_t egret_f32_max(uint32_t a, uint32_t b, uint32_t *flags);
bool egret_f32_eq(uint32_t a, uint32_t b, uint32_t *flags);
bool egret_f32_lt(uint32_t a, uint32_t b, uint32_t *flags);
bool egret_f32_le(uint32_t a, uint32_t b, uint32_t *flags);
unsigned int egret_f32_class(uint32_t a);
/* W and WU results are in the low 32 bits. */
uint64_t egret_f32_to_int(uint32_t a, enum egret_fp_int to, int rm, uint32_t *flags);
uint32_t egret_f32_from_int(uint64_t a, bool is_signed, int rm, uint32_t *flags);
uint64_t egret_f32_to_f64(uint32_t a, uint32_t *flags);

uint64_t egret_f64_add(uint64_t a, uint64_t b, int rm, uint32_t *flags);
uint64_t egret_f64_mul(uint64_t a, uint64_t b, int rm, uint32_t *flags);
uint64_t egret_f64_div(uint64_t a, uint64_t b, int rm, uint32_t *flags);
uint64_t egret_f64_sqrt(uint64_t a, int rm, uint32_t *flags);
uint64_t egret_f64_fma(uint64_t a, uint64_t b, uint64_t c, int rm, uint32_t *flags);
uint64_t egret_f64_min(uint64_t a, uint64_t b, uint32_t *flags);
uint64_t egret_f64_max(uint64_t a, uint64_t b, uint32_t *flags);
bool egret_f64_eq(uint64_t a, uint64_t b, uint32_t *flags);
bool egret_f64_lt(uint64_t a, uint64_t b, uint32_t *flags);
bool egret_f64_le(uint64_t a, uint64_t b, uint32_t *flags);
unsigned int egret_f64_class(uint64_t a);
uint64_t egret_f64_to_int(uint64_t a, enum egret_fp_int to, int rm, uint32_t *flags);
uint64_t egret_f64_from_int(uint64_t a, bool is_signed, int rm, uint32_t *flags);
uint32_t egret_f64_to_f32(uint64_t a, int rm, uint32_t *flags);

#endif /* EGRET_MODEL_FP_H */
