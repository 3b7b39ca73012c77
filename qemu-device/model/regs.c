// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * The register file, by tables.
 *
 * A table has an entry for each register: its offset, its width, and a function to read
 * it and one to write it, which get the number n of a register that there are many
 * of (queue, context, cluster, word). The rules of access (which sizes, the halves of
 * 64-bit registers, what happens while a reset runs) are in access() and nowhere else.
 *
 * All of these functions run with the lock held, except those of registers marked `free`,
 * which take their value from elsewhere and must not hold it.
 */
#include <egret/isa.h>

#include "mc.h"
#include "model.h"
#include "perf.h"
#include "regs.h"

typedef uint64_t read_fn(struct egret_model *m, unsigned int n);
typedef void write_fn(struct egret_model *m, unsigned int n, uint64_t value);

struct reg {
	uint32_t offset;
	bool wide;		/* 64 bits */
	bool free;		/* called without the lock */
	uint32_t count;		/* registers of this kind; 0 is one */
	uint32_t stride;
	read_fn *read;		/* NULL: reads as zero */
	write_fn *write;	/* NULL: writes are ignored */
};

#define LOW_BIT(mask)		((mask) & -(mask))
#define FIELD_PUT(mask, value)	((uint32_t)(value) * LOW_BIT((uint32_t)(mask)) & (mask))

/* A register that just holds what was written, and one that just tells a variable. */
#define READ(name, expression) \
	static uint64_t name(struct egret_model *m, unsigned int n) \
	{ (void)m; (void)n; return (expression); }
#define WRITE(name, statement) \
	static void name(struct egret_model *m, unsigned int n, uint64_t value) \
	{ (void)n; statement; }

/* ---- Identity ------------------------------------------------------------------ */

READ(read_id, EGRET_ID)
READ(read_revision, FIELD_PUT(EGRET_REVISION_MAJOR_MASK, 1))
READ(read_units, FIELD_PUT(EGRET_UNITS_CLUSTERS_MASK, m->clusters) |
		 FIELD_PUT(EGRET_UNITS_COPY_ENGINES_MASK, m->copy_engines))
READ(read_limits, FIELD_PUT(EGRET_LIMITS_QUEUES_MASK, m->queues) |
		  FIELD_PUT(EGRET_LIMITS_CONTEXTS_MASK, m->contexts))
READ(read_vram_size, m->mem.vram_size)
READ(read_scratch_size, EGRET_SCRATCH_SIZE)
READ(read_features, EGRET_FEATURE_MANAGEMENT | EGRET_FEATURE_ECC)
READ(read_serial, m->serial)
READ(read_core_clock, egret_mc_core_clock(m->mc))
READ(read_mem_bandwidth, PERF_VRAM_MB_S)
READ(read_time, egret_time(m))
READ(read_test, m->test)
WRITE(write_test, m->test = value)

/* ---- Reset, power and state ------------------------------------------------------ */

static void write_reset(struct egret_model *m, unsigned int n, uint64_t value)
{
	(void)n;
	if (value != EGRET_RESET_ENGINES && value != EGRET_RESET_CHIP)
		return;
	if (m->injected.reset_hang)
		m->reset_hangs = true;
	else if (value == EGRET_RESET_ENGINES)
		egret_reset_start(m, EGRET_RESET_KIND_ENGINES);
	else
		egret_reset_start(m, EGRET_RESET_KIND_CHIP);
}

READ(read_state, egret_state(m) | egret_mc_state(m->mc))
READ(read_power, m->power)
WRITE(write_power, m->power = value & EGRET_POWER_KEEP_VRAM)
READ(read_reset_count, m->reset_count)

/* ---- Interrupts ------------------------------------------------------------------- */

READ(read_irq_status, m->irq_status)
WRITE(write_irq_status, egret_irq_clear(m, value))
READ(read_irq_enable, m->irq_enable)
WRITE(write_irq_enable, egret_irq_set_enable(m, value))
WRITE(write_irq_test, egret_irq_raise(m, value))
READ(read_fault_pending, m->fault_pending[n])
WRITE(write_fault_pending, m->fault_pending[n] &= ~(uint32_t)value)

/* ---- MMU --------------------------------------------------------------------------- */

