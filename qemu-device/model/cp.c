// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The command processor.
 *
 * Running packets is not the work of one thread but a role: whoever has just
 * finished a workgroup or a copy goes on with the packets behind it, which saves a
 * change of threads on the way from the last workgroup to the FENCE. A queue is run
 * by one worker at a time (EGRET_PLACE_OWNED). The command processor's own thread
 * does what nobody else is free for, so that FENCE and WAIT go on while kernels hold
 * all clusters.
 *
 * Packets of one queue run one after the other: EGRET_PKT_BARRIER is honoured by
 * never overlapping anything, which packet.h permits. A DISPATCH lets go of its queue
 * until the workgroups are done, a large copy moves it to a copy engine.
 *
 * Modelled time. Each packet is charged to the queue (EGRET_Q_BUSY_CYCLES) and to the chip
 * (EGRET_REG_CNT_CYCLES) as if it had the chip for itself; perf.h has the formulas. So both
 * repeat exactly, and where queues overlap the sum is an upper bound.
 */
#include <string.h>

#include "cp.h"
#include "model.h"

enum step {
	STEP_DONE,	/* the packet has completed */
	STEP_CALL,	/* a CALL: its packets come next */
	STEP_MORE,	/* a piece of it is done */
	STEP_WAIT,	/* a WAIT that is not satisfied */
	STEP_COPY,	/* a copy engine has to go on with it */
	STEP_GROUPS,	/* its workgroups have to run */
	STEP_FAULT,
};

/* ---- Checks of packets ------------------------------------------------------- */

static int packet_fault(struct egret_fault *fault, enum egret_fault_code code, uint64_t offset,
			uint32_t value)
{
	*fault = (struct egret_fault) {
		.code = code,
		.info = egret_fault_info(EGRET_UNIT_CP, 0, EGRET_ACCESS_READ, 0),
		.addr = offset,
		.value = value,
	};
	return -1;
}

#define FIELD(p, field)	\
	packet_fault(fault, EGRET_FAULT_PKT_FIELD, offsetof(typeof(*(p)), field), (p)->field)

/* What each packet defines: the flags that it takes, and one bit for each reserved word. */
static const struct packet_format {
	uint8_t flags;
	uint16_t reserved;
} formats[] = {
	[EGRET_OP_NOP]		= { EGRET_PKT_BARRIER, 0xfffe },
	[EGRET_OP_FENCE]	= { EGRET_PKT_BARRIER | EGRET_PKT_INTERRUPT, 0xffc2 },
	[EGRET_OP_WAIT]		= { EGRET_PKT_BARRIER, 0xffc2 },
	[EGRET_OP_COPY]		= { EGRET_PKT_BARRIER, 0xff02 },
	[EGRET_OP_COPY_RECT]	= { EGRET_PKT_BARRIER, 0 },
	[EGRET_OP_FILL]		= { EGRET_PKT_BARRIER, 0xff00 },
	[EGRET_OP_DISPATCH]	= { EGRET_PKT_BARRIER | EGRET_PKT_INVALIDATE_CODE, 0xc200 },
	[EGRET_OP_CALL]		= { EGRET_PKT_BARRIER, 0xfff0 },
	[EGRET_OP_TIMESTAMP]	= { EGRET_PKT_BARRIER, 0xfff2 },
	[EGRET_OP_BARRIER]	= { EGRET_PKT_BARRIER | EGRET_PKT_INVALIDATE_CODE, 0xfffe },
};

static int check_copy(const struct egret_pkt_copy *p, struct egret_fault *fault)
{
	/* Distances modulo 2^64, as addresses wrap. */
	if (p->dst - p->src < p->size || p->src - p->dst < p->size)
		return FIELD(p, dst);
	return p->size ? 0 : FIELD(p, size);
}

static int check_fill(const struct egret_pkt_fill *p, struct egret_fault *fault)
{
	if (p->width != 1 && p->width != 2 && p->width != 4 && p->width != 8)
		return FIELD(p, width);
	if (p->dst % p->width)
		return FIELD(p, dst);
	if (!p->size || p->size % p->width)
		return FIELD(p, size);
	if (p->width < 8 && p->pattern >> 8 * p->width)
		return FIELD(p, pattern);
	return 0;
}

