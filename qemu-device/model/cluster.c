// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * A cluster: the hart, and when the operations it issues happen.
 *
 * There are two answers to "when". In modelled time, an operation starts when it
 * has been issued and its unit is free, and ends some cycles later (perf.h); WAIT
 * moves the hart's clock to the end of what it waits for. What the bytes do is another
 * matter. The architecture lets an operation happen at any moment between its issue and
 * the WAIT for its tag, and a kernel that depends on the moment is wrong. So the model
 * chooses the moments that show such mistakes, the same on each run:
 *
 * - Nothing happens at issue. An operation is done when something waits for it: a WAIT,
 *   a POLL that finds its time to be over, a full queue, the end of the workgroup. A kernel
 *   that uses a result without a WAIT sees the bytes from before, always.
 * - A WAIT makes happen what it waits for and nothing else, except that tile operations are
 *   done in the order of issue, as the architecture has it.
 * - Of what one WAIT makes happen, DMA operations are done newest first, and beside
 *   tile operations in the order that is the opposite of the order of issue: those issued
 *   after the first tile operation before it, those issued before it after the last. So an
 *   operation that takes another one's result without a WAIT between gets the bytes
 *   from before, too.
 *
 * Doing operations again. Somebody may want the workgroup to come to rest while a WAIT makes
 * operations happen that take the host long (stop.h). The instruction is then taken back
 * and executed anew later: what of it has happened is known (operation.happened), and
 * the order of the rest does not depend on it. An operation that is stopped in its middle is
 * made as if it had not begun, and its repetition leaves the same bytes:
 *
 * - A tile operation reads and writes nothing but the scratchpad; its descriptor was taken at
 *   issue. The scratchpad is put back, so that one that accumulates, or whose output lies over
 *   an operand, finds what it found the first time.
 * - A DMA operation moves in one direction. A load reads memory, and its table of indices in the
 *   scratchpad, which is put back; the bytes of memory may be newer ones the second
 *   time, as if it had happened later, which it may. A store reads the scratchpad,
 *   which nobody writes meanwhile, and writes to memory the bytes that it has written before.
 * - Nothing was counted, neither cycles nor bytes.
 *
 * To put the scratchpad back takes a copy of it, so this is for long operations only
 * (is_long()); others are waited for. One that is stopped again and again does not
 * come to its end; so nothing stops it that happens by itself and often. Above all,
 * invalidations do not.
 */
#include "cluster.h"

#include <stdlib.h>
#include <string.h>

#include <egret/packet.h>

#include "dma.h"
#include "hart.h"
#include "mem.h"
#include "mmu.h"
#include "perf.h"
#include "save.h"
#include "tile.h"

/* Budget between looks at the clock: keeps the counters of the interpreter's inner loop small. */
#define SLICE	65536

/*
 * Operations of more cycles than this may stop in their middle. What a kernel sensibly does
 * is below: all of scratchpad in one product of matrices takes half a million cycles, all of
 * scratchpad moved in rows ten thousand. The host takes at most some 100 ms for those.
 */
#define LONG_TILE	(UINT64_C(1) << 20)
#define LONG_DMA	(UINT64_C(1) << 16)

/* An operation on its way. */
struct operation {
	uint8_t funct3;
	uint8_t tag;
	bool happened;
	uint64_t sequence;	/* order of issue over both units */
	uint64_t pc;
	uint64_t issued;	/* when */
	uint64_t start;		/* when the unit began with it */
	uint64_t cycles;	/* of the unit */
	uint64_t end;		/* when the result is there */
	union egret_desc desc;
};

/* A unit: its operations in the order of issue, and its clock. */
struct unit {
	struct operation op[PERF_DMA_QUEUE > PERF_TILE_QUEUE ? PERF_DMA_QUEUE : PERF_TILE_QUEUE];
	unsigned int count;
	unsigned int limit;
	uint64_t free_at;	/* end of the unit's work so far */
	uint64_t busy;
	uint64_t wait;		/* what the hart waited for it */
};

