// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/* Workgroups of a DISPATCH. */
#include <string.h>

#include "dispatch.h"
#include "perf.h"

void egret_dispatch_begin(struct egret_dispatch *d, const struct egret_pkt_dispatch *p,
			  unsigned int clusters)
{
	d->groups = (uint64_t)p->grid[0] * p->grid[1] * p->grid[2];
	d->next = 0;
	d->merged = 0;
	d->running = 0;
	d->abandoned = false;
	d->faulted = false;
	d->clusters = clusters;
	memset(d->free_at, 0, sizeof(d->free_at));
	memset(&d->sum, 0, sizeof(d->sum));
	memset(d->ended, 0, sizeof(d->ended));
}

bool egret_dispatch_available(const struct egret_dispatch *d)
{
	return !d->abandoned && !d->faulted && d->next < d->groups &&
		d->next - d->merged < EGRET_DISPATCH_WINDOW;
}

uint64_t egret_dispatch_take(struct egret_dispatch *d)
{
	d->running++;
	return d->next++;
}

void egret_dispatch_coordinates(const struct egret_pkt_dispatch *p, uint64_t number,
				uint32_t id[3])
{
	id[0] = number % p->grid[0];
	number /= p->grid[0];
	id[1] = number % p->grid[1];
	id[2] = number / p->grid[1];
}

static void add(struct egret_group_stats *sum, const struct egret_group_stats *s)
{
	sum->cycles += s->cycles;
	sum->hart_cycles += s->hart_cycles;
	sum->tile_wait += s->tile_wait;
	sum->dma_wait += s->dma_wait;
	sum->tile_busy += s->tile_busy;
	sum->dma_busy += s->dma_busy;
	sum->instructions += s->instructions;
	sum->macs += s->macs;
	sum->vram_read += s->vram_read;
	sum->vram_write += s->vram_write;
	sum->host_read += s->host_read;
	sum->host_write += s->host_write;
}

/* It is the one that is free first. */
unsigned int egret_dispatch_cluster(const struct egret_dispatch *d)
{
	unsigned int c = 0;

	for (unsigned int i = 1; i < d->clusters; i++)
		if (d->free_at[i] < d->free_at[c])
			c = i;
	return c;
}

static void merge(struct egret_dispatch *d, const struct egret_group_stats *s,
		  struct egret_cluster_totals *totals)
{
	unsigned int c = egret_dispatch_cluster(d);

	d->free_at[c] += PERF_GROUP + s->cycles;
	totals[c].busy += PERF_GROUP + s->cycles;
	totals[c].instructions += s->instructions;
	totals[c].tile_busy += s->tile_busy;
	totals[c].dma_busy += s->dma_busy;
	add(&d->sum, s);
}

void egret_dispatch_end_group(struct egret_dispatch *d, uint64_t number,
			      const struct egret_group_stats *stats,
			      struct egret_cluster_totals *totals)
{
	d->slot[number % EGRET_DISPATCH_WINDOW] = *stats;
	d->ended[number % EGRET_DISPATCH_WINDOW] = true;
	while (d->merged < d->next && d->ended[d->merged % EGRET_DISPATCH_WINDOW]) {
		d->ended[d->merged % EGRET_DISPATCH_WINDOW] = false;
		merge(d, &d->slot[d->merged % EGRET_DISPATCH_WINDOW], totals);
		d->merged++;
	}
}

bool egret_dispatch_wants(const struct egret_dispatch *d, uint64_t number, uint64_t cycles)
{
	if (d->abandoned)
		return false;
	return !d->faulted || (number < d->fault_number && cycles <= EGRET_FAULT_GRACE);
}

void egret_dispatch_fault(struct egret_dispatch *d, uint64_t number,
			  const struct egret_fault *fault)
{
	if (d->faulted && number > d->fault_number)
		return;
	d->faulted = true;
	d->fault_number = number;
	d->fault = *fault;
}

bool egret_dispatch_over(const struct egret_dispatch *d)
{
	return !d->running && (d->abandoned || d->faulted || d->merged == d->groups);
}

uint64_t egret_dispatch_cycles(const struct egret_dispatch *d)
{
	struct egret_traffic t = {
		.vram_read = d->sum.vram_read,
		.vram_write = d->sum.vram_write,
		.host_read = d->sum.host_read,
		.host_write = d->sum.host_write,
	};
	uint64_t last = 0;

	for (unsigned int i = 0; i < d->clusters; i++)
		last = egret_perf_max(last, d->free_at[i]);
	return egret_perf_max(last, egret_perf_traffic(&t));
}