static int check_dispatch(const struct egret_pkt_dispatch *p, struct egret_fault *fault)
{
	if (p->args_size > EGRET_ARGS_SIZE_MAX)
		return FIELD(p, args_size);
	if (p->entry % 2)
		return FIELD(p, entry);
	if (!p->args != !p->args_size)
		return FIELD(p, args);
	if (!p->grid[0] || p->grid[0] > EGRET_GRID_MAX)
		return FIELD(p, grid[0]);
	if (!p->grid[1] || p->grid[1] > EGRET_GRID_MAX)
		return FIELD(p, grid[1]);
	if (!p->grid[2] || p->grid[2] > EGRET_GRID_MAX)
		return FIELD(p, grid[2]);
	if ((unsigned __int128)p->grid[0] * p->grid[1] * p->grid[2] >> 32)
		return FIELD(p, grid[0]);
	if (p->profile % 8)
		return FIELD(p, profile);
	return 0;
}

static int check_fields(const union egret_packet *p, struct egret_fault *fault)
{
	switch (p->header.opcode) {
	case EGRET_OP_FENCE:
		return p->fence.addr % 8 ? FIELD(&p->fence, addr) : 0;
	case EGRET_OP_WAIT:
		return p->wait.addr % 8 ? FIELD(&p->wait, addr) : 0;
	case EGRET_OP_COPY:
		return check_copy(&p->copy, fault);
	case EGRET_OP_COPY_RECT:
		if (!p->copy_rect.width)
			return FIELD(&p->copy_rect, width);
		if (!p->copy_rect.rows)
			return FIELD(&p->copy_rect, rows);
		return p->copy_rect.slices ? 0 : FIELD(&p->copy_rect, slices);
	case EGRET_OP_FILL:
		return check_fill(&p->fill, fault);
	case EGRET_OP_DISPATCH:
		return check_dispatch(&p->dispatch, fault);
	case EGRET_OP_CALL:
		if (!p->call.count)
			return FIELD(&p->call, count);
		return p->call.addr % EGRET_PACKET_SIZE ? FIELD(&p->call, addr) : 0;
	case EGRET_OP_TIMESTAMP:
		return p->timestamp.addr % 8 ? FIELD(&p->timestamp, addr) : 0;
	default:
		return 0;
	}
}

/* First the opcode, then reserved bits in ascending order, then fields likewise. */
static int check_packet(const struct egret_queue *q, struct egret_fault *fault)
{
	const union egret_packet *p = &q->packet;
	const struct packet_format *format;

	if (p->header.opcode >= sizeof(formats) / sizeof(formats[0]) ||
	    (p->header.opcode == EGRET_OP_DISPATCH && q->config & EGRET_Q_CONFIG_COPY))
		return packet_fault(fault, EGRET_FAULT_PKT_OPCODE, 0, p->words[0]);
	format = &formats[p->header.opcode];
	if (p->header.flags & ~format->flags || p->header.reserved)
		return packet_fault(fault, EGRET_FAULT_PKT_RESERVED, 0, p->words[0]);
	for (unsigned int i = 1; i < EGRET_PACKET_SIZE / 4; i++)
		if (format->reserved & 1u << i && p->words[i])
			return packet_fault(fault, EGRET_FAULT_PKT_RESERVED, 4 * i, p->words[i]);
	return check_fields(p, fault);
}

bool egret_cp_packet_is_good(const struct egret_queue *q)
{
	struct egret_fault fault;

	return !check_packet(q, &fault);
}

/* ---- Packets, one by one --------------------------------------------------------- */

