/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_QUEUE_H
#define EGRET_QUEUE_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rbtree.h>
#include <linux/sched.h>
#include <linux/workqueue.h>
#include <drm/gpu_scheduler.h>

#include <drm/egret_accel.h>

#include "egret_fault.h"
#include "egret_ring.h"

struct dma_fence;
struct drm_device;
struct drm_file;
struct drm_printer;
struct egret_client;
struct egret_device;
struct egret_fence;
struct egret_file;
struct egret_vector;
struct egret_vm;
struct seq_file;

/* Timelines whose last point that was waited for is remembered. */
#define EGRET_QUEUE_WAITED	4

/**
 * struct egret_on_card - a job on the hardware
 */
struct egret_on_card {
	/** @fence: What stands for it, perhaps with others; a reference. */
	struct egret_fence *fence;
	/** @packets: Places in the ring that it takes. */
	u32 packets;
};

/**
 * struct egret_queue - a queue: a hardware queue with its ring and scheduler
 */
struct egret_queue {
	/** @refs: References: of the file (through the ID) and of each job. */
	struct kref refs;
	/** @edev: Card; a reference. Constant. */
	struct egret_device *edev;
	/** @vm: Address space; a user's reference. Constant. */
	struct egret_vm *vm;
	/** @type: One of &enum drm_egret_queue_type. Constant. */
	u32 type;
	/** @hwid: Number of the hardware queue. Constant. */
	u32 hwid;
	/** @id: Its ID in its file, or 0 as long as it has none. Written once, read by anybody. */
	u32 id;
	/** @flags: Combination of &enum drm_egret_queue_flags. Constant. */
	u32 flags;
	/** @client: Whose it is; a reference, or NULL: the kernel's. Constant. */
	struct egret_client *client;
	/** @owner: Who made it; nothing if it is the kernel's. Constant. */
	struct {
		/** @owner.pid: Process. */
		pid_t pid;
		/** @owner.comm: Name of the process. */
		char comm[TASK_COMM_LEN];
	} owner;
	/** @vector: Interrupt vector. Constant. */
	struct egret_vector *vector;

	/**
	 * @ring: Packets. Used inside of egret_hw_enter(), by the scheduler's work while
	 * jobs are @waiting, and under @submit_lock otherwise; and by who starts the
	 * hardware.
	 */
	struct egret_ring ring;
	/**
	 * @used: Places of @ring that jobs @on_card have. Written under @vector's lock;
	 * it grows only with jobs, so who may write to the ring may look without.
	 */
	u32 used;
	/**
	 * @slot: Where the FENCE packets write the number of the last job that
	 * has completed. In the same allocation as the packets, on a page of its own.
	 */
	__le64 *slot;
	/** @ring_dma: Bus address of the packets. Constant. */
	dma_addr_t ring_dma;

	/**
	 * @waiting: Jobs that the scheduler has, and has not yet put into @ring. Raised
	 * under @submit_lock.
	 */
	atomic_t waiting;
	/** @held: Whether no job may be begun. Under @submit_lock. */
	bool held;
	/** @sched: Scheduler, of this queue alone. */
	struct drm_gpu_scheduler sched;
	/** @entity: The only entity of @sched. */
	struct drm_sched_entity entity;
	/**
	 * @submit_lock: Makes the numbers of jobs, their order in @entity and
	 * their order in sync objects agree. Protects @last_seqno, @waited, and
	 * that the packets of @ring are freed once.
	 */
	struct mutex submit_lock;
	/**
	 * @waited: The last points of timelines, or NULL, that jobs which were
	 * accepted wait for; references. Later jobs need not wait for them again.
	 */
	struct dma_fence *waited[EGRET_QUEUE_WAITED];
	/** @next_waited: Which of @waited is replaced next. */
	u32 next_waited;
	/** @fence_context: Timeline of the jobs' fences. Constant. */
	u64 fence_context;
	/** @group_context: Timeline of the groups' fences. Constant. */
	u64 group_context;
	/** @last_seqno: Number of the last job that was accepted. */
	u64 last_seqno;

	/**
	 * @on_card: Jobs on the hardware, those behind @completed up to @begun, each at the
	 * remainder of its number. Under @vector's lock.
	 */
	struct egret_on_card on_card[EGRET_RING_PACKETS];
	/** @begun: Number of the last job that was on the hardware. Under @vector's lock. */
	u64 begun;
	/**
	 * @completed: Number of the last job that has ended, done or cancelled. Written under
	 * @vector's lock.
	 */
	atomic64_t completed;
	/** @done: Number of the last one that was done. As @completed. */
	u64 done;
	/**
	 * @group: Fence of the group that jobs may join if it is open still; a reference, or
	 * NULL. Written under @vector's lock.
	 */
	struct egret_fence *group;
	/** @followers: Fences of jobs by their numbers, which signal with them. As @group. */
	struct rb_root_cached followers;
	/**
	 * @active_link: In &egret_vector.active while there are jobs on the hardware. Under
	 * @vector's lock.
	 */
	struct list_head active_link;
	/**
	 * @state: One of &enum drm_egret_queue_state, or EGRET_QUEUE_CLOSED. Goes
	 * from OK to one other, once. Written under @vector's lock; constant for whom
	 * it is known to be dead.
	 */
	u32 state;
	/** @fault: Why it faulted, if it did. As @state, with which it is written. */
	struct egret_fault fault;
	/**
	 * @busy_cycles: Modelled cycles up to when the queue was enabled last, or to
	 * its death. Written when the hardware queue stops.
	 */
	u64 busy_cycles;
	/** @cycles_told: Most cycles that anybody was told of; see egret_queue_tell_cycles(). */
	atomic64_t cycles_told;
	/** @config: EGRET_Q_CONFIG. Constant. */
	u32 config;
	/**
	 * @enabled: Whether the hardware queue is to be found enabled. Set under
	 * @vector's lock, while the queue is alive; cleared by who kills it. Both inside
	 * of egret_hw_enter(), or while the hardware is started.
	 */
	bool enabled;