struct egret_cluster {
	struct egret_hart hart;
	struct egret_tile tile_engine;
	struct unit dma;
	struct unit tile;
	uint64_t sequence;
	uint64_t macs;
	uint64_t overrun;	/* what operations used beyond the present slice of the budget */
	struct egret_port *port;
	unsigned int index;
	uint8_t *scratch;
	uint32_t context;	/* of the last workgroup, whose data is in scratchpad */
	bool dirty;		/* there was a last workgroup */
	bool over;		/* the workgroup has faulted, or there is none */
	const atomic_bool *yield;	/* see egret_cluster_set_stop() */
	struct egret_stop stop;	/* for the operation that happens */
	bool again;		/* the instruction is to be executed anew */
	uint8_t *before;	/* copy of scratchpad; allocated for the first long operation */
	struct egret_fault fault;
	void (*observe)(void *arg, const struct egret_activity *activity);
	void *observe_arg;
	/* the port's counters when the workgroup began */
	uint64_t vram_read, vram_write, host_read, host_write;
};

static enum hart_unit handle_unit(void *arg, unsigned int funct3, uint64_t rs1, uint64_t rs2,
				  uint64_t *rd);

/* Translations have been forgotten, perhaps in the middle of a custom instruction. */
static void drop_code(void *arg, uint32_t context)
{
	struct egret_cluster *cl = arg;

	egret_cluster_invalidate_code(cl, context);
	egret_hart_drop_pages(&cl->hart);
}

struct egret_cluster *egret_cluster_create(unsigned int index, struct egret_port *port)
{
	struct egret_cluster *cl = calloc(1, sizeof(*cl));

	if (!cl)
		return NULL;
	cl->index = index;
	cl->port = port;
	cl->over = true;
	cl->stop.port = port;
	cl->dma.limit = PERF_DMA_QUEUE;
	cl->tile.limit = PERF_TILE_QUEUE;
	cl->scratch = egret_mem_allocate(EGRET_SCRATCH_SIZE);
	if (!cl->scratch)
		goto no_scratch;
	memset(cl->scratch, 0, EGRET_SCRATCH_SIZE);
	if (egret_tile_init(&cl->tile_engine, cl->scratch))
		goto no_tile;
	cl->tile_engine.stop = &cl->stop;
	if (egret_hart_init(&cl->hart, cl->scratch, port))
		goto no_hart;
	cl->hart.index = index;
	cl->hart.unit = handle_unit;
	cl->hart.unit_arg = cl;
	port->drop_code = drop_code;
	port->drop_code_arg = cl;
	return cl;

no_hart:
	egret_tile_fini(&cl->tile_engine);
no_tile:
	free(cl->scratch);
no_scratch:
	free(cl);
	return NULL;
}

void egret_cluster_destroy(struct egret_cluster *cl)
{
	if (!cl)
		return;
	cl->port->drop_code = NULL;
	egret_hart_fini(&cl->hart);
	egret_tile_fini(&cl->tile_engine);
	free(cl->scratch);
	free(cl->before);
	free(cl);
}

void egret_cluster_set_time(struct egret_cluster *cl, uint64_t (*time)(void *arg), void *arg)
{
	cl->hart.time = time;
	cl->hart.time_arg = arg;
}

void egret_cluster_set_stop(struct egret_cluster *cl, const atomic_bool *kill,
			    const atomic_bool *yield)
{
	cl->stop.kill = kill;
	cl->yield = yield;
}

static void unit_reset(struct unit *u)
{
	u->count = 0;
	u->free_at = 0;
	u->busy = 0;
	u->wait = 0;
}

void egret_cluster_clear(struct egret_cluster *cl)
{
	memset(cl->scratch, 0, EGRET_SCRATCH_SIZE);
	egret_cluster_invalidate_code(cl, EGRET_CONTEXT_ALL);
	egret_hart_reset(&cl->hart);
	unit_reset(&cl->dma);
	unit_reset(&cl->tile);
	cl->macs = 0;
	cl->dirty = false;
	cl->over = true;
	memset(&cl->fault, 0, sizeof(cl->fault));
}

