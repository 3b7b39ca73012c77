/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The tile engine and the DMA unit once more, written for nothing but to be right.
 *
 * Element by element as Documentation/hardware/tile.rst and dma.rst say it, with long
 * double and plain loops, sharing no code with the model. Descriptors must be good ones.
 * `scratch` is the memory at EGRET_LOCAL_SCRATCH.
 */
#ifndef TEST_REFERENCE_H
#define TEST_REFERENCE_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/tile.h>

/* @step: d->steps of them, or NULL if there are none */
void reference_matmul(uint8_t *scratch, const struct egret_matmul_desc *d,
		      const struct egret_matmul_step *step);
/* Only operations whose result is defined to the bit: see reference_map_is_exact(). */
void reference_map(uint8_t *scratch, const struct egret_map_desc *d);
bool reference_map_is_exact(unsigned int op);
void reference_reduce(uint8_t *scratch, const struct egret_reduce_desc *d);
void reference_quant(uint8_t *scratch, const struct egret_quant_desc *d);
/* Global addresses are offsets in `memory`, of `size` bytes. */
void reference_dma(uint8_t *scratch, uint8_t *memory, uint64_t size, const struct egret_dma_desc *d);

#endif /* TEST_REFERENCE_H */