READ(read_inv_addr, m->inv_addr)
WRITE(write_inv_addr, m->inv_addr = value)
READ(read_inv_size, m->inv_size)
WRITE(write_inv_size, m->inv_size = value)
READ(read_inv_status, egret_mmu_busy(&m->mmu) ? EGRET_INV_STATUS_BUSY : 0)
READ(read_context, m->context[n])
WRITE(write_context, m->context[n] = value)

/*
 * Another root is another address space, even if the number is the same: what the
 * clusters keep of the last one must not be seen in it.
 */
static void use_root(struct egret_model *m, uint32_t n)
{
	uint64_t old = atomic_exchange_explicit(&m->mmu.root[n], m->context[n],
						memory_order_acq_rel);

	if (old != m->context[n])
		egret_workers_clear(m);
}

static void write_inv_cmd(struct egret_model *m, unsigned int n, uint64_t value)
{
	struct egret_invalidation cmd = {
		.context = value & EGRET_INV_CMD_CONTEXT_MASK,
		.addr = m->inv_addr,
		.size = m->inv_size,
	};

	(void)n;
	if (!(value & EGRET_INV_CMD_START))
		return;
	if (value & EGRET_INV_CMD_ALL) {
		cmd = (struct egret_invalidation) { .context = EGRET_CONTEXT_ALL };
		for (uint32_t i = 0; i < m->contexts; i++)
			use_root(m, i);
	} else if (cmd.context < m->contexts) {
		use_root(m, cmd.context);
	} else {
		return;
	}
	egret_mmu_invalidate(&m->mmu, &cmd, true);
	m->after.invalidated = true;
	m->after.invalidation = cmd;
	/* What the queues wait for may be somewhere else now. */
	m->recheck = true;
	if (m->waiting_count)
		pthread_cond_signal(&m->cp_wake);
}

/* ---- Command processor and counters ---------------------------------------------------- */

READ(read_slice, m->slice_register)

static void write_slice(struct egret_model *m, unsigned int n, uint64_t value)
{
	(void)n;
	m->slice_register = value;
	m->slice = value < EGRET_SCHED_SLICE_MIN ? EGRET_SCHED_SLICE_MIN : value;
}

READ(read_cnt_cycles, m->counters.cycles)
READ(read_cnt_packets, m->counters.packets)
READ(read_cnt_dispatches, m->counters.dispatches)
READ(read_cnt_workgroups, m->counters.workgroups)
READ(read_cnt_vram_read, m->counters.traffic.vram_read)
READ(read_cnt_vram_write, m->counters.traffic.vram_write)
READ(read_cnt_host_read, m->counters.traffic.host_read)
READ(read_cnt_host_write, m->counters.traffic.host_write)
READ(read_cnt_macs, m->counters.macs)
READ(read_cnt_instructions, m->counters.instructions)
READ(read_cnt_interrupts, m->counters.interrupts)
READ(read_cnt_faults, m->counters.faults)