void egret_cluster_begin(struct egret_cluster *cl, const struct egret_group *group)
{
	struct egret_hart *h = &cl->hart;
	uint32_t size = group->args_size < EGRET_ARGS_SIZE_MAX ? group->args_size :
								 EGRET_ARGS_SIZE_MAX;

	if (cl->dirty && cl->context != group->context)
		memset(cl->scratch, 0, EGRET_SCRATCH_SIZE);
	cl->context = group->context;
	cl->dirty = true;
	cl->over = false;
	unit_reset(&cl->dma);
	unit_reset(&cl->tile);
	cl->macs = 0;
	cl->sequence = 0;
	memset(&cl->fault, 0, sizeof(cl->fault));
	cl->vram_read = cl->port->vram_read;
	cl->vram_write = cl->port->vram_write;
	cl->host_read = cl->port->host_read;
	cl->host_write = cl->port->host_write;

	egret_hart_reset(h);
	if (size)
		memcpy(cl->scratch + (EGRET_LOCAL_ARGS - EGRET_LOCAL_SCRATCH), group->args, size);
	h->context = group->context;
	memcpy(h->id, group->id, sizeof(h->id));
	memcpy(h->grid, group->grid, sizeof(h->grid));
	h->args_size = size;
	h->cookie = group->cookie;
	h->pc = group->entry;
	h->x[1] = EGRET_LOCAL_EXIT;
	h->x[2] = EGRET_LOCAL_ARGS;
	h->x[10] = EGRET_LOCAL_ARGS;
	for (unsigned int i = 0; i < 3; i++)
		h->x[11 + i] = group->id[i];
}

/* ---- Doing operations ---------------------------------------------------- */

static void use_budget(struct egret_cluster *cl, uint64_t cycles)
{
	if (cycles > cl->hart.left) {
		cl->overrun += cycles - cl->hart.left;
		cl->hart.left = 0;
	} else {
		cl->hart.left -= cycles;
	}
}

/* A DMA operation to system memory takes longer than was assumed at issue. */
static void dma_happened(struct egret_cluster *cl, struct operation *op, uint64_t host_bytes)
{
	uint64_t cycles = PERF_DMA_SETUP + host_bytes / PERF_DMA_HOST_BYTES;
	uint64_t extra;

	if (!host_bytes)
		return;
	extra = cycles > op->cycles ? cycles - op->cycles : 0;
	op->cycles += extra;
	op->end += extra + PERF_DMA_HOST_LATENCY - PERF_DMA_LATENCY;
	cl->dma.free_at += extra;
	cl->dma.busy += extra;
}

static void tell_operation(const struct egret_cluster *cl, const struct operation *op)
{
	bool dma = op->funct3 == EGRET_FUNCT3_DMA;
	struct egret_activity a = {
		.kind = dma ? EGRET_ACTIVITY_DMA : EGRET_ACTIVITY_TILE,
		.start = op->start,
		.end = op->start + op->cycles,
		.done = op->end,
		.issued = op->issued,
		.pc = op->pc,
		.funct3 = op->funct3,
		.tag = op->tag,
		.desc = &op->desc,
	};

	if (cl->observe)
		cl->observe(cl->observe_arg, &a);
}

/* What a port has counted. */
struct counts {
	uint64_t vram_read, vram_write, host_read, host_write;
};

static struct counts get_counts(const struct egret_port *p)
{
	return (struct counts){ p->vram_read, p->vram_write, p->host_read, p->host_write };
}

static void set_counts(struct egret_port *p, const struct counts *c)
{
	p->vram_read = c->vram_read;
	p->vram_write = c->vram_write;
	p->host_read = c->host_read;
	p->host_write = c->host_write;
}

static bool is_long(const struct operation *op, const union egret_desc *desc)
{
	if (op->funct3 == EGRET_FUNCT3_DMA)
		return op->cycles > LONG_DMA;
	return egret_tile_cycles(op->funct3, desc) > LONG_TILE;
}

/* May the operation stop, to be done again? Without memory for a copy it may not. */
static bool prepare_stop(struct egret_cluster *cl, const struct operation *op,
			 const union egret_desc *desc)
{
	if (!cl->yield || !is_long(op, desc))
		return false;
	if (!cl->before)
		cl->before = malloc(EGRET_SCRATCH_SIZE);
	if (!cl->before)
		return false;
	memcpy(cl->before, cl->scratch, EGRET_SCRATCH_SIZE);
	return true;
}

