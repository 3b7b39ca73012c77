// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Saving and loading a chip.
 *
 * When. A chip is saved while it stands still (egret_model_pause()): between two steps of
 * every queue, and between two quanta of every workgroup. Workgroups are saved in their
 * middle, with the hart, the operations that its units have not done yet, and the
 * scratchpad. To do them over would be wrong, since a kernel may change what it reads, and
 * to wait for their end might take for ever. So an endless kernel keeps nobody from
 * saving, and a pause takes no longer than a quantum: long operations of the units stop
 * in their middle, and are saved as if they had not begun (cluster.c).
 *
 * What. All that software can see, and how far work has come. Left out is what a chip may
 * forget at any time: translations, decoded instructions, the scratchpads of clusters
 * that have no workgroup (zero afterwards), and the order of queues of one priority that
 * wait for their turn. A WAIT looks at its word anew. Device memory is the embedder's to
 * save. EGRET_REG_TIME goes on from where it was.
 *
 * Trust. What comes in may be anything. It is loaded into a chip that has just been
 * reset, each value is checked before something depends on it, and after an error the
 * chip is reset again. The rules that values have to obey are those that the other files
 * keep by themselves; where such a rule is needed, it is checked here beside the value.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cp.h"
#include "model.h"
#include "save.h"

/* Kinds of sections, and the version of each. */
#define SECTION_CHIP	"CHIP", 4
#define SECTION_QUEUES	"QUEU", 2
#define SECTION_CLUSTER	"CLUS", 1
#define SECTION_MC	"MGMT", 1

/* ---- Parts ------------------------------------------------------------------------- */

void egret_fault_snapshot(struct egret_snap *s, struct egret_fault *f)
{
	f->code = snap_max(s, f->code, EGRET_FAULT_HUNG, "a fault code");
	f->info = snap_u32(s, f->info);
	f->value = snap_u32(s, f->value);
	f->addr = snap_u64(s, f->addr);
	f->pc = snap_u64(s, f->pc);
}

void egret_stats_snapshot(struct egret_snap *s, struct egret_group_stats *g)
{
	g->cycles = snap_u64(s, g->cycles);
	g->hart_cycles = snap_u64(s, g->hart_cycles);
	g->tile_wait = snap_u64(s, g->tile_wait);
	g->dma_wait = snap_u64(s, g->dma_wait);
	g->tile_busy = snap_u64(s, g->tile_busy);
	g->dma_busy = snap_u64(s, g->dma_busy);
	g->instructions = snap_u64(s, g->instructions);
	g->macs = snap_u64(s, g->macs);
	g->vram_read = snap_u64(s, g->vram_read);
	g->vram_write = snap_u64(s, g->vram_write);
	g->host_read = snap_u64(s, g->host_read);
	g->host_write = snap_u64(s, g->host_write);
}

static void save_traffic(struct egret_snap *s, struct egret_traffic *t)
{
	t->vram_read = snap_u64(s, t->vram_read);
	t->vram_write = snap_u64(s, t->vram_write);
	t->host_read = snap_u64(s, t->host_read);
	t->host_write = snap_u64(s, t->host_write);
}

/* ---- The chip ------------------------------------------------------------------------ */

/* A property that must be the same on both sides. */
static void must_match(struct egret_snap *s, uint64_t own, const char *what)
{
	uint64_t theirs = snap_u64(s, own);

	if (theirs != own)
		snap_fail(s, "saved from a chip whose %s is %llu, but here it is %llu", what,
			  (unsigned long long)theirs, (unsigned long long)own);
}

static void save_identity(struct egret_model *m, struct egret_snap *s)
{
	must_match(s, m->mem.vram_size, "device memory in bytes");
	must_match(s, m->clusters, "number of clusters");
	must_match(s, m->threads, "number of threads for workgroups");
	must_match(s, m->copy_engines, "number of copy engines");
	must_match(s, m->queues, "number of queues");
	must_match(s, m->contexts, "number of contexts");
	must_match(s, m->serial, "serial number");
}

static void save_contexts(struct egret_model *m, struct egret_snap *s)
{
	uint64_t root[EGRET_MAX_CONTEXTS];

	for (unsigned int i = 0; i < m->contexts; i++)
		root[i] = atomic_load_explicit(&m->mmu.root[i], memory_order_relaxed);
	snap_words(s, m->context, m->contexts);
	snap_words(s, root, m->contexts);
	for (unsigned int i = 0; i < m->contexts; i++)
		atomic_store_explicit(&m->mmu.root[i], root[i], memory_order_relaxed);
}