static int fetch(struct egret_worker *w, struct egret_queue *q, struct egret_fault *fault)
{
	struct egret_port *port = &w->port;

	if (q->depth)
		q->packet_va = q->call[q->depth - 1].next;
	else
		q->packet_va = q->ring + (q->head & ((1ull << q->ring_size) - 1)) * EGRET_PACKET_SIZE;
	if (egret_port_read(port, q->packet_va, &q->packet, sizeof(q->packet), EGRET_ACCESS_READ,
			    fault) || check_packet(q, fault))
		return -1;
	q->started = true;
	q->groups_done = false;
	if (egret_copy_is(&q->packet))
		egret_copy_begin(&q->copy, &q->packet);
	if (q->packet.header.flags & EGRET_PKT_INVALIDATE_CODE) {
		struct egret_invalidation code = {
			.context = egret_queue_context(q),
			.code_only = true,
		};

		egret_mmu_invalidate(&w->m->mmu, &code, false);
	}
	egret_trace(w->m, "packet", q->id, q->packet.header.opcode, q->packet_va, q->head);
	return 0;
}

static enum step step_fence(struct egret_worker *w, struct egret_queue *q,
			    struct egret_fault *fault)
{
	const struct egret_pkt_fence *p = &q->packet.fence;
	uint64_t wrong = atomic_exchange_explicit(&w->m->injected.fence, 0, memory_order_relaxed);
	uint64_t value = p->value ^ wrong;

	if (egret_port_write(&w->port, p->addr, &value, sizeof(value), fault) ||
	    egret_port_span(&w->port, p->addr, sizeof(value), EGRET_ACCESS_WRITE, &q->watched,
			    fault))
		return STEP_FAULT;
	return STEP_DONE;
}

static enum step step_wait(struct egret_worker *w, struct egret_queue *q,
			   struct egret_fault *fault)
{
	const struct egret_pkt_wait *p = &q->packet.wait;
	uint64_t word;

	if (egret_port_read(&w->port, p->addr, &word, sizeof(word), EGRET_ACCESS_READ, fault) ||
	    egret_port_span(&w->port, p->addr, sizeof(word), EGRET_ACCESS_READ, &q->watched, fault))
		return STEP_FAULT;
	return word >= p->value ? STEP_DONE : STEP_WAIT;
}

static enum step step_copy(struct egret_worker *w, struct egret_queue *q,
			   struct egret_fault *fault)
{
	int ret;

	if (w->kind != EGRET_WORKER_COPY && !egret_copy_is_small(&q->copy))
		return STEP_COPY;
	w->port.unit = EGRET_UNIT_COPY;
	ret = egret_copy_step(&q->copy, &w->port, fault);
	w->port.unit = EGRET_UNIT_CP;
	if (ret < 0)
		return STEP_FAULT;
	return ret ? STEP_DONE : STEP_MORE;
}

static enum step step_timestamp(struct egret_worker *w, struct egret_queue *q,
				struct egret_fault *fault)
{
	uint64_t addr = q->packet.timestamp.addr;
	struct egret_timestamp stamp = {
		.time = egret_time(w->m),
		.cycles = q->busy_cycles,
	};

	/* Each word at once: a WAIT may look at it. */
	if (egret_port_write(&w->port, addr, &stamp.time, sizeof(stamp.time), fault) ||
	    egret_port_write(&w->port, addr + sizeof(stamp.time), &stamp.cycles,
			     sizeof(stamp.cycles), fault))
		return STEP_FAULT;
	return STEP_DONE;
}

static enum step step_call(struct egret_queue *q, struct egret_fault *fault)
{
	if (q->depth == EGRET_CALL_DEPTH_MAX) {
		packet_fault(fault, EGRET_FAULT_CALL_DEPTH, 0, 0);
		return STEP_FAULT;
	}
	q->call[q->depth++] = (struct egret_call_level) {
		.next = q->packet.call.addr,
		.left = q->packet.call.count,
	};
	return STEP_CALL;
}

