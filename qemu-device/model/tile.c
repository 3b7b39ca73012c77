// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/* The tile engine: from an instruction to the kind of operation. */
#include "tile.h"

#include <stdlib.h>

#include "mem.h"
#include "tile_gemm.h"

int egret_tile_init(struct egret_tile *t, uint8_t *scratch)
{
	t->scratch = scratch;
	t->stop = NULL;
	t->gemm = egret_gemm(0);
	t->work = egret_mem_allocate(EGRET_TILE_WORK);
	return t->work ? 0 : -1;
}

void egret_tile_fini(struct egret_tile *t)
{
	free(t->work);
}

size_t egret_desc_size(unsigned int funct3)
{
	switch (funct3) {
	case EGRET_FUNCT3_DMA:
		return sizeof(struct egret_dma_desc);
	case EGRET_FUNCT3_MATMUL:
		return sizeof(struct egret_matmul_desc);
	case EGRET_FUNCT3_MAP:
		return sizeof(struct egret_map_desc);
	case EGRET_FUNCT3_REDUCE:
		return sizeof(struct egret_reduce_desc);
	case EGRET_FUNCT3_QUANT:
		return sizeof(struct egret_quant_desc);
	default:
		return 0;
	}
}

size_t egret_desc_more(unsigned int funct3, const union egret_desc *d)
{
	if (funct3 != EGRET_FUNCT3_MATMUL || d->matmul.steps > EGRET_MATMUL_STEPS_MAX)
		return 0;
	return d->matmul.steps * sizeof(struct egret_matmul_step);
}

bool egret_tile_check(unsigned int funct3, const union egret_desc *d, struct egret_fault *fault)
{
	switch (funct3) {
	case EGRET_FUNCT3_MATMUL:
		return egret_matmul_check(&d->product.desc, d->product.step, fault);
	case EGRET_FUNCT3_MAP:
		return egret_map_check(&d->map, fault);
	case EGRET_FUNCT3_REDUCE:
		return egret_reduce_check(&d->reduce, fault);
	default:
		return egret_quant_check(&d->quant, fault);
	}
}

uint64_t egret_tile_cycles(unsigned int funct3, const union egret_desc *d)
{
	switch (funct3) {
	case EGRET_FUNCT3_MATMUL:
		return egret_matmul_cycles(&d->matmul);
	case EGRET_FUNCT3_MAP:
		return egret_map_cycles(&d->map);
	case EGRET_FUNCT3_REDUCE:
		return egret_reduce_cycles(&d->reduce);
	default:
		return egret_quant_cycles(&d->quant);
	}
}

uint64_t egret_tile_macs(unsigned int funct3, const union egret_desc *d)
{
	if (funct3 != EGRET_FUNCT3_MATMUL)
		return 0;
	return (uint64_t)d->matmul.m * d->matmul.n * d->matmul.k * d->matmul.batch;
}

bool egret_tile_run(struct egret_tile *t, unsigned int funct3, const union egret_desc *d,
		    struct egret_fault *fault)
{
	bool good = true;

	switch (funct3) {
	case EGRET_FUNCT3_MATMUL:
		egret_matmul_run(t, &d->product.desc, d->product.step);
		break;
	case EGRET_FUNCT3_MAP:
		good = egret_map_run(t, &d->map, fault);
		break;
	case EGRET_FUNCT3_REDUCE:
		egret_reduce_run(t, &d->reduce);
		break;
	default:
		egret_quant_run(t, &d->quant);
		break;
	}
	return good && !egret_unit_stopped(t->stop);
}
