/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The inner part of matrix multiplication: panels and micro-kernels.
 *
 * A micro-kernel multiplies a panel of A (mr rows) with a panel of B (nr columns) and adds
 * to an mr x nr tile of accumulators. Panels hold, for each k in ascending order, the mr
 * (or nr) elements next to each other, in F32 or, for integers, in pairs of k as
 * 16-bit numbers that have their zero points subtracted already. Rows and columns beyond the
 * matrix are zero, and an odd k is made even with zeros.
 *
 * F32 accumulators take one fused multiply-add for each k in ascending order, so the
 * result does not depend on mr, nr, or the host. Integers wrap, and so their order does
 * not matter.
 */
#ifndef EGRET_MODEL_TILE_GEMM_H
#define EGRET_MODEL_TILE_GEMM_H

#include <stddef.h>
#include <stdint.h>

#define EGRET_GEMM_MR_MAX	12
#define EGRET_GEMM_NR_MAX	32

struct egret_gemm {
	unsigned int mr;
	unsigned int nr;
	/* c is mr rows of nr, ldc elements apart */
	void (*f32)(size_t k, const float *a, const float *b, float *c, size_t ldc);
	void (*i16)(size_t pairs, const int16_t *a, const int16_t *b, int32_t *c, size_t ldc);
};

/** egret_gemm() - the best micro-kernels for this host */
const struct egret_gemm *egret_gemm(void);

#endif /* EGRET_MODEL_TILE_GEMM_H */