static int write_profile(struct egret_worker *w, struct egret_queue *q, struct egret_fault *fault)
{
	const struct egret_dispatch *d = &q->dispatch;
	struct egret_profile profile = {
		.start = q->busy_cycles,
		.cycles = egret_dispatch_cycles(d),
		.hart_cycles = d->sum.hart_cycles,
		.tile_wait = d->sum.tile_wait,
		.dma_wait = d->sum.dma_wait,
		.tile_busy = d->sum.tile_busy,
		.dma_busy = d->sum.dma_busy,
		.instructions = d->sum.instructions,
		.macs = d->sum.macs,
		.vram_read = d->sum.vram_read,
		.vram_write = d->sum.vram_write,
		.host_read = d->sum.host_read,
		.host_write = d->sum.host_write,
		.workgroups = d->groups,
	};

	return egret_port_write(&w->port, q->packet.dispatch.profile, &profile, sizeof(profile),
				fault);
}

static enum step step_dispatch(struct egret_worker *w, struct egret_queue *q,
			       struct egret_fault *fault)
{
	const struct egret_pkt_dispatch *p = &q->packet.dispatch;

	if (!q->groups_done) {
		if (egret_port_read(&w->port, p->args, q->dispatch.args, p->args_size,
				    EGRET_ACCESS_READ, fault))
			return STEP_FAULT;
		egret_trace(w->m, "dispatch", q->id,
			    (uint64_t)p->grid[0] * p->grid[1] * p->grid[2], p->entry, p->cookie);
		return STEP_GROUPS;
	}
	if (p->profile && write_profile(w, q, fault))
		return STEP_FAULT;
	return STEP_DONE;
}

/* The next step of the queue, without the lock. */
static enum step step(struct egret_worker *w, struct egret_queue *q, struct egret_fault *fault)
{
	w->port.supervisor = !q->depth && q->config & EGRET_Q_CONFIG_SUPERVISOR;
	if (!q->started && fetch(w, q, fault))
		return STEP_FAULT;
	switch (q->packet.header.opcode) {
	case EGRET_OP_FENCE:
		return step_fence(w, q, fault);
	case EGRET_OP_WAIT:
		return step_wait(w, q, fault);
	case EGRET_OP_COPY:
	case EGRET_OP_COPY_RECT:
	case EGRET_OP_FILL:
		return step_copy(w, q, fault);
	case EGRET_OP_DISPATCH:
		return step_dispatch(w, q, fault);
	case EGRET_OP_CALL:
		return step_call(q, fault);
	case EGRET_OP_TIMESTAMP:
		return step_timestamp(w, q, fault);
	default: /* NOP; BARRIER, since everything earlier has completed */
		return STEP_DONE;
	}
}

/* ---- Queues that wait ---------------------------------------------------------------- */

/* The word may be written by a workgroup, a copy or the host at the very moment. */
EGRET_GUEST_ACCESS
static uint64_t look(const uint8_t *word)
{
	return __atomic_load_n((const uint64_t *)word, __ATOMIC_ACQUIRE);
}

static bool satisfied(const struct egret_queue *q)
{
	return q->watched.host && look(q->watched.host) >= q->packet.wait.value;
}

void egret_cp_check_waiting(struct egret_model *m, const struct egret_span *written, bool host)
{
	struct egret_queue *q, *next;

	m->wakeups++;
	for (q = TAILQ_FIRST(&m->waiting); q; q = next) {
		bool same = written && !q->watched.host && !written->host &&
			q->watched.addr == written->addr;

		next = TAILQ_NEXT(q, link);
		if (satisfied(q) || same || (host && !q->watched.host))
			egret_queue_ready(m, q, false);
	}
}

void egret_cp_recheck_all(struct egret_model *m)
{
	m->wakeups++;
	while (!TAILQ_EMPTY(&m->waiting))
		egret_queue_ready(m, TAILQ_FIRST(&m->waiting), false);
}

/*
 * To wait means to be looked at when something was written. If that happened between
 * looking and now, it has to be looked at again.
 */
static bool start_waiting(struct egret_model *m, struct egret_queue *q, uint64_t wakeups)
{
	if (m->wakeups != wakeups || satisfied(q))
		return false;
	egret_queue_place(m, q, EGRET_PLACE_WAITING, false);
	m->new_wait |= !q->waiting;
	q->waiting = true;
	pthread_cond_signal(&m->cp_wake);
	return true;
}

