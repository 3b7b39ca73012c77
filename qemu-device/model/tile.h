/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The tile engine of a cluster.
 *
 * An operation is checked when it is issued (egret_tile_check()) and done later
 * (egret_tile_run()), on the descriptor as it was then. Each kind of operation has a file
 * of its own: tile_matmul.c, tile_map.c, tile_reduce.c, tile_quant.c. Operations that
 * follow each other may be done as one where nothing can tell.
 */
#ifndef EGRET_MODEL_TILE_H
#define EGRET_MODEL_TILE_H

#include <egret/tile.h>

#include "unit.h"

struct egret_gemm;

/* A matrix multiply with all the steps that there can be. */
struct egret_product {
	struct egret_matmul_desc desc;
	struct egret_matmul_step step[EGRET_MATMUL_STEPS_MAX];
};

/* The descriptor of any custom instruction. */
union egret_desc {
	struct egret_dma_desc dma;
	struct egret_matmul_desc matmul;
	struct egret_product product;
	struct egret_map_desc map;
	struct egret_reduce_desc reduce;
	struct egret_quant_desc quant;
};

/* Working memory that an engine keeps from one operation to the next. */
struct egret_tile {
	uint8_t *scratch;	/* host address of EGRET_LOCAL_SCRATCH */
	void *work;		/* EGRET_TILE_WORK bytes, aligned for vectors */
	const struct egret_gemm *gemm;	/* kernels of matrix multiplication; tests try others */
	const struct egret_stop *stop;	/* may be NULL */
};

#define EGRET_TILE_WORK		(4u << 20)

static inline uint8_t *egret_tile_local(const struct egret_tile *t, uint32_t local)
{
	return t->scratch + (local - EGRET_LOCAL_SCRATCH);
}

/** egret_tile_init() - 0, or -1 when there is no memory */
int egret_tile_init(struct egret_tile *t, uint8_t *scratch);
void egret_tile_fini(struct egret_tile *t);

/** egret_desc_size() - bytes of the descriptor of EGRET_FUNCT3_*; 0 if there is no such operation */
size_t egret_desc_size(unsigned int funct3);

/** egret_desc_more() - bytes that belong to a descriptor and follow it: a matrix multiply's steps */
size_t egret_desc_more(unsigned int funct3, const union egret_desc *d);

/** egret_tile_check() - is the descriptor a good one? If not, @fault says why not. */
bool egret_tile_check(unsigned int funct3, const union egret_desc *d, struct egret_fault *fault);

/** egret_tile_cycles() - what a checked descriptor costs (perf.h) */
uint64_t egret_tile_cycles(unsigned int funct3, const union egret_desc *d);

/** egret_tile_macs() - multiply-accumulates of a checked descriptor */
uint64_t egret_tile_macs(unsigned int funct3, const union egret_desc *d);

/**
 * egret_tile_run() - do what a checked descriptor says
 *
 * Return: false with @fault for a bad entry of an index table, or without a code in it
 * because of @t->stop.
 */
bool egret_tile_run(struct egret_tile *t, unsigned int funct3, const union egret_desc *d,
		    struct egret_fault *fault);

/* One for each kind, behind the functions above. @step: d->steps of them, or NULL if there are none */
bool egret_matmul_check(const struct egret_matmul_desc *d, const struct egret_matmul_step *step,
			struct egret_fault *fault);
uint64_t egret_matmul_cycles(const struct egret_matmul_desc *d);
void egret_matmul_run(struct egret_tile *t, const struct egret_matmul_desc *d,
		      const struct egret_matmul_step *step);

/**
 * egret_matmul_join() - make one operation of two
 * @d: checked descriptor; gets the k of both
 * @next: checked descriptor of the operation that follows
 *
 * Return: false, with @d as it was, unless the two leave the same bytes as the one.
 */
bool egret_matmul_join(struct egret_matmul_desc *d, const struct egret_matmul_desc *next);
bool egret_map_check(const struct egret_map_desc *d, struct egret_fault *fault);
uint64_t egret_map_cycles(const struct egret_map_desc *d);
bool egret_map_run(struct egret_tile *t, const struct egret_map_desc *d,
		   struct egret_fault *fault);

/**
 * egret_taps_count() - how many maps are one sum of products, to be done by egret_taps_run()
 * @d: checked descriptors of operations that follow each other
 * @count: how many there are
 *
 * Return: the number of them from the first one on, 1 if that is an operation by itself.
 */
unsigned int egret_taps_count(const struct egret_map_desc *const *d, unsigned int count);

/** egret_taps_run() - do as many as egret_taps_count() said; it may end early because of @t->stop */
void egret_taps_run(struct egret_tile *t, const struct egret_map_desc *const *d,
		    unsigned int count);
bool egret_reduce_check(const struct egret_reduce_desc *d, struct egret_fault *fault);
uint64_t egret_reduce_cycles(const struct egret_reduce_desc *d);
void egret_reduce_run(struct egret_tile *t, const struct egret_reduce_desc *d);
bool egret_quant_check(const struct egret_quant_desc *d, struct egret_fault *fault);
uint64_t egret_quant_cycles(const struct egret_quant_desc *d);
void egret_quant_run(struct egret_tile *t, const struct egret_quant_desc *d);

#endif /* EGRET_MODEL_TILE_H */