/* Is the operation not to go on now? Then it is as if it had not begun. */
static bool postponed(struct egret_cluster *cl, const atomic_bool *yield)
{
	cl->again = egret_asked(yield) && !egret_asked(cl->stop.kill);
	return cl->again;
}

/* Maps that are one sum of products. */
static bool run_taps(struct egret_cluster *cl, const struct operation *op, unsigned int count)
{
	const struct egret_map_desc *d[PERF_TILE_QUEUE];

	for (unsigned int i = 0; i < count; i++)
		d[i] = &op[i].desc.map;
	egret_taps_run(&cl->tile_engine, d, count);
	return !egret_unit_stopped(&cl->stop);
}

static bool run_operation(struct egret_cluster *cl, const struct operation *op,
			  const union egret_desc *desc, unsigned int count)
{
	if (egret_unit_stopped(&cl->stop))
		return false;
	if (count > 1 && op->funct3 == EGRET_FUNCT3_MAP)
		return run_taps(cl, op, count);
	if (op->funct3 == EGRET_FUNCT3_DMA)
		return egret_dma_run(&desc->dma, cl->scratch, cl->port, &cl->stop,
				     &cl->hart.fault);
	return egret_tile_run(&cl->tile_engine, op->funct3, desc, &cl->hart.fault);
}

/*
 * Let an operation happen, with @desc for its own, and those that are one with it: @count in all.
 * False: it has a fault, or none if the workgroup is killed, or it is to be tried again.
 */
static bool perform_as(struct egret_cluster *cl, struct operation *op, const union egret_desc *desc,
		       unsigned int count)
{
	struct counts before = get_counts(cl->port);
	struct egret_fault *f = &cl->hart.fault;
	bool ok;

	if (op->happened)
		return true;
	memset(f, 0, sizeof(*f));
	if (postponed(cl, cl->yield))
		return false;
	cl->stop.yield = prepare_stop(cl, op, desc) ? cl->yield : NULL;
	ok = run_operation(cl, op, desc, count);
	if (postponed(cl, cl->stop.yield)) {
		memcpy(cl->scratch, cl->before, EGRET_SCRATCH_SIZE);
		set_counts(cl->port, &before);
		return false;
	}
	op->happened = true;
	if (op->funct3 == EGRET_FUNCT3_DMA) {
		dma_happened(cl, op, cl->port->host_read + cl->port->host_write -
				     before.host_read - before.host_write);
		if (!ok)
			egret_fault_set_unit(f, EGRET_UNIT_DMA);
	} else if (!ok) {
		f->info = egret_fault_info(EGRET_UNIT_TILE, cl->index, EGRET_ACCESS_READ, 0);
	}
	f->pc = op->pc;
	if (ok)
		tell_operation(cl, op);
	use_budget(cl, op->cycles);
	return ok;
}

static bool perform(struct egret_cluster *cl, struct operation *op)
{
	return perform_as(cl, op, &op->desc, 1);
}

static unsigned int join_products(const struct operation *op, unsigned int count,
				  union egret_desc *desc)
{
	unsigned int joined = 1;

	*desc = op->desc;
	while (joined < count && op[joined].funct3 == EGRET_FUNCT3_MATMUL &&
	       egret_matmul_join(&desc->matmul, &op[joined].desc.matmul))
		joined++;
	return joined;
}

static unsigned int join_maps(const struct operation *op, unsigned int count)
{
	const struct egret_map_desc *d[PERF_TILE_QUEUE];
	unsigned int maps = 0;

	for (; maps < count && op[maps].funct3 == EGRET_FUNCT3_MAP; maps++)
		d[maps] = &op[maps].desc.map;
	return egret_taps_count(d, maps);
}

/*
 * How many of @count tile operations can be done as one, and what is its descriptor? @joined
 * has room for one. Products that continue each other's sums, and maps that do: in pieces,
 * the host would load and store the sums for each, and that costs more than a small piece's product.
 */
static unsigned int join(const struct operation *op, unsigned int count, union egret_desc *joined,
			 const union egret_desc **desc)
{
	*desc = &op->desc;
	if (op->happened || count < 2)
		return 1;
	switch (op->funct3) {
	case EGRET_FUNCT3_MATMUL:
		*desc = joined;
		return join_products(op, count, joined);
	case EGRET_FUNCT3_MAP:
		return join_maps(op, count);
	default:
		return 1;
	}
}