/* ---- Completion ------------------------------------------------------------------------ */

static uint64_t packet_cycles(const struct egret_queue *q)
{
	switch (q->packet.header.opcode) {
	case EGRET_OP_FENCE:
	case EGRET_OP_TIMESTAMP:
		return PERF_PACKET + PERF_FENCE;
	case EGRET_OP_COPY:
	case EGRET_OP_COPY_RECT:
	case EGRET_OP_FILL:
		return PERF_PACKET + egret_copy_cycles(&q->copy);
	case EGRET_OP_DISPATCH:
		return PERF_PACKET + PERF_DISPATCH + egret_dispatch_cycles(&q->dispatch);
	default:
		return PERF_PACKET;
	}
}

static void count_traffic(struct egret_model *m, const struct egret_traffic *t)
{
	m->counters.traffic.vram_read += t->vram_read;
	m->counters.traffic.vram_write += t->vram_write;
	m->counters.traffic.host_read += t->host_read;
	m->counters.traffic.host_write += t->host_write;
}

static void charge(struct egret_model *m, struct egret_queue *q, uint64_t cycles)
{
	q->busy_cycles += cycles;
	m->counters.cycles += cycles;
}

/* Whoever waits for a word that the packet may have written is to look. */
static void wake_waiting(struct egret_model *m, const struct egret_queue *q)
{
	switch (q->packet.header.opcode) {
	case EGRET_OP_FENCE:
		egret_cp_check_waiting(m, &q->watched, false);
		break;
	case EGRET_OP_COPY:
	case EGRET_OP_COPY_RECT:
	case EGRET_OP_FILL:
		egret_cp_check_waiting(m, NULL, q->copy.done.host_write);
		break;
	case EGRET_OP_DISPATCH:
		egret_cp_check_waiting(m, NULL, q->dispatch.sum.host_write);
		break;
	case EGRET_OP_TIMESTAMP:
		egret_cp_check_waiting(m, NULL, true);
		break;
	default:
		break;
	}
}

/* Count the packet, and the CALLs of which it was the last one. */
static void advance(struct egret_model *m, struct egret_queue *q)
{
	for (;;) {
		struct egret_call_level *level;

		m->counters.packets++;
		atomic_fetch_add_explicit(&q->progress, 1, memory_order_relaxed);
		if (!q->depth) {
			q->head++;
			return;
		}
		level = &q->call[q->depth - 1];
		level->next += EGRET_PACKET_SIZE;
		if (--level->left)
			return;
		q->depth--;
	}
}

/* Returns the packet's cycles. */
static uint64_t complete(struct egret_model *m, struct egret_queue *q)
{
	uint64_t cycles = packet_cycles(q);
	const union egret_packet *p = &q->packet;

	q->started = false;
	q->waiting = false;
	charge(m, q, cycles);
	if (egret_copy_is(p))
		count_traffic(m, &q->copy.done);
	if (p->header.opcode == EGRET_OP_DISPATCH)
		m->counters.dispatches++;
	wake_waiting(m, q);
	advance(m, q);
	if (p->header.flags & EGRET_PKT_INTERRUPT)
		egret_irq_vector(m, egret_queue_vector(q));
	return cycles;
}

static void start_groups(struct egret_model *m, struct egret_queue *q)
{
	egret_dispatch_begin(&q->dispatch, &q->packet.dispatch, m->clusters);
	egret_queue_place(m, q, EGRET_PLACE_GROUPS, false);
	egret_wake_clusters(m, q->dispatch.groups);
}

/* ---- The loop --------------------------------------------------------------------------- */

