// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/*
 * Dumps: what the card looked like when something went wrong, for devcoredump.
 *
 * What is about to be lost is noted at the moment when it happens, which is on the
 * fence-signalling path: into a structure that was allocated with the card. A work
 * item makes text of it (Documentation/accel/egret/debugging.rst has the format). As
 * long as one dump is being made no other is, and devcoredump takes no new one of a
 * device until user space has deleted the last, or after five minutes: the first
 * is the one that tells most, and a client that faults all the time costs nothing.
 */
#include <linux/devcoredump.h>
#include <linux/slab.h>
#include <linux/timekeeping.h>
#include <linux/vmalloc.h>
#include <drm/drm_drv.h>
#include <drm/drm_managed.h>
#include <drm/drm_print.h>
#include <generated/utsrelease.h>

#include "egret_bo.h"
#include "egret_coredump.h"
#include "egret_hw.h"
#include "egret_queue.h"
#include "egret_vm.h"

#define EGRET_DUMP_VERSION	1
/* Queues of a card that are listed, and packets before and behind a queue's head. */
#define EGRET_DUMP_QUEUES	64
#define EGRET_DUMP_PACKETS	8
/* Text of the longest dump, with the firmware's log, and room to spare. */
#define EGRET_DUMP_SIZE		SZ_128K

/**
 * struct egret_dump_register - a register that is dumped
 */
struct egret_dump_register {
	/** @name: As in the specification, without EGRET_REG_, EGRET_CL_ or EGRET_Q_. */
	const char *name;
	/** @offset: Offset, in its block. */
	u32 offset;
	/** @wide: Whether it has 64 bits. */
	bool wide;
};

#define REG32(prefix, reg)	{ #reg, EGRET_##prefix##_##reg, false }
#define REG64(prefix, reg)	{ #reg, EGRET_##prefix##_##reg, true }

static const struct egret_dump_register egret_dump_chip[] = {
	REG32(REG, ID), REG32(REG, REVISION), REG32(REG, UNITS), REG32(REG, LIMITS),
	REG64(REG, SERIAL), REG64(REG, TIME), REG32(REG, STATE), REG32(REG, RESET_COUNT),
	REG32(REG, POWER), REG32(REG, IRQ_STATUS), REG32(REG, IRQ_ENABLE),
	REG64(REG, INV_ADDR), REG64(REG, INV_SIZE), REG32(REG, INV_STATUS),
	REG32(REG, CP_SLICE), REG32(REG, BOOT_STATUS), REG32(REG, FW_VERSION),
	REG32(REG, FW_HEARTBEAT), REG32(REG, CORE_CLOCK), REG32(REG, TEMPERATURE),
	REG32(REG, POWER_DRAW), REG32(REG, VOLTAGE), REG32(REG, PSTATE), REG32(REG, THROTTLE),
	REG64(REG, ECC_CORRECTED), REG64(REG, ECC_UNCORRECTED), REG64(REG, ECC_ADDR),
	REG64(REG, CNT_CYCLES), REG64(REG, CNT_PACKETS), REG64(REG, CNT_DISPATCHES),
	REG64(REG, CNT_WORKGROUPS), REG64(REG, CNT_INSTRUCTIONS), REG64(REG, CNT_FAULTS),
};

static const struct egret_dump_register egret_dump_cluster[] = {
	REG32(CL, STATUS), REG32(CL, QUEUE), REG64(CL, PC), REG64(CL, BUSY),
	REG64(CL, INSTRUCTIONS), REG64(CL, TILE_BUSY), REG64(CL, DMA_BUSY),
};

static const struct egret_dump_register egret_dump_queue[] = {
	REG32(Q, STATUS), REG32(Q, CONFIG), REG64(Q, RING), REG32(Q, RING_SIZE), REG64(Q, HEAD),
	REG64(Q, TAIL), REG64(Q, PROGRESS), REG64(Q, BUSY_CYCLES), REG32(Q, FAULT_CODE),
	REG32(Q, FAULT_INFO), REG32(Q, FAULT_VALUE), REG64(Q, FAULT_ADDR), REG64(Q, FAULT_PC),
	REG64(Q, FAULT_PACKET), REG64(Q, FAULT_COOKIE), REG32(Q, FAULT_GROUP_X),
	REG32(Q, FAULT_GROUP_Y), REG32(Q, FAULT_GROUP_Z),
};

/**
 * struct egret_dump_brief - what is noted of every queue
 */