/* Tile operations are done in order: all up to number `last` - 1. */
static bool perform_tile(struct egret_cluster *cl, unsigned int last)
{
	for (unsigned int i = 0, count; i < last; i += count) {
		struct operation *op = &cl->tile.op[i];
		const union egret_desc *desc;
		union egret_desc joined;

		count = join(op, last - i, &joined, &desc);
		if (!perform_as(cl, op, desc, count))
			return false;
		for (unsigned int j = 1; j < count; j++) {
			op[j].happened = true;
			tell_operation(cl, &op[j]);
			use_budget(cl, op[j].cycles);
		}
	}
	return true;
}

/* DMA operations that are chosen and issued after (or before) a moment, newest first. */
static bool perform_dma(struct egret_cluster *cl, const bool *chosen, uint64_t moment, bool after)
{
	for (unsigned int i = cl->dma.count; i-- > 0;) {
		struct operation *op = &cl->dma.op[i];

		if (chosen[i] && (op->sequence > moment) == after && !perform(cl, op))
			return false;
	}
	return true;
}

/* See the top of the file for the order. */
static bool perform_chosen(struct egret_cluster *cl, const bool *dma, unsigned int tiles)
{
	uint64_t moment = UINT64_MAX;

	for (unsigned int i = tiles; i-- > 0;)
		if (!cl->tile.op[i].happened)
			moment = cl->tile.op[i].sequence;
	return perform_dma(cl, dma, moment, true) && perform_tile(cl, tiles) &&
	       perform_dma(cl, dma, moment, false);
}

/* Forget the operations that have happened and whose time is over. */
static void retire(struct unit *u, uint64_t now)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < u->count; i++) {
		if (u->op[i].happened && u->op[i].end <= now)
			continue;
		if (kept != i)
			u->op[kept] = u->op[i];
		kept++;
	}
	u->count = kept;
}

static uint64_t end_of_tag(const struct unit *u, uint32_t mask)
{
	uint64_t end = 0;

	for (unsigned int i = 0; i < u->count; i++)
		if (mask >> u->op[i].tag & 1 && u->op[i].end > end)
			end = u->op[i].end;
	return end;
}

/* The hart waits until @dma_end and @tile_end; whoever is last is what it waited for. */
static void wait_until(struct egret_cluster *cl, uint64_t dma_end, uint64_t tile_end)
{
	struct unit *last = dma_end > tile_end ? &cl->dma : &cl->tile;
	uint64_t end = dma_end > tile_end ? dma_end : tile_end;

	if (end > cl->hart.now) {
		last->wait += end - cl->hart.now;
		if (cl->observe)
			cl->observe(cl->observe_arg, &(struct egret_activity) {
				.kind = last == &cl->dma ? EGRET_ACTIVITY_DMA_WAIT :
							   EGRET_ACTIVITY_TILE_WAIT,
				.start = cl->hart.now,
				.end = end,
			});
		cl->hart.now = end;
	}
	retire(&cl->dma, cl->hart.now);
	retire(&cl->tile, cl->hart.now);
}

static bool wait_for(struct egret_cluster *cl, uint32_t mask)
{
	bool dma[PERF_DMA_QUEUE];
	unsigned int tiles = 0;

	for (unsigned int i = 0; i < cl->dma.count; i++)
		dma[i] = mask >> cl->dma.op[i].tag & 1;
	for (unsigned int i = 0; i < cl->tile.count; i++)
		if (mask >> cl->tile.op[i].tag & 1)
			tiles = i + 1;
	if (!perform_chosen(cl, dma, tiles))
		return false;
	wait_until(cl, end_of_tag(&cl->dma, mask), end_of_tag(&cl->tile, mask));
	return true;
}