static const struct reg chip_regs[] = {
	{ EGRET_REG_ID,			.read = read_id },
	{ EGRET_REG_REVISION,		.read = read_revision },
	{ EGRET_REG_UNITS,		.read = read_units },
	{ EGRET_REG_LIMITS,		.read = read_limits },
	{ EGRET_REG_VRAM_SIZE,		.wide = true, .read = read_vram_size },
	{ EGRET_REG_SCRATCH_SIZE,	.read = read_scratch_size },
	{ EGRET_REG_FEATURES,		.read = read_features },
	{ EGRET_REG_SERIAL,		.wide = true, .read = read_serial },
	{ EGRET_REG_CORE_CLOCK,		.free = true, .read = read_core_clock },
	{ EGRET_REG_MEM_BANDWIDTH,	.read = read_mem_bandwidth },
	{ EGRET_REG_TIME,		.wide = true, .free = true, .read = read_time },
	{ EGRET_REG_TEST,		.read = read_test, .write = write_test },

	{ EGRET_REG_RESET,		.write = write_reset },
	{ EGRET_REG_STATE,		.read = read_state },
	{ EGRET_REG_POWER,		.read = read_power, .write = write_power },
	{ EGRET_REG_RESET_COUNT,	.read = read_reset_count },

	{ EGRET_REG_IRQ_STATUS,		.read = read_irq_status, .write = write_irq_status },
	{ EGRET_REG_IRQ_ENABLE,		.read = read_irq_enable, .write = write_irq_enable },
	{ EGRET_REG_IRQ_TEST,		.write = write_irq_test },
	{ EGRET_REG_FAULT_PENDING(0),	.count = EGRET_FAULT_PENDING_COUNT, .stride = 4,
					.read = read_fault_pending, .write = write_fault_pending },

	{ EGRET_REG_INV_ADDR,		.wide = true, .read = read_inv_addr, .write = write_inv_addr },
	{ EGRET_REG_INV_SIZE,		.wide = true, .read = read_inv_size, .write = write_inv_size },
	{ EGRET_REG_INV_CMD,		.write = write_inv_cmd },
	{ EGRET_REG_INV_STATUS,		.read = read_inv_status },

	{ EGRET_REG_CP_SLICE,		.read = read_slice, .write = write_slice },

	{ EGRET_REG_CNT_CYCLES,		.wide = true, .read = read_cnt_cycles },
	{ EGRET_REG_CNT_PACKETS,	.wide = true, .read = read_cnt_packets },
	{ EGRET_REG_CNT_DISPATCHES,	.wide = true, .read = read_cnt_dispatches },
	{ EGRET_REG_CNT_WORKGROUPS,	.wide = true, .read = read_cnt_workgroups },
	{ EGRET_REG_CNT_VRAM_READ,	.wide = true, .read = read_cnt_vram_read },
	{ EGRET_REG_CNT_VRAM_WRITE,	.wide = true, .read = read_cnt_vram_write },
	{ EGRET_REG_CNT_HOST_READ,	.wide = true, .read = read_cnt_host_read },
	{ EGRET_REG_CNT_HOST_WRITE,	.wide = true, .read = read_cnt_host_write },
	{ EGRET_REG_CNT_MACS,		.wide = true, .read = read_cnt_macs },
	{ EGRET_REG_CNT_INSTRUCTIONS,	.wide = true, .read = read_cnt_instructions },
	{ EGRET_REG_CNT_INTERRUPTS,	.wide = true, .read = read_cnt_interrupts },
	{ EGRET_REG_CNT_FAULTS,		.wide = true, .read = read_cnt_faults },
};

static const struct reg context_regs[] = {
	{ EGRET_REG_CONTEXT(0), .wide = true, .count = EGRET_MAX_CONTEXTS, .stride = 8,
	  .read = read_context, .write = write_context },
};

/* ---- Mailbox, boot and telemetry: the management controller's ---------------------------- */

static uint64_t read_mc(struct egret_model *m, unsigned int n)
{
	return egret_mc_reg_read(m->mc, EGRET_MC_REG_FIRST + n);
}

static void write_mc(struct egret_model *m, unsigned int n, uint64_t value)
{
	egret_mc_reg_write(m->mc, EGRET_MC_REG_FIRST + n, value);
}

#define MC_OFFSET(reg)		((reg) - EGRET_MC_REG_FIRST)

static bool mc_reg_is_wide(uint64_t offset)
{
	switch (offset) {
	case EGRET_REG_BOOT_ADDR:
	case EGRET_REG_ENERGY:
	case EGRET_REG_ECC_CORRECTED:
	case EGRET_REG_ECC_UNCORRECTED:
	case EGRET_REG_ECC_ADDR:
		return true;
	default:
		return false;
	}
}

/* ---- Clusters ------------------------------------------------------------------------------ */

/* Worker 0 is the command processor. */
static struct egret_worker *cluster(struct egret_model *m, unsigned int n)
{
	return &m->workers[1 + n];
}

static uint64_t read_cl_status(struct egret_model *m, unsigned int n)
{
	const struct egret_worker *w = cluster(m, n);
	bool busy = atomic_load(&w->busy);
	bool hung = w->health == EGRET_WORKER_LOST || (w->health == EGRET_WORKER_HUNG && busy);

	return (busy ? EGRET_CL_STATUS_BUSY : 0) | (hung ? EGRET_CL_STATUS_HUNG : 0);
}

READ(read_cl_queue, atomic_load(&cluster(m, n)->last_queue))
READ(read_cl_pc, atomic_load(&cluster(m, n)->pc))
READ(read_cl_busy, m->cluster_totals[n].busy)
READ(read_cl_instructions, m->cluster_totals[n].instructions)
READ(read_cl_tile_busy, m->cluster_totals[n].tile_busy)
READ(read_cl_dma_busy, m->cluster_totals[n].dma_busy)

