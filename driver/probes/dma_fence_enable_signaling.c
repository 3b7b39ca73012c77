// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* The function that was named dma_fence_enable_sw_signaling(). */
#include <linux/dma-fence.h>

void probe(struct dma_fence *fence);
void probe(struct dma_fence *fence)
{
	dma_fence_enable_signaling(fence);
}