/* Operations whose time is over happen; the others are what POLL reports. */
static bool poll(struct egret_cluster *cl, uint64_t *outstanding)
{
	uint64_t now = cl->hart.now;
	bool dma[PERF_DMA_QUEUE];
	unsigned int tiles = 0;

	for (unsigned int i = 0; i < cl->dma.count; i++)
		dma[i] = cl->dma.op[i].end <= now;
	while (tiles < cl->tile.count && cl->tile.op[tiles].end <= now)
		tiles++;
	if (!perform_chosen(cl, dma, tiles))
		return false;
	retire(&cl->dma, now);
	retire(&cl->tile, now);
	*outstanding = 0;
	for (unsigned int i = 0; i < cl->dma.count; i++)
		*outstanding |= UINT64_C(1) << cl->dma.op[i].tag;
	for (unsigned int i = 0; i < cl->tile.count; i++)
		*outstanding |= UINT64_C(1) << cl->tile.op[i].tag;
	return true;
}

/* ---- Issue --------------------------------------------------------------- */

/* A unit takes `limit` operations; for one more the oldest has to complete. */
static bool make_room(struct egret_cluster *cl, struct unit *u)
{
	retire(u, cl->hart.now);
	if (u->count < u->limit)
		return true;
	if (!perform(cl, &u->op[0]))
		return false;
	wait_until(cl, u == &cl->dma ? u->op[0].end : 0, u == &cl->tile ? u->op[0].end : 0);
	return true;
}

static bool issue_fault(struct egret_cluster *cl, unsigned int funct3)
{
	struct egret_fault *f = &cl->hart.fault;

	f->info = egret_fault_info(funct3 == EGRET_FUNCT3_DMA ? EGRET_UNIT_DMA : EGRET_UNIT_TILE,
				   cl->index, EGRET_ACCESS_READ, 0);
	f->pc = cl->hart.pc;
	return false;
}

/* Read and check the descriptor of a new operation. */
static bool take_descriptor(struct egret_cluster *cl, unsigned int funct3, uint64_t local,
			    uint64_t tag, union egret_desc *desc)
{
	struct egret_fault *f = &cl->hart.fault;
	size_t size = egret_desc_size(funct3);

	memset(f, 0, sizeof(*f));
	if (tag >= EGRET_TAGS)
		return egret_desc_fault(f, EGRET_FAULT_DESC_FIELD, 0, (uint32_t)tag);
	if (local % EGRET_DESC_ALIGN)
		return egret_desc_fault(f, EGRET_FAULT_MISALIGNED, local, 0);
	if (local - EGRET_LOCAL_SCRATCH > EGRET_SCRATCH_SIZE - size)
		return egret_desc_fault(f, EGRET_FAULT_LOCAL, local, 0);
	memcpy(desc, cl->scratch + (local - EGRET_LOCAL_SCRATCH), size);
	size += egret_desc_more(funct3, desc);
	if (local - EGRET_LOCAL_SCRATCH > EGRET_SCRATCH_SIZE - size)
		return egret_desc_fault(f, EGRET_FAULT_LOCAL, local, 0);
	memcpy(desc, cl->scratch + (local - EGRET_LOCAL_SCRATCH), size);
	if (funct3 == EGRET_FUNCT3_DMA)
		return egret_dma_check(&desc->dma, f);
	return egret_tile_check(funct3, desc, f);
}

static bool issue(struct egret_cluster *cl, unsigned int funct3, uint64_t local, uint64_t tag)
{
	struct unit *u = funct3 == EGRET_FUNCT3_DMA ? &cl->dma : &cl->tile;
	struct operation *op;
	uint64_t start;

	if (!make_room(cl, u))
		return false;
	op = &u->op[u->count];
	if (!take_descriptor(cl, funct3, local, tag, &op->desc))
		return issue_fault(cl, funct3);
	op->funct3 = (uint8_t)funct3;
	op->tag = (uint8_t)tag;
	op->happened = false;
	op->sequence = cl->sequence++;
	op->pc = cl->hart.pc;
	op->issued = cl->hart.now;
	start = cl->hart.now > u->free_at ? cl->hart.now : u->free_at;
	if (funct3 == EGRET_FUNCT3_DMA) {
		op->cycles = egret_dma_cycles(&op->desc.dma);
		op->end = start + op->cycles + PERF_DMA_LATENCY;
	} else {
		op->cycles = egret_tile_cycles(funct3, &op->desc);
		op->end = start + op->cycles;
		cl->macs += egret_tile_macs(funct3, &op->desc);
	}
	op->start = start;
	u->free_at = start + op->cycles;
	u->busy += op->cycles;
	u->count++;
	return true;
}

