// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* 64-bit sequence numbers are asked for when a fence is initialised. */
#include <linux/dma-fence.h>

void probe(struct dma_fence *fence, const struct dma_fence_ops *ops,
	   spinlock_t *lock);
void probe(struct dma_fence *fence, const struct dma_fence_ops *ops,
	   spinlock_t *lock)
{
	dma_fence_init64(fence, ops, lock, 1, 1);
}