/* What has to be seen to at each boundary. Returns true when the queue was put away. */
static bool boundary(struct egret_worker *w, struct egret_queue *q)
{
	struct egret_model *m = w->m;

	if (atomic_load_explicit(&q->kill, memory_order_relaxed)) {
		egret_queue_disable(m, q);
		return true;
	}
	if (egret_held(m)) {
		egret_queue_ready(m, q, true);
		return true;
	}
	if (q->started)
		return false;
	if (q->bad_tail) {
		struct egret_fault fault;

		packet_fault(&fault, EGRET_FAULT_RING, q->tail, 0);
		egret_queue_fault(m, q, &fault, NULL);
		return true;
	}
	if (q->stop) {
		q->stop = false;
		q->state = EGRET_Q_STATE_STOPPED;
		egret_queue_place(m, q, EGRET_PLACE_NONE, false);
		return true;
	}
	if (!egret_queue_has_work(q)) {
		egret_queue_place(m, q, EGRET_PLACE_NONE, false);
		return true;
	}
	return false;
}

/* Should this worker let go of the queue after a step? */
static bool gives_way(struct egret_worker *w, struct egret_queue *q, uint64_t cycles, bool *over)
{
	struct egret_model *m = w->m;
	struct egret_runlist *rl = w->kind == EGRET_WORKER_COPY ? &m->copies : &m->ready;

	*over = egret_runlist_charge(rl, q, cycles, m->slice);
	if (egret_runlist_yields(rl, q, *over))
		return true;
	/* A cluster is there for workgroups, a copy engine for copies, in the first place. */
	if (w->kind == EGRET_WORKER_CLUSTER)
		return m->groups.count;
	if (w->kind == EGRET_WORKER_COPY)
		return m->copies.count && !(q->config & EGRET_Q_CONFIG_COPY) && !q->started;
	return false;
}

/*
 * What follows from a step. Returns true when the queue was put away; otherwise
 * @cycles says what the step cost of the queue's slice.
 */
static bool after_step(struct egret_worker *w, struct egret_queue *q, enum step result,
		       uint64_t wakeups, struct egret_fault *fault, uint64_t *cycles)
{
	struct egret_model *m = w->m;

	*cycles = PERF_PACKET;
	switch (result) {
	case STEP_DONE:
		*cycles = complete(m, q);
		return false;
	case STEP_CALL:
		q->started = false;
		charge(m, q, PERF_PACKET);
		return false;
	case STEP_MORE:
		atomic_fetch_add_explicit(&q->progress, 1, memory_order_relaxed);
		*cycles = egret_perf_transfer(EGRET_COPY_PIECE, PERF_VRAM_MB_S);
		return false;
	case STEP_WAIT:
		if (atomic_load_explicit(&q->kill, memory_order_relaxed))
			return false;
		if (q->stop) {
			/* Not finished, and to be started anew. */
			q->started = false;
			q->waiting = false;
			return false;
		}
		return start_waiting(m, q, wakeups);
	case STEP_COPY:
		egret_queue_ready(m, q, false);
		return true;
	case STEP_GROUPS:
		if (atomic_load_explicit(&q->kill, memory_order_relaxed))
			return false;
		start_groups(m, q);
		return true;
	case STEP_FAULT:
		break;
	}
	if (atomic_load_explicit(&q->kill, memory_order_relaxed))
		return false;
	fault->pc = q->packet_va;
	egret_queue_fault(m, q, fault, NULL);
	return true;
}

void egret_cp_run(struct egret_worker *w, struct egret_queue *q)
{
	struct egret_model *m = w->m;

	/* Lock order: the MMU's lock is inside the model's. */
	egret_port_begin(&w->port, egret_queue_context(q));
	while (!boundary(w, q)) {
		struct egret_fault fault;
		uint64_t wakeups = m->wakeups;
		uint64_t cycles;
		enum step result;
		bool over;

		egret_unlock(m);
		egret_worker_dawdle(m, q);
		egret_port_poll(&w->port);
		result = step(w, q, &fault);
		egret_lock(m);
		if (after_step(w, q, result, wakeups, &fault, &cycles))
			break;
		if (gives_way(w, q, cycles, &over) && egret_queue_has_work(q)) {
			egret_queue_ready(m, q, !over);
			break;
		}
	}
	egret_port_end(&w->port);
}