/* Called by the hart for a custom instruction. */
static enum hart_unit handle_unit(void *arg, unsigned int funct3, uint64_t rs1, uint64_t rs2,
				  uint64_t *rd)
{
	struct egret_cluster *cl = arg;
	bool ok;

	switch (funct3) {
	case EGRET_FUNCT3_WAIT:
		ok = wait_for(cl, (uint32_t)rs1);
		break;
	case EGRET_FUNCT3_POLL:
		ok = poll(cl, rd);
		break;
	default:
		ok = issue(cl, funct3, rs1, rs2);
		break;
	}
	if (ok)
		return HART_UNIT_DONE;
	return cl->again ? HART_UNIT_AGAIN : HART_UNIT_FAULT;
}

/* ---- Running ------------------------------------------------------------- */

/* The workgroup's end but for the good one. A stopped operation leaves no fault code. */
static enum egret_run fault(struct egret_cluster *cl)
{
	cl->fault = cl->hart.fault;
	cl->over = true;
	cl->dma.count = 0;
	cl->tile.count = 0;
	return cl->fault.code ? EGRET_RUN_FAULT : EGRET_RUN_STOPPED;
}

enum egret_run egret_cluster_run(struct egret_cluster *cl, uint64_t budget)
{
	struct egret_hart *h = &cl->hart;
	uint64_t spent = 0;

	if (cl->over)
		return cl->fault.code ? EGRET_RUN_FAULT : EGRET_RUN_DONE;
	egret_hart_drop_pages(h);
	while (spent < budget) {
		uint64_t slice = budget - spent < SLICE ? budget - spent : SLICE;

		h->left = slice;
		cl->overrun = 0;
		cl->again = false;
		switch (egret_hart_run(h)) {
		case HART_QUANTUM:
			break;
		case HART_FAULT:
			return fault(cl);
		case HART_EXIT:
			if (wait_for(cl, UINT32_MAX)) {
				cl->over = true;
				return EGRET_RUN_DONE;
			}
			if (!cl->again)
				return fault(cl);
			break; /* the hart will come to the exit again */
		}
		if (cl->again)
			return EGRET_RUN_QUANTUM;
		spent += slice + cl->overrun;
	}
	return EGRET_RUN_QUANTUM;
}

const struct egret_fault *egret_cluster_fault(const struct egret_cluster *cl)
{
	return &cl->fault;
}

void egret_cluster_stats(const struct egret_cluster *cl, struct egret_group_stats *s)
{
	const struct egret_port *p = cl->port;

	s->cycles = cl->hart.now;
	s->tile_wait = cl->tile.wait;
	s->dma_wait = cl->dma.wait;
	s->hart_cycles = s->cycles - s->tile_wait - s->dma_wait;
	s->tile_busy = cl->tile.busy;
	s->dma_busy = cl->dma.busy;
	s->instructions = cl->hart.instret;
	s->macs = cl->macs;
	s->vram_read = p->vram_read - cl->vram_read;
	s->vram_write = p->vram_write - cl->vram_write;
	s->host_read = p->host_read - cl->host_read;
	s->host_write = p->host_write - cl->host_write;
}

void egret_cluster_observe(struct egret_cluster *cl,
			   void (*observe)(void *arg, const struct egret_activity *activity),
			   void *arg)
{
	cl->observe = observe;
	cl->observe_arg = arg;
}

struct egret_hart *egret_cluster_hart(struct egret_cluster *cl)
{
	return &cl->hart;
}

uint64_t egret_cluster_pc(const struct egret_cluster *cl)
{
	return cl->hart.pc;
}

/*
 * Contexts are not told apart in what is forgotten: code that changes is rare, and
 * decoding is fast.
 */
void egret_cluster_invalidate_code(struct egret_cluster *cl, uint32_t context)
{
	(void)context;
	hart_code_forget(&cl->hart);
}

void *egret_cluster_scratch(struct egret_cluster *cl)
{
	return cl->scratch;
}

/* ---- Saving ------------------------------------------------------------------ */