#define CLUSTER_REG(reg) \
	EGRET_REG_CLUSTER(0, reg), .count = EGRET_MAX_CLUSTERS, .stride = EGRET_REG_CLUSTER(1, 0) - EGRET_REG_CLUSTER(0, 0)

static const struct reg cluster_regs[] = {
	{ CLUSTER_REG(EGRET_CL_STATUS),		.read = read_cl_status },
	{ CLUSTER_REG(EGRET_CL_QUEUE),		.read = read_cl_queue },
	{ CLUSTER_REG(EGRET_CL_PC),		.wide = true, .read = read_cl_pc },
	{ CLUSTER_REG(EGRET_CL_BUSY),		.wide = true, .read = read_cl_busy },
	{ CLUSTER_REG(EGRET_CL_INSTRUCTIONS),	.wide = true, .read = read_cl_instructions },
	{ CLUSTER_REG(EGRET_CL_TILE_BUSY),	.wide = true, .read = read_cl_tile_busy },
	{ CLUSTER_REG(EGRET_CL_DMA_BUSY),	.wide = true, .read = read_cl_dma_busy },
};

/* ---- Queues ---------------------------------------------------------------------------------- */

static bool disabled(const struct egret_queue *q)
{
	return q->state == EGRET_Q_STATE_DISABLED;
}

#define Q (&m->queue[n])

READ(read_q_ring, Q->ring)
WRITE(write_q_ring, if (disabled(Q)) Q->ring = value)
READ(read_q_ring_size, Q->ring_size)
WRITE(write_q_ring_size, if (disabled(Q)) Q->ring_size = value)
READ(read_q_config, Q->config)
WRITE(write_q_config, if (disabled(Q)) Q->config = value)
WRITE(write_q_ctrl, egret_queue_command(m, Q, value))
READ(read_q_status, egret_queue_status(Q))
READ(read_q_head, Q->head)
READ(read_q_tail, Q->tail)
WRITE(write_q_tail, egret_queue_set_tail(m, Q, value))
READ(read_q_fault_addr, Q->fault.addr)
READ(read_q_fault_pc, Q->fault.pc)
READ(read_q_fault_code, Q->fault.code)
READ(read_q_fault_info, Q->fault.info)
READ(read_q_fault_packet, Q->fault_packet)
READ(read_q_fault_cookie, Q->fault_cookie)
READ(read_q_fault_group_x, Q->fault_group[0])
READ(read_q_fault_group_y, Q->fault_group[1])
READ(read_q_fault_group_z, Q->fault_group[2])
READ(read_q_fault_value, Q->fault.value)
READ(read_q_busy_cycles, Q->busy_cycles)
READ(read_q_progress, atomic_load_explicit(&Q->progress, memory_order_relaxed))

#undef Q

#define QUEUE_REG(reg) \
	EGRET_REG_QUEUE(0, reg), .count = EGRET_MAX_QUEUES, .stride = EGRET_QUEUE_STRIDE