static void save_counters(struct egret_model *m, struct egret_snap *s)
{
	struct egret_counters *c = &m->counters;

	c->cycles = snap_u64(s, c->cycles);
	c->packets = snap_u64(s, c->packets);
	c->dispatches = snap_u64(s, c->dispatches);
	c->workgroups = snap_u64(s, c->workgroups);
	save_traffic(s, &c->traffic);
	c->macs = snap_u64(s, c->macs);
	c->instructions = snap_u64(s, c->instructions);
	c->interrupts = snap_u64(s, c->interrupts);
	c->faults = snap_u64(s, c->faults);
}

static void save_injected(struct egret_model *m, struct egret_snap *s)
{
	struct egret_mem *mem = &m->mem;
	uint64_t bad = snap_max(s, mem->bad_count, EGRET_MEM_BAD_PAGES, "number of bad pages");

	for (unsigned int i = 0; i < bad && snap_ok(s); i++) {
		uint64_t page = snap_u64(s, mem->bad[i]);

		if (page % EGRET_MEM_PAGE || !egret_mem_in_vram(mem, page, EGRET_MEM_PAGE))
			snap_fail(s, "there is no page 0x%llx to be bad", (unsigned long long)page);
		mem->bad[i] = page;
	}
	mem->bad_count = snap_ok(s) ? bad : 0;
	mem->refused = snap_u32(s, mem->refused);
	m->injected.fence = snap_u64(s, m->injected.fence);
	m->injected.slow_us = snap_max(s, m->injected.slow_us, EGRET_INJECT_SLOW_US_MAX,
				       "a slow-down in us");
	m->injected.reset_hang = snap_max(s, m->injected.reset_hang, EGRET_RESET_HANG_ALL,
					  "which resets hang");
	m->reset_hangs = snap_bool(s, m->reset_hangs);
	m->injected.lost_vectors = snap_u32(s, m->injected.lost_vectors);
	m->injected.repeated_vectors = snap_u32(s, m->injected.repeated_vectors);
}

static void save_chip(struct egret_model *m, struct egret_snap *s, uint64_t *time)
{
	snap_open(s, SECTION_CHIP);
	save_identity(m, s);
	*time = snap_max(s, *time, INT64_MAX, "the time");
	m->test = snap_u32(s, m->test);
	m->power = snap_u32(s, m->power) & EGRET_POWER_KEEP_VRAM;
	m->reset_count = snap_u32(s, m->reset_count);
	m->vram_kept = snap_bool(s, m->vram_kept);
	m->halted = snap_bool(s, m->halted);
	m->irq_status = snap_u32(s, m->irq_status) & EGRET_IRQ_ALL;
	m->irq_enable = snap_u32(s, m->irq_enable) & EGRET_IRQ_ALL;
	for (unsigned int i = 0; i < EGRET_FAULT_PENDING_COUNT; i++)
		m->fault_pending[i] = snap_u32(s, m->fault_pending[i]);
	m->inv_addr = snap_u64(s, m->inv_addr);
	m->inv_size = snap_u64(s, m->inv_size);
	save_contexts(m, s);
	m->slice_register = snap_u32(s, m->slice_register);
	m->slice = egret_perf_max(m->slice_register, EGRET_SCHED_SLICE_MIN);
	m->read_latch = snap_u32(s, m->read_latch);
	m->write_latch = snap_u32(s, m->write_latch);
	save_counters(m, s);
	save_injected(m, s);
	snap_close(s);
}

/* ---- Queues ------------------------------------------------------------------------------ */

static void save_copy(struct egret_queue *q, struct egret_snap *s)
{
	struct egret_copy *c = &q->copy;

	if (s->load)
		egret_copy_begin(c, &q->packet);
	c->slice = snap_max(s, c->slice, c->slices - 1, "the slice of a copy");
	c->row = snap_max(s, c->row, c->rows - 1, "the row of a copy");
	c->byte = snap_max(s, c->byte, c->width - 1, "the byte of a copy");
	save_traffic(s, &c->done);
}

/* Workgroups that have ended but not in order. Those that have not must be in somebody's hands. */
static void save_window(struct egret_dispatch *d, struct egret_snap *s)
{
	for (uint64_t n = d->merged; n < d->next && snap_ok(s); n++) {
		bool *ended = &d->ended[n % EGRET_DISPATCH_WINDOW];

		*ended = snap_bool(s, *ended);
		if (*ended && n == d->merged)
			snap_fail(s, "a workgroup has ended in order, but was not counted");
		if (*ended)
			egret_stats_snapshot(s, &d->slot[n % EGRET_DISPATCH_WINDOW]);
	}
}

