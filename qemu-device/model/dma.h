/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* The DMA unit of a cluster: blocks of up to five dimensions between memory and scratchpad. */
#ifndef EGRET_MODEL_DMA_H
#define EGRET_MODEL_DMA_H

#include <egret/tile.h>

#include "unit.h"

struct egret_port;

/** egret_dma_check() - is the descriptor a good one? If not, @fault says why not. */
bool egret_dma_check(const struct egret_dma_desc *d, struct egret_fault *fault);

/** egret_dma_cycles() - what a checked descriptor costs if its memory is device memory (perf.h) */
uint64_t egret_dma_cycles(const struct egret_dma_desc *d);

/**
 * egret_dma_run() - do what a checked descriptor says
 * @d: descriptor
 * @scratch: scratchpad
 * @port: way to memory
 * @stop: when to give up; may be NULL
 * @fault: filled in when memory cannot be accessed; what was moved before stays
 *
 * Return: false with @fault, or without a code in it because of @stop.
 */
bool egret_dma_run(const struct egret_dma_desc *d, uint8_t *scratch, struct egret_port *port,
		   const struct egret_stop *stop, struct egret_fault *fault);

#endif /* EGRET_MODEL_DMA_H */