struct egret_dump_brief {
	/** @hwid: Number. */
	u32 hwid;
	/** @status: EGRET_Q_STATUS. */
	u32 status;
	/** @state: &egret_queue.state. */
	u32 state;
	/** @type: &egret_queue.type. */
	u32 type;
	/** @pid: Process that made it. */
	pid_t pid;
	/** @comm: Its name. */
	char comm[TASK_COMM_LEN];
};

/**
 * struct egret_coredump - the dump of one card
 */
struct egret_coredump {
	/** @edev: Card. */
	struct egret_device *edev;
	/** @busy: Whether the rest is in use. */
	atomic_t busy;
	/** @work: Makes text of it. */
	struct work_struct work;
	/** @reason: Why, a constant string. */
	const char *reason;
	/** @time: When. */
	ktime_t time;
	/** @queue: Queue that it is about; a reference, or NULL. */
	struct egret_queue *queue;
	/** @chip: Registers of the chip. */
	u64 chip[ARRAY_SIZE(egret_dump_chip)];
	/** @cluster: Registers of the clusters. */
	u64 cluster[EGRET_MAX_CLUSTERS][ARRAY_SIZE(egret_dump_cluster)];
	/** @regs: Registers of @queue. */
	u64 regs[ARRAY_SIZE(egret_dump_queue)];
	/** @slot: Number of the last job that was completed. */
	u64 slot;
	/** @first_packet: Number of the first packet in @packets. */
	u64 first_packet;
	/** @packets: Packets of the ring. */
	union egret_packet packets[2 * EGRET_DUMP_PACKETS];
	/** @brief: All queues. */
	struct egret_dump_brief brief[EGRET_DUMP_QUEUES];
	/** @num_queues: Number of them. */
	u32 num_queues;
};

/* ---- noting: on the fence-signalling path, inside of the gate or with it closed --------- */

static void egret_dump_read(struct egret_device *edev, u32 base,
			    const struct egret_dump_register *regs, u32 count, u64 *out)
{
	u32 i;

	for (i = 0; i < count; i++)
		out[i] = regs[i].wide ? egret_read64(edev, base + regs[i].offset) :
					egret_read(edev, base + regs[i].offset);
}

static void egret_dump_read_queue(struct egret_coredump *dump, struct egret_queue *queue)
{
	u64 head = egret_queue_read64(dump->edev, queue->hwid, EGRET_Q_HEAD);
	const union egret_packet *packets = queue->ring.packets;
	u32 i;

	egret_dump_read(dump->edev, EGRET_REG_QUEUE(queue->hwid, 0), egret_dump_queue,
			ARRAY_SIZE(egret_dump_queue), dump->regs);
	dump->slot = le64_to_cpu(READ_ONCE(*queue->slot));
	dump->first_packet = head - min_t(u64, head, EGRET_DUMP_PACKETS);
	for (i = 0; i < ARRAY_SIZE(dump->packets); i++)
		dump->packets[i] = packets[(dump->first_packet + i) % EGRET_RING_PACKETS];
}

static void egret_dump_note_queues(struct egret_coredump *dump)
{
	struct egret_queue *queue = NULL;

	dump->num_queues = 0;
	while ((queue = egret_queue_next(dump->edev, queue))) {
		struct egret_dump_brief *b = &dump->brief[dump->num_queues];

		b->hwid = queue->hwid;
		b->status = egret_queue_read(dump->edev, queue->hwid, EGRET_Q_STATUS);
		b->state = READ_ONCE(queue->state);
		b->type = queue->type;
		b->pid = queue->owner.pid;
		strscpy(b->comm, queue->owner.comm, sizeof(b->comm));
		if (++dump->num_queues == EGRET_DUMP_QUEUES) {
			egret_queue_put(queue);
			break;
		}
	}
}

static void egret_dump_note(struct egret_coredump *dump, struct egret_queue *queue,
			    const char *reason)
{
	struct egret_device *edev = dump->edev;
	u32 c;

	dump->reason = reason;
	dump->time = ktime_get_real();
	dump->queue = queue ? egret_queue_get(queue) : NULL;
	egret_dump_read(edev, 0, egret_dump_chip, ARRAY_SIZE(egret_dump_chip), dump->chip);
	for (c = 0; c < edev->info.clusters; c++)
		egret_dump_read(edev, EGRET_REG_CLUSTER(c, 0), egret_dump_cluster,
				ARRAY_SIZE(egret_dump_cluster), dump->cluster[c]);
	if (queue)
		egret_dump_read_queue(dump, queue);
	egret_dump_note_queues(dump);
	queue_work(system_dfl_wq, &dump->work);
}