static void save_dispatch(struct egret_model *m, struct egret_queue *q, struct egret_snap *s)
{
	const struct egret_pkt_dispatch *p = &q->packet.dispatch;
	struct egret_dispatch *d = &q->dispatch;

	if (s->load)
		egret_dispatch_begin(d, p, m->clusters);
	d->next = snap_max(s, d->next, d->groups, "the next workgroup");
	d->merged = snap_max(s, d->merged, d->next, "the number of workgroups done");
	if (d->next - d->merged > EGRET_DISPATCH_WINDOW)
		snap_fail(s, "too many workgroups at work");
	d->abandoned = snap_bool(s, d->abandoned);
	d->faulted = snap_bool(s, d->faulted);
	d->fault_number = snap_max(s, d->fault_number, d->groups - 1, "the workgroup that faulted");
	egret_fault_snapshot(s, &d->fault);
	snap_words(s, d->free_at, m->clusters);
	egret_stats_snapshot(s, &d->sum);
	snap_bytes(s, d->args, p->args_size);
	if (snap_ok(s))
		save_window(d, s);
}

static void save_calls(struct egret_queue *q, struct egret_snap *s)
{
	q->depth = snap_max(s, q->depth, EGRET_CALL_DEPTH_MAX, "the depth of calls");
	for (unsigned int i = 0; i < q->depth; i++) {
		struct egret_call_level *level = &q->call[i];

		level->next = snap_u64(s, level->next);
		level->left = snap_u32(s, level->left);
		if (!level->left)
			snap_fail(s, "a CALL without packets");
	}
}

/* The packet that has been fetched and has not completed; @groups: its workgroups run. */
static void save_packet(struct egret_model *m, struct egret_queue *q, struct egret_snap *s,
			bool *groups)
{
	bool dispatch;

	snap_bytes(s, &q->packet, sizeof(q->packet));
	q->packet_va = snap_u64(s, q->packet_va);
	q->waiting = snap_bool(s, q->waiting);
	q->groups_done = snap_bool(s, q->groups_done);
	*groups = snap_bool(s, *groups);
	if (!snap_ok(s) || !egret_cp_packet_is_good(q)) {
		snap_fail(s, "queue %u is at a packet that is not good", q->id);
		return;
	}
	dispatch = q->packet.header.opcode == EGRET_OP_DISPATCH;
	if ((q->waiting && q->packet.header.opcode != EGRET_OP_WAIT) ||
	    ((q->groups_done || *groups) && !dispatch) || (q->groups_done && *groups))
		snap_fail(s, "queue %u does what its packet does not say", q->id);
	if (egret_copy_is(&q->packet))
		save_copy(q, s);
	if (q->groups_done || *groups)
		save_dispatch(m, q, s);
	if (q->groups_done && q->dispatch.merged != q->dispatch.groups)
		snap_fail(s, "queue %u has not done all workgroups", q->id);
}

static void check_queue(const struct egret_model *m, const struct egret_queue *q, bool groups,
			struct egret_snap *s)
{
	bool on = q->state == EGRET_Q_STATE_IDLE;
	bool kill = atomic_load_explicit(&q->kill, memory_order_relaxed);

	if (q->state != EGRET_Q_STATE_DISABLED && q->state != EGRET_Q_STATE_STOPPED &&
	    q->state != EGRET_Q_STATE_FAULTED && !on)
		snap_fail(s, "queue %u is in state %u", q->id, q->state);
	else if (q->state != EGRET_Q_STATE_DISABLED && !egret_queue_config_is_good(m, q))
		snap_fail(s, "queue %u is enabled, but cannot be", q->id);
	else if (!on && (q->started || q->stop || q->bad_tail ||
			 (q->depth && q->state != EGRET_Q_STATE_STOPPED)))
		snap_fail(s, "queue %u is in the middle of a packet, but not active", q->id);
	else if (on && !q->bad_tail && q->tail - q->head > 1ull << q->ring_size)
		snap_fail(s, "queue %u has a tail that is out of range", q->id);
	else if (kill && !(groups && q->dispatch.abandoned))
		snap_fail(s, "queue %u is killed, but not at work", q->id);
}

static void save_queue_registers(struct egret_queue *q, struct egret_snap *s)
{
	q->ring = snap_u64(s, q->ring);
	q->ring_size = snap_u32(s, q->ring_size);
	q->config = snap_u32(s, q->config);
	q->state = snap_u32(s, q->state);
	q->head = snap_u64(s, q->head);
	q->tail = snap_u64(s, q->tail);
	q->busy_cycles = snap_u64(s, q->busy_cycles);
	q->progress = snap_u64(s, q->progress);
	egret_fault_snapshot(s, &q->fault);
	q->fault_packet = snap_u64(s, q->fault_packet);
	q->fault_cookie = snap_u64(s, q->fault_cookie);
	for (int i = 0; i < 3; i++)
		q->fault_group[i] = snap_u32(s, q->fault_group[i]);
	q->doorbell_read = snap_u32(s, q->doorbell_read);
	q->doorbell_write = snap_u32(s, q->doorbell_write);
}