static void snapshot_hart(struct egret_hart *h, struct egret_snap *s)
{
	for (unsigned int i = 0; i < 32; i++)
		h->x[i] = snap_u64(s, h->x[i]);
	h->x[0] = 0;
	for (unsigned int i = 0; i < 32; i++)
		h->f[i] = snap_u64(s, h->f[i]);
	/* The masks are those that writes of the registers obey (hart_csr.c). */
	h->pc = snap_u64(s, h->pc) & ~UINT64_C(1);
	h->fflags = snap_u32(s, h->fflags) & 0x1f;
	h->frm = snap_u32(s, h->frm) & 7;
	h->now = snap_u64(s, h->now);
	h->instret = snap_u64(s, h->instret);
	h->mstatus = snap_u64(s, h->mstatus) & 0x88;
	h->mtvec = snap_u64(s, h->mtvec) & ~UINT64_C(3);
	h->mscratch = snap_u64(s, h->mscratch);
	h->mepc = snap_u64(s, h->mepc) & ~UINT64_C(1);
	h->mcause = snap_u64(s, h->mcause);
	h->mtval = snap_u64(s, h->mtval);
	h->mie = snap_u64(s, h->mie) & 0x888;
	h->mcycle_offset = snap_u64(s, h->mcycle_offset);
	h->minstret_offset = snap_u64(s, h->minstret_offset);
	h->reserved = snap_bool(s, h->reserved);
	h->reserved_addr = snap_u64(s, h->reserved_addr);
	h->reserved_value = snap_u64(s, h->reserved_value);
}

static bool descriptor_is_good(const struct operation *op, bool dma)
{
	struct egret_fault fault;

	if (op->tag >= EGRET_TAGS || !egret_desc_size(op->funct3) ||
	    dma != (op->funct3 == EGRET_FUNCT3_DMA))
		return false;
	return dma ? egret_dma_check(&op->desc.dma, &fault) :
		     egret_tile_check(op->funct3, &op->desc, &fault);
}

static void snapshot_operation(struct operation *op, bool dma, struct egret_snap *s)
{
	op->funct3 = snap_u8(s, op->funct3);
	op->tag = snap_u8(s, op->tag);
	op->happened = snap_bool(s, op->happened);
	op->sequence = snap_u64(s, op->sequence);
	op->pc = snap_u64(s, op->pc);
	op->issued = snap_u64(s, op->issued);
	op->start = snap_u64(s, op->start);
	op->cycles = snap_u64(s, op->cycles);
	op->end = snap_u64(s, op->end);
	snap_bytes(s, &op->desc, egret_desc_size(op->funct3));
	/* Steps came later: an operation without them is saved as it always was. */
	snap_bytes(s, op->desc.product.step, egret_desc_more(op->funct3, &op->desc));
	if (snap_ok(s) && !descriptor_is_good(op, dma))
		snap_fail(s, "an operation of a cluster that cannot have been issued");
}

static void snapshot_unit(struct unit *u, bool dma, struct egret_snap *s)
{
	u->count = snap_max(s, u->count, u->limit, "number of operations of a unit");
	for (unsigned int i = 0; i < u->count && snap_ok(s); i++)
		snapshot_operation(&u->op[i], dma, s);
	u->free_at = snap_u64(s, u->free_at);
	u->busy = snap_u64(s, u->busy);
	u->wait = snap_u64(s, u->wait);
}

void egret_cluster_snapshot(struct egret_cluster *cl, struct egret_snap *s)
{
	const struct egret_port *p = cl->port;

	snapshot_hart(&cl->hart, s);
	snapshot_unit(&cl->dma, true, s);
	snapshot_unit(&cl->tile, false, s);
	cl->sequence = snap_u64(s, cl->sequence);
	cl->macs = snap_u64(s, cl->macs);
	/* The port goes on counting from somewhere else. */
	cl->vram_read = p->vram_read - snap_u64(s, p->vram_read - cl->vram_read);
	cl->vram_write = p->vram_write - snap_u64(s, p->vram_write - cl->vram_write);
	cl->host_read = p->host_read - snap_u64(s, p->host_read - cl->host_read);
	cl->host_write = p->host_write - snap_u64(s, p->host_write - cl->host_write);
	snap_memory(s, cl->scratch, EGRET_SCRATCH_SIZE);
}