/**
 * egret_coredump_queue() - dump the state of a queue, before it is killed
 * @queue: queue, whose job has not been cancelled yet
 * @reason: why, a constant string
 *
 * May be called on the fence-signalling path, outside of egret_hw_enter().
 */
void egret_coredump_queue(struct egret_queue *queue, const char *reason)
{
	struct egret_device *edev = queue->edev;
	int idx;

	if (!drm_dev_enter(&edev->drm, &idx))
		return;
	if (egret_hw_try_enter(edev)) {
		if (!atomic_xchg(&edev->coredump->busy, 1))
			egret_dump_note(edev->coredump, queue, reason);
		egret_hw_exit(edev);
	}
	drm_dev_exit(idx);
}

/**
 * egret_coredump_card() - dump the state of the card, before it is reset
 * @edev: card, whose hardware is stopped, but not reset
 * @reason: why, a constant string
 *
 * May be called on the fence-signalling path.
 */
void egret_coredump_card(struct egret_device *edev, const char *reason)
{
	if (!atomic_xchg(&edev->coredump->busy, 1))
		egret_dump_note(edev->coredump, NULL, reason);
}

/* ---- text ------------------------------------------------------------------------------------ */

static void egret_dump_print_registers(struct drm_printer *p, const char *indent,
				       const struct egret_dump_register *regs, u32 count,
				       const u64 *values)
{
	u32 i;

	for (i = 0; i < count; i++)
		drm_printf(p, "%s%s: %#llx\n", indent, regs[i].name, values[i]);
}

/* A block of registers as it is now. */
static void egret_dump_print_now(struct egret_device *edev, u32 base, struct drm_printer *p,
				 const struct egret_dump_register *regs, u32 count)
{
	u64 value;
	u32 i;

	for (i = 0; i < count; i++) {
		egret_dump_read(edev, base, &regs[i], 1, &value);
		egret_dump_print_registers(p, "  ", &regs[i], 1, &value);
	}
}

/**
 * egret_coredump_print_registers() - print the registers of the chip and of its queues
 * @edev: card; inside of egret_hw_enter()
 * @p: where to
 *
 * In the form of a dump. Allocates nothing.
 */
void egret_coredump_print_registers(struct egret_device *edev, struct drm_printer *p)
{
	struct egret_queue *queue = NULL;
	u32 c;

	drm_puts(p, "chip:\n");
	egret_dump_print_now(edev, 0, p, egret_dump_chip, ARRAY_SIZE(egret_dump_chip));
	for (c = 0; c < edev->info.clusters; c++) {
		drm_printf(p, "cluster %u:\n", c);
		egret_dump_print_now(edev, EGRET_REG_CLUSTER(c, 0), p, egret_dump_cluster,
				     ARRAY_SIZE(egret_dump_cluster));
	}
	while ((queue = egret_queue_next(edev, queue))) {
		drm_printf(p, "queue %u:\n", queue->hwid);
		egret_dump_print_now(edev, EGRET_REG_QUEUE(queue->hwid, 0), p, egret_dump_queue,
				     ARRAY_SIZE(egret_dump_queue));
	}
}

/* What is bound where the program counter points to: the module of the kernel. */
static void egret_dump_print_module(struct drm_printer *p, struct egret_queue *queue, u64 pc)
{
	struct dma_resv *resv = drm_gpuvm_resv(&queue->vm->base);
	struct drm_gpuva *va;

	if (!egret_vm_range_valid(pc, 1))
		return;
	dma_resv_lock(resv, NULL);
	va = drm_gpuva_find_first(&queue->vm->base, pc, 1);
	if (va) {
		drm_printf(p, "  pc_binding_va: %#llx\n", va->va.addr);
		drm_printf(p, "  pc_binding_size: %#llx\n", va->va.range);
		drm_printf(p, "  pc_buffer_offset: %#llx\n", va->gem.offset + pc - va->va.addr);
	}
	dma_resv_unlock(resv);
}

static void egret_dump_print_packets(struct drm_printer *p, const struct egret_coredump *dump)
{
	u32 i, w;

	for (i = 0; i < ARRAY_SIZE(dump->packets); i++) {
		drm_printf(p, "    %llu:", dump->first_packet + i);
		for (w = 0; w < ARRAY_SIZE(dump->packets[i].words); w++)
			drm_printf(p, " %08x", le32_to_cpu(dump->packets[i].words[w]));
		drm_puts(p, "\n");
	}
}