/*
 * A queue that has been loaded is left where nobody finds it; start_queues() puts it to
 * work. @groups tells whether workgroups of it run.
 */
static void save_queue(struct egret_model *m, struct egret_queue *q, struct egret_snap *s,
		       bool *groups)
{
	save_queue_registers(q, s);
	q->kill = snap_bool(s, q->kill);
	q->stop = snap_bool(s, q->stop);
	q->bad_tail = snap_bool(s, q->bad_tail);
	q->slice = snap_u64(s, q->slice);
	q->favoured = snap_bool(s, q->favoured);
	save_calls(q, s);
	q->started = snap_bool(s, q->started);
	if (q->started)
		save_packet(m, q, s, groups);
	if (s->load && snap_ok(s))
		check_queue(m, q, *groups, s);
}

/* Is there anything to tell of the queue that a reset does not know? */
static bool is_pristine(const struct egret_queue *q)
{
	return q->state == EGRET_Q_STATE_DISABLED && !q->ring && !q->ring_size && !q->config &&
		!q->head && !q->tail && !q->busy_cycles && !q->progress && !q->fault.code &&
		!q->doorbell_read && !q->doorbell_write;
}

/* @groups: whose workgroups run. */
static void save_queues(struct egret_model *m, struct egret_snap *s,
			bool groups[EGRET_MAX_QUEUES])
{
	snap_open(s, SECTION_QUEUES);
	for (unsigned int i = 0; i < m->queues && snap_ok(s); i++) {
		struct egret_queue *q = &m->queue[i];

		groups[i] = q->place == EGRET_PLACE_GROUPS;
		if (snap_bool(s, !is_pristine(q)))
			save_queue(m, q, s, &groups[i]);
	}
	snap_close(s);
}

/* ---- Clusters -------------------------------------------------------------------------------- */

/* Loading: the workgroup must be one that its queue has given out and not got back. */
static void take_over_group(struct egret_model *m, struct egret_worker *w, uint64_t queue,
			    const bool *groups, struct egret_snap *s)
{
	struct egret_queue *q = &m->queue[queue];
	struct egret_dispatch *d = &q->dispatch;
	bool known = snap_ok(s) && groups[queue] && w->group >= d->merged && w->group < d->next &&
		     !d->ended[w->group % EGRET_DISPATCH_WINDOW];

	for (struct egret_worker *other = m->workers; known && other != w; other++)
		known = other->queue != q || other->group != w->group;
	if (!known) {
		snap_fail(s, "cluster %u has a workgroup that nobody gave it", w->index);
		return;
	}
	d->running++;
	w->queue = q;
	w->restored = true;
	atomic_store_explicit(&w->busy, true, memory_order_relaxed);
	egret_worker_begin_group(w, q, true);
}

static void save_worker(struct egret_model *m, struct egret_worker *w, const bool *groups,
			struct egret_snap *s)
{
	struct egret_cluster_totals *t = &m->cluster_totals[w->index];
	enum egret_worker_health health = w->health;
	uint64_t queue;

	snap_open(s, SECTION_CLUSTER);
	t->busy = snap_u64(s, t->busy);
	t->instructions = snap_u64(s, t->instructions);
	t->tile_busy = snap_u64(s, t->tile_busy);
	t->dma_busy = snap_u64(s, t->dma_busy);
	w->last_queue = snap_max(s, w->last_queue, m->queues - 1, "the queue of a cluster");
	w->pc = snap_u64(s, w->pc);
	/* One that the watchdog noticed just now still has to tell its queue. */
	if (w->queue && health == EGRET_WORKER_LOST)
		health = EGRET_WORKER_HUNG;
	health = snap_max(s, health, EGRET_WORKER_LOST, "the health of a cluster");
	if (s->load)
		w->health = health;
	if (snap_bool(s, w->queue)) {
		queue = snap_max(s, w->queue ? w->queue->id : 0, m->queues - 1,
				 "the queue of a workgroup");
		w->group = snap_u64(s, w->group);
		if (s->load)
			take_over_group(m, w, queue, groups, s);
		if (s->load && health == EGRET_WORKER_LOST)
			snap_fail(s, "cluster %u is lost, and at work", w->index);
		if (snap_ok(s))
			egret_cluster_snapshot(w->cluster, s);
	}
	snap_close(s);
}