static const struct reg queue_regs[] = {
	{ QUEUE_REG(EGRET_Q_RING),	.wide = true, .read = read_q_ring, .write = write_q_ring },
	{ QUEUE_REG(EGRET_Q_RING_SIZE),	.read = read_q_ring_size, .write = write_q_ring_size },
	{ QUEUE_REG(EGRET_Q_CONFIG),	.read = read_q_config, .write = write_q_config },
	{ QUEUE_REG(EGRET_Q_CTRL),	.write = write_q_ctrl },
	{ QUEUE_REG(EGRET_Q_STATUS),	.read = read_q_status },
	{ QUEUE_REG(EGRET_Q_HEAD),	.wide = true, .read = read_q_head },
	{ QUEUE_REG(EGRET_Q_TAIL),	.wide = true, .read = read_q_tail, .write = write_q_tail },
	{ QUEUE_REG(EGRET_Q_FAULT_ADDR), .wide = true, .read = read_q_fault_addr },
	{ QUEUE_REG(EGRET_Q_FAULT_PC),	.wide = true, .read = read_q_fault_pc },
	{ QUEUE_REG(EGRET_Q_FAULT_CODE), .read = read_q_fault_code },
	{ QUEUE_REG(EGRET_Q_FAULT_INFO), .read = read_q_fault_info },
	{ QUEUE_REG(EGRET_Q_FAULT_PACKET), .wide = true, .read = read_q_fault_packet },
	{ QUEUE_REG(EGRET_Q_FAULT_COOKIE), .wide = true, .read = read_q_fault_cookie },
	{ QUEUE_REG(EGRET_Q_FAULT_GROUP_X), .read = read_q_fault_group_x },
	{ QUEUE_REG(EGRET_Q_FAULT_GROUP_Y), .read = read_q_fault_group_y },
	{ QUEUE_REG(EGRET_Q_FAULT_GROUP_Z), .read = read_q_fault_group_z },
	{ QUEUE_REG(EGRET_Q_FAULT_VALUE), .read = read_q_fault_value },
	{ QUEUE_REG(EGRET_Q_BUSY_CYCLES), .wide = true, .read = read_q_busy_cycles },
	{ QUEUE_REG(EGRET_Q_PROGRESS),	.wide = true, .read = read_q_progress },
};

/* ---- Finding a register ----------------------------------------------------------------------- */

/* A register, as an access means it. */
struct target {
	struct reg reg;
	unsigned int n;
	bool high;		/* the upper half of a wide one */
};

static bool find_in(const struct reg *regs, unsigned int entries, uint64_t offset, uint32_t limit,
		    struct target *t)
{
	for (unsigned int i = 0; i < entries; i++) {
		const struct reg *r = &regs[i];
		uint64_t rel = offset - r->offset;
		uint64_t n = r->stride ? rel / r->stride : 0;

		if (offset < r->offset)
			continue;
		rel -= n * r->stride;
		if (n >= (r->count ? r->count : 1) || rel > (r->wide ? 4 : 0))
			continue;
		*t = (struct target) { *r, n, rel == 4 };
		return n < limit;
	}
	return false;
}

static bool find_mc(uint64_t offset, struct target *t)
{
	bool high = offset % 8 == 4 && mc_reg_is_wide(offset - 4);

	*t = (struct target) {
		.reg = {
			.wide = high || mc_reg_is_wide(offset),
			.free = true,
			.read = read_mc,
			.write = write_mc,
		},
		.n = MC_OFFSET(offset - (high ? 4 : 0)),
		.high = high,
	};
	return true;
}

#define FIND_IN(regs, limit) find_in(regs, sizeof(regs) / sizeof((regs)[0]), offset, limit, t)

static bool find(const struct egret_model *m, uint64_t offset, struct target *t)
{
	if (offset >= EGRET_MC_REG_FIRST && offset <= EGRET_MC_REG_LAST)
		return find_mc(offset, t);
	if (offset < EGRET_REG_CONTEXT(0))
		return FIND_IN(chip_regs, UINT32_MAX);
	if (offset < EGRET_REG_CONTEXT(EGRET_MAX_CONTEXTS))
		return FIND_IN(context_regs, m->contexts);
	if (offset >= EGRET_REG_QUEUE(0, 0))
		return FIND_IN(queue_regs, m->queues);
	return FIND_IN(cluster_regs, m->clusters);
}

/* ---- Access ------------------------------------------------------------------------------------ */

/*
 * Which register an access means, and whether it is allowed: 32 bits, or all of a
 * 64-bit register, aligned. While a reset runs there is nothing but STATE.
 */
static bool access_is_good(const struct egret_model *m, uint64_t offset, unsigned int size,
			   struct target *t)
{
	if ((size != 4 && size != 8) || offset % size || !find(m, offset, t))
		return false;
	return size == 4 || (t->reg.wide && !t->high);
}

static bool may_use(const struct egret_model *m, const struct target *t)
{
	return egret_is_ready(m) || t->reg.offset == EGRET_REG_STATE;
}