static void egret_dump_print_queue(struct drm_printer *p, const struct egret_coredump *dump)
{
	struct egret_queue *queue = dump->queue;

	drm_printf(p, "queue:\n  number: %u\n  id: %u\n", queue->hwid, READ_ONCE(queue->id));
	drm_printf(p, "  type: %s\n", queue->type == DRM_EGRET_QUEUE_COPY ? "copy" : "compute");
	drm_printf(p, "  context: %u\n", queue->vm->context);
	drm_printf(p, "  pid: %d\n  comm: %s\n", queue->owner.pid, queue->owner.comm);
	drm_printf(p, "  jobs_done: %llu\n", dump->slot);
	drm_puts(p, "  registers:\n");
	egret_dump_print_registers(p, "    ", egret_dump_queue, ARRAY_SIZE(egret_dump_queue),
				   dump->regs);
	egret_dump_print_module(p, queue, queue->fault.pc);
	drm_puts(p, "  ring:\n");
	egret_dump_print_packets(p, dump);
}

static void egret_dump_print(struct drm_printer *p, const struct egret_coredump *dump)
{
	struct egret_device *edev = dump->edev;
	struct timespec64 t = ktime_to_timespec64(dump->time);
	u32 i;

	drm_printf(p, "egret_dump: %u\n", EGRET_DUMP_VERSION);
	drm_printf(p, "kernel: %s\ndevice: %s\n", UTS_RELEASE, dev_name(edev->drm.dev));
	drm_printf(p, "time: %lld.%09ld\n", t.tv_sec, t.tv_nsec);
	drm_printf(p, "reason: %s\n", dump->reason);
	if (dump->queue)
		egret_dump_print_queue(p, dump);
	drm_puts(p, "chip:\n");
	egret_dump_print_registers(p, "  ", egret_dump_chip, ARRAY_SIZE(egret_dump_chip),
				   dump->chip);
	for (i = 0; i < edev->info.clusters; i++) {
		drm_printf(p, "cluster %u:\n", i);
		egret_dump_print_registers(p, "  ", egret_dump_cluster,
					   ARRAY_SIZE(egret_dump_cluster), dump->cluster[i]);
	}
	drm_puts(p, "queues:\n");
	for (i = 0; i < dump->num_queues; i++) {
		const struct egret_dump_brief *b = &dump->brief[i];

		drm_printf(p, "  %u: status %u state %u type %u pid %d comm %s\n", b->hwid,
			   b->status, b->state, b->type, b->pid, b->comm);
	}
	drm_puts(p, "firmware_log:\n");
	egret_firmware_log_print(edev, p);
}

static void egret_coredump_work(struct work_struct *work)
{
	struct egret_coredump *dump = container_of(work, struct egret_coredump, work);
	struct drm_print_iterator iter = { .remain = EGRET_DUMP_SIZE };
	struct drm_printer p = drm_coredump_printer(&iter);

	iter.data = vzalloc(EGRET_DUMP_SIZE);
	if (iter.data) {
		egret_dump_print(&p, dump);
		/* It owns the memory from now on, and may throw it away at once. */
		dev_coredumpv(dump->edev->drm.dev, iter.data, EGRET_DUMP_SIZE - iter.remain,
			      GFP_KERNEL);
	}
	if (dump->queue)
		egret_queue_put(dump->queue);
	atomic_set_release(&dump->busy, 0);
}

/* ---- life ------------------------------------------------------------------------- */

/**
 * egret_coredump_init() - prepare for dumps
 * @edev: card
 *
 * Return: 0, or -ENOMEM. The memory goes with the DRM device.
 */
int egret_coredump_init(struct egret_device *edev)
{
	edev->coredump = drmm_kzalloc(&edev->drm, sizeof(*edev->coredump), GFP_KERNEL);
	if (!edev->coredump)
		return -ENOMEM;
	edev->coredump->edev = edev;
	INIT_WORK(&edev->coredump->work, egret_coredump_work);
	return 0;
}

/**
 * egret_coredump_fini() - finish the dump that is being made
 * @edev: card, for which no more come
 */
void egret_coredump_fini(struct egret_device *edev)
{
	flush_work(&edev->coredump->work);
}