static void save_workers(struct egret_model *m, const bool *groups, struct egret_snap *s)
{
	for (unsigned int i = 0; i < m->clusters && snap_ok(s); i++)
		save_worker(m, &m->workers[1 + i], groups, s);
}

/* ---- Loading: what follows from all of it ------------------------------------ */

static bool at_work(const struct egret_model *m, const struct egret_queue *q, uint64_t number)
{
	for (unsigned int i = 0; i < m->worker_count; i++)
		if (m->workers[i].queue == q && m->workers[i].group == number)
			return true;
	return false;
}

/* Has every workgroup been given to somebody, and is there an end to it? */
static void check_groups(struct egret_model *m, struct egret_queue *q, struct egret_snap *s)
{
	struct egret_dispatch *d = &q->dispatch;
	unsigned int out = 0;
	bool bad;

	for (uint64_t n = d->merged; n < d->next; n++)
		out += !d->ended[n % EGRET_DISPATCH_WINDOW];
	if (d->faulted)
		bad = d->fault_number < d->merged || d->fault_number >= d->next ||
		      d->ended[d->fault_number % EGRET_DISPATCH_WINDOW] ||
		      at_work(m, q, d->fault_number);
	else
		bad = !d->abandoned && out != d->running;
	if (bad || egret_dispatch_over(d))
		snap_fail(s, "workgroups of queue %u are lost", q->id);
}

static void start_queues(struct egret_model *m, const bool *groups)
{
	for (unsigned int i = 0; i < m->queues; i++) {
		struct egret_queue *q = &m->queue[i];

		if (groups[i])
			egret_worker_restore_groups(m, q);
		else if (q->state == EGRET_Q_STATE_IDLE && egret_queue_has_work(q))
			egret_queue_ready(m, q, false);
	}
}

static void apply(struct egret_model *m, struct egret_snap *s)
{
	bool groups[EGRET_MAX_QUEUES] = { false };
	uint64_t time = 0;

	egret_lock(m);
	save_chip(m, s, &time);
	save_queues(m, s, groups);
	save_workers(m, groups, s);
	for (unsigned int i = 0; i < m->queues && snap_ok(s); i++)
		if (groups[i])
			check_groups(m, &m->queue[i], s);
	egret_unlock(m);
	if (!snap_ok(s))
		return;

	atomic_store_explicit(&m->time_base, m->mem.ops.time_ns(m->mem.opaque) - time,
			      memory_order_relaxed);
	snap_open(s, SECTION_MC);
	egret_mc_snapshot(m->mc, s, time);
	snap_close(s);
	snap_end(s);
	if (!snap_ok(s))
		return;

	egret_lock(m);
	start_queues(m, groups);
	m->recheck = true;
	egret_unlock(m);
}

/* ---- The interface ----------------------------------------------------------- */

/* Pauses the chip; a reset that was under way is complete. */
static void stand_still(struct egret_model *m)
{
	egret_model_pause(m);
	egret_lock(m);
	while (m->resetting)
		egret_wait(m, &m->changed);
	egret_unlock(m);
}

static void write_all(struct egret_model *m, struct egret_snap *s)
{
	bool groups[EGRET_MAX_QUEUES];
	uint64_t time = egret_time(m);

	snap_start(s);
	egret_lock(m);
	save_chip(m, s, &time);
	save_queues(m, s, groups);
	save_workers(m, groups, s);
	egret_unlock(m);
	snap_open(s, SECTION_MC);
	egret_mc_snapshot(m->mc, s, time);
	snap_close(s);
	snap_finish(s);
}

int egret_model_save(struct egret_model *m, const struct egret_model_writer *writer)
{
	struct egret_snap s;
	int ret = -ENOMEM;

	stand_still(m);
	write_all(m, &s);
	if (snap_ok(&s))
		ret = writer->write(writer->opaque, s.data, s.size);
	snap_free(&s);
	egret_model_resume(m);
	return ret < 0 ? ret : 0;
}

int egret_model_load(struct egret_model *m, const struct egret_model_reader *reader, char *error)
{
	struct egret_snap s;

	egret_model_reset_for_load(m);
	stand_still(m);
	snap_receive(&s, reader);
	if (snap_ok(&s))
		apply(m, &s);
	snap_free(&s);
	if (!snap_ok(&s))
		egret_model_reset_for_load(m);
	egret_model_resume(m);
	if (error)
		memcpy(error, s.error, sizeof(s.error));
	return snap_ok(&s) ? 0 : -EINVAL;
}