uint64_t egret_model_reg_read(struct egret_model *m, uint64_t offset, unsigned int size)
{
	struct target t;
	uint64_t value = 0;

	if (!access_is_good(m, offset, size, &t) || !t.reg.read)
		return 0;
	egret_lock(m);
	if (!may_use(m, &t)) {
		egret_unlock(m);
		return 0;
	}
	if (t.high) {
		value = m->read_latch;
		egret_unlock(m);
		return value;
	}
	if (t.reg.free) {
		egret_unlock(m);
		value = t.reg.read(m, t.n);
		egret_lock(m);
	} else {
		value = t.reg.read(m, t.n);
	}
	if (t.reg.wide && size == 4)
		m->read_latch = value >> 32;
	egret_unlock(m);
	return size == 4 ? (uint32_t)value : value;
}

void egret_model_reg_write(struct egret_model *m, uint64_t offset, uint64_t value,
			   unsigned int size)
{
	struct target t;

	if (!access_is_good(m, offset, size, &t) || !t.reg.write) {
		egret_log(m, EGRET_LOG_GUEST, "write of %u bytes at 0x%05llx of BAR0 ignored",
			  size, (unsigned long long)offset);
		return;
	}
	if (size == 4)
		value = (uint32_t)value;
	egret_lock(m);
	if (!may_use(m, &t)) {
		egret_unlock(m);
		return;
	}
	if (t.reg.wide && size == 4) {
		if (!t.high) {
			m->write_latch = value;
			egret_unlock(m);
			return;
		}
		value = value << 32 | m->write_latch;
	}
	if (t.reg.free) {
		egret_unlock(m);
		t.reg.write(m, t.n, value);
	} else {
		t.reg.write(m, t.n, value);
		egret_unlock(m);
	}
}

/* ---- Doorbells ----------------------------------------------------------------------------------- */

static struct egret_queue *doorbell_queue(struct egret_model *m, uint64_t offset,
					  unsigned int size)
{
	uint64_t n = offset / EGRET_DOORBELL_STRIDE;

	if ((size != 4 && size != 8) || offset % size || n >= m->queues)
		return NULL;
	return &m->queue[n];
}

static uint64_t doorbell_word(const struct egret_queue *q, uint64_t word)
{
	switch (word) {
	case EGRET_DOORBELL_TAIL:
		return q->tail;
	case EGRET_DOORBELL_HEAD:
		return q->head;
	default:
		return 0;
	}
}

uint64_t egret_model_doorbell_read(struct egret_model *m, uint64_t offset, unsigned int size)
{
	struct egret_queue *q = doorbell_queue(m, offset, size);
	uint64_t word = offset % EGRET_DOORBELL_STRIDE & ~7ull;
	uint64_t value = 0;

	if (!q || word > EGRET_DOORBELL_HEAD)
		return 0;
	egret_lock(m);
	if (!egret_is_ready(m)) {
		value = 0;
	} else if (size == 8) {
		value = doorbell_word(q, word);
	} else if (offset & 4) {
		value = q->doorbell_read;
	} else {
		value = doorbell_word(q, word);
		q->doorbell_read = value >> 32;
		value = (uint32_t)value;
	}
	egret_unlock(m);
	return value;
}

void egret_model_doorbell_write(struct egret_model *m, uint64_t offset, uint64_t value,
				unsigned int size)
{
	struct egret_queue *q = doorbell_queue(m, offset, size);

	if (!q || (offset % EGRET_DOORBELL_STRIDE & ~7ull) != EGRET_DOORBELL_TAIL)
		return;
	egret_lock(m);
	if (!egret_is_ready(m))
		; /* ignored */
	else if (size == 8)
		egret_queue_set_tail(m, q, value);
	else if (offset & 4)
		egret_queue_set_tail(m, q, value << 32 | q->doorbell_write);
	else
		q->doorbell_write = value;
	egret_unlock(m);
}

/* ---- Reset ------------------------------------------------------------------------------------------ */

void egret_regs_reset(struct egret_model *m)
{
	m->test = 0;
	m->power = EGRET_POWER_KEEP_VRAM;
	m->irq_status = 0;
	m->irq_enable = 0;
	m->inv_addr = 0;
	m->inv_size = 0;
	for (uint32_t i = 0; i < m->contexts; i++) {
		m->context[i] = 0;
		use_root(m, i);
	}
	m->slice_register = PERF_CLOCK_KHZ;
	m->slice = PERF_CLOCK_KHZ;
	m->read_latch = 0;
	m->write_latch = 0;
	m->counters = (struct egret_counters) { .cycles = 0 };
}