	/** @watchdog: See egret_queue_watch(), which alone uses all but the work item. */
	struct {
		/** @watchdog.work: Looks at the queue from time to time. */
		struct delayed_work work;
		/** @watchdog.seqno: Job that is watched. */
		u64 seqno;
		/** @watchdog.progress: EGRET_Q_PROGRESS when last looked. */
		u64 progress;
		/** @watchdog.card: Progress of the whole card when last looked. */
		u64 card;
		/** @watchdog.moved: When it was last seen to have changed, in jiffies. */
		unsigned long moved;
		/** @watchdog.begun: Since when the job is watched, in jiffies. */
		unsigned long begun;
	} watchdog;

	/** @cleanup_work: Tears the queue down. */
	struct work_struct cleanup_work;
};

/* State of a queue whose ID is gone. */
#define EGRET_QUEUE_CLOSED	(~0u)

struct egret_queue *egret_queue_create(struct egret_vm *vm, struct egret_client *client,
				       u32 type, u32 priority, u32 flags);
struct egret_queue *egret_queue_lookup(struct egret_file *efile, u32 id);
struct egret_queue *egret_queue_lookup_hw(struct egret_device *edev, u32 hwid);
struct egret_queue *egret_queue_next(struct egret_device *edev, struct egret_queue *queue);
void egret_queue_put(struct egret_queue *queue);
void egret_queue_kill(struct egret_queue *queue, u32 state, const struct egret_fault *fault);
void egret_queue_kill_all(struct egret_device *edev);
int egret_queue_drain_all(struct egret_device *edev, unsigned long timeout);
void egret_queue_undrain_all(struct egret_device *edev);
void egret_queue_save_all(struct egret_device *edev);
void egret_queue_cancel_all(struct egret_device *edev);
int egret_queue_restore_all(struct egret_device *edev);
void egret_queue_close_all(struct egret_file *efile);
void egret_queue_free_rings(struct egret_device *edev);
void egret_queue_cleanup_later(struct work_struct *work);
void egret_queue_flush_cleanup(void);
int egret_queue_module_init(void);
void egret_queue_module_exit(void);

u64 egret_queue_slot_va(const struct egret_queue *queue);
bool egret_queue_begin(struct egret_queue *queue, struct egret_fence *fence, u32 packets);
bool egret_queue_join(struct egret_queue *queue, u32 packets);
void egret_queue_cancel(struct egret_queue *queue, struct egret_fence *fence, u32 packets);
void egret_queue_signal_completed(struct egret_queue *queue);
void egret_queue_poll(struct egret_queue *queue);
u64 egret_queue_first_on_card(struct egret_queue *queue);
u32 egret_queue_count_on_card(struct egret_queue *queue);
struct dma_fence *egret_queue_fence_of(struct egret_queue *queue, u64 seqno);
bool egret_queue_has_room(struct egret_queue *queue, u32 packets);
struct dma_fence *egret_queue_wait_for_room(struct egret_queue *queue, u32 packets);
void egret_queue_get_busy(struct egret_queue *queue);
void egret_queue_put_busy(struct egret_queue *queue);
bool egret_queue_knows_wait(struct egret_queue *queue, struct dma_fence *link);
void egret_queue_note_wait(struct egret_queue *queue, struct dma_fence *wait);
u64 egret_queue_busy_cycles(struct egret_queue *queue);
void egret_queue_file_cycles(struct egret_file *efile, u64 *cycles);
void egret_queue_show_fdinfo(struct egret_file *efile, struct drm_printer *p);

static inline struct egret_queue *egret_queue_get(struct egret_queue *queue)
{
	kref_get(&queue->refs);
	return queue;
}

static inline bool egret_queue_is_dead(const struct egret_queue *queue)
{
	return READ_ONCE(queue->state) != DRM_EGRET_QUEUE_OK;
}

int egret_queue_create_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int egret_queue_destroy_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int egret_queue_wait_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int egret_queue_export_ioctl(struct drm_device *drm, void *data, struct drm_file *file);
int egret_queue_query_ioctl(struct drm_device *drm, void *data, struct drm_file *file);

#endif /* EGRET_QUEUE_H */
