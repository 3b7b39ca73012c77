// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/* Importers are told to let go by a callback that was named move_notify(). */
#include <linux/dma-buf.h>

void probe(struct dma_buf *dmabuf, const struct dma_buf_attach_ops *ops);
void probe(struct dma_buf *dmabuf, const struct dma_buf_attach_ops *ops)
{
	dma_buf_invalidate_mappings(dmabuf);
	ops->invalidate_mappings(NULL);
}
