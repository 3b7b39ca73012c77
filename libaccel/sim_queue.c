// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Queues and jobs of the simulator backend.
 *
 * An exec becomes a job. A job whose waits are over is written into its queue's ring as
 * CALL packets and a FENCE with the job's number; the fence's interrupt tells of its end.
 * Jobs of a queue start and end in order, which makes their numbers a timeline. A descriptor
 * that was imported is one of a single point.
 */
#define _GNU_SOURCE
#include "sim.h"

#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <egret/fault.h>
#include <egret/mmu.h>
#include <egret/packet.h>
#include <egret/pci.h>
#include <egret/regs.h>

#include "host.h"

/* Enough for the largest exec and its fence, twice. */
#define RING_LOG2	8
#define RING_PACKETS	(1u << RING_LOG2)
#define RING_BYTES	(RING_PACKETS * EGRET_PACKET_SIZE)
/* The ring, and a page for the fence's value. */
#define QUEUE_BYTES	(RING_BYTES + SIM_PAGE)

struct sim_timeline {
	unsigned int refs;	/* the queue or the handle, and who waits */
	uint64_t submitted;	/* last point that will be signalled */
	uint64_t signalled;
	struct watcher *watchers;
};

/* A file descriptor that waits for a point. */
struct watcher {
	struct watcher *next;
	uint64_t point;
	int fd;
};

struct job_wait {
	struct sim_timeline *timeline;
	uint64_t point;
};

struct job {
	struct job *next;
	uint64_t number;	/* in its queue, from 1; 0 while it is not in the ring */
	struct drm_egret_call *calls;
	uint32_t call_count;
	struct job_wait *waits;
	uint32_t wait_count;
	uint32_t call_room, wait_room;	/* of the arrays */
};

struct sim_queue {
	uint32_t id;
	struct sim_vm *vm;
	struct sim_timeline *timeline;	/* of its jobs' numbers */
	uint32_t hw;
	uint32_t type;
	uint64_t memory;	/* offset of ring and fence in device memory */
	uint64_t va;		/* where they are mapped */
	uint64_t tail;		/* packets written */
	uint64_t started;	/* number of the last job in the ring */
	struct job *jobs, **end;	/* in order; those in the ring first */
	struct drm_egret_queue_query record;	/* state and fault */
};

/* ---- Timelines; with the lock held ---- */

static void put_timeline(struct sim_timeline *timeline)
{
	struct watcher *watcher;

	if (--timeline->refs)
		return;
	while ((watcher = timeline->watchers)) {
		timeline->watchers = watcher->next;
		close(watcher->fd);
		free(watcher);
	}
	free(timeline);
}

static void tell_waiters(struct backend_device *dev, bool moved_on)
{
	if (moved_on)
		pthread_cond_broadcast(&dev->changed);
}

void sim_unlock(struct backend_device *dev)
{
	bool moved_on = dev->moved_on;

	dev->moved_on = false;
	pthread_mutex_unlock(&dev->lock);
	tell_waiters(dev, moved_on);
}

static void signal_point(struct backend_device *dev, struct sim_timeline *timeline,
			 uint64_t point)
{
	struct watcher **link = &timeline->watchers, *watcher;

	if (point > timeline->signalled)
		timeline->signalled = point;
	while ((watcher = *link)) {
		if (watcher->point > timeline->signalled) {
			link = &watcher->next;
			continue;
		}
		*link = watcher->next;
		accel_host_signal_raise(watcher->fd);
		close(watcher->fd);
		free(watcher);
	}
	dev->moved_on = true;
}

struct sim_timeline *sim_timeline_promise(struct backend_device *dev, uint32_t *handle,
					  uint64_t point)
{
	struct sim_timeline *timeline = calloc(1, sizeof(*timeline));

	if (!timeline)
		return NULL;
	timeline->refs = 2;
	timeline->submitted = point;
	*handle = sim_table_add(&dev->fences_by_handle, timeline);
	if (*handle)
		return timeline;
	free(timeline);
	return NULL;
}

void sim_timeline_fulfil(struct backend_device *dev, struct sim_timeline *timeline,
			 uint64_t point)
{
	signal_point(dev, timeline, point);
	put_timeline(timeline);
	sim_advance(dev);
}

void sim_fence_destroy(struct backend_device *dev, uint32_t handle)
{
	struct sim_timeline *timeline;

	pthread_mutex_lock(&dev->lock);
	timeline = sim_table_take(&dev->fences_by_handle, handle);
	if (timeline)
		put_timeline(timeline);
	sim_unlock(dev);
}

/* ---- Waiting ---- */

/* With the lock held. The IDs are never used again. */
static struct sim_queue *find_queue(struct backend_device *dev, uint32_t id)
{
	uint32_t i;

	for (i = 0; i < dev->queues_end; i++)
		if (dev->hw_queues[i] && dev->hw_queues[i]->id == id)
			return dev->hw_queues[i];
	return NULL;
}

/* With the lock held: where a job's number will be signalled, without a reference. */
static int find_job(struct backend_device *dev, uint32_t queue_id, uint64_t job,
		    struct sim_timeline **timeline)
{
	struct sim_queue *queue = find_queue(dev, queue_id);

	if (!queue)
		return -ENOENT;
	*timeline = queue->timeline;
	return job && job <= queue->timeline->submitted ? 0 : -EINVAL;
}

/* With the lock held, which is left meanwhile. */
static int wait_for(struct backend_device *dev, struct sim_timeline *timeline, uint64_t point,
		    int64_t deadline)
{
	struct timespec until = {
		.tv_sec = deadline / 1000000000,
		.tv_nsec = deadline % 1000000000,
	};
	int ret = 0;

	timeline->refs++;
	tell_waiters(dev, dev->moved_on);
	dev->moved_on = false;
	while (!ret && timeline->signalled < point) {
		if (deadline == INT64_MAX)
			ret = pthread_cond_wait(&dev->changed, &dev->lock);
		else
			ret = pthread_cond_timedwait(&dev->changed, &dev->lock, &until);
	}
	if (timeline->signalled >= point)
		ret = 0;
	put_timeline(timeline);
	return ret == ETIMEDOUT ? -ETIME : -ret;
}

int sim_queue_wait(struct backend_device *dev, uint32_t queue_id, uint64_t job,
		   int64_t deadline)
{
	struct sim_timeline *timeline;
	int ret;

	pthread_mutex_lock(&dev->lock);
	ret = find_job(dev, queue_id, job, &timeline);
	if (ret == 0)
		ret = wait_for(dev, timeline, job, deadline);
	sim_unlock(dev);
	return ret;
}

int sim_queue_fd(struct backend_device *dev, uint32_t queue_id, uint64_t job)
{
	struct watcher *watcher = calloc(1, sizeof(*watcher));
	struct sim_timeline *timeline;
	int fd, ret;

	if (!watcher)
		return -ENOMEM;
	watcher->point = job;
	/* The caller may close its descriptor at any time. */
	ret = accel_host_signal(&fd, &watcher->fd);
	if (ret) {
		free(watcher);
		return ret;
	}
	pthread_mutex_lock(&dev->lock);
	ret = find_job(dev, queue_id, job, &timeline);
	if (ret == 0 && timeline->signalled < job) {
		watcher->next = timeline->watchers;
		timeline->watchers = watcher;
		watcher = NULL;
	} else if (ret == 0 || ret == -ENOENT) {
		accel_host_signal_raise(watcher->fd);
		ret = 0;
	}
	sim_unlock(dev);
	if (watcher)
		close(watcher->fd);
	free(watcher);
	if (ret)
		close(fd);
	return ret ? ret : fd;
}

/* ---- Jobs; with the lock held ---- */

/* Jobs are used again, with their arrays: an exec rarely needs memory. */
static void free_job(struct backend_device *dev, struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->wait_count; i++)
		put_timeline(job->waits[i].timeline);
	job->wait_count = 0;
	job->next = dev->spare_jobs;
	dev->spare_jobs = job;
}

void sim_free_jobs(struct backend_device *dev)
{
	struct job *job;

	while ((job = dev->spare_jobs)) {
		dev->spare_jobs = job->next;
		free(job->waits);
		free(job->calls);
		free(job);
	}
}

/* The first job of the queue is over, well or badly. */
static void end_job(struct backend_device *dev, struct sim_queue *queue)
{
	struct job *job = queue->jobs;

	queue->jobs = job->next;
	if (!queue->jobs)
		queue->end = &queue->jobs;
	signal_point(dev, queue->timeline, queue->timeline->signalled + 1);
	free_job(dev, job);
}

static bool is_ready(const struct job *job)
{
	uint32_t i;

	for (i = 0; i < job->wait_count; i++)
		if (job->waits[i].timeline->signalled < job->waits[i].point)
			return false;
	return true;
}

static uint64_t *fence_word(struct backend_device *dev, const struct sim_queue *queue)
{
	return (uint64_t *)(dev->vram + queue->memory + RING_BYTES);
}

static union egret_packet *ring_slot(struct backend_device *dev, const struct sim_queue *queue,
				     uint64_t position)
{
	union egret_packet *ring = (union egret_packet *)(dev->vram + queue->memory);

	return &ring[position % RING_PACKETS];
}

static bool ring_has_room(struct backend_device *dev, const struct sim_queue *queue,
			  uint32_t packets)
{
	uint64_t head = sim_read64(dev, EGRET_REG_QUEUE(queue->hw, EGRET_Q_HEAD));

	return queue->tail + packets - head <= RING_PACKETS;
}

static void start_job(struct backend_device *dev, struct sim_queue *queue, struct job *job)
{
	uint32_t i;

	job->number = ++queue->started;
	for (i = 0; i < job->call_count; i++) {
		*ring_slot(dev, queue, queue->tail++) = (union egret_packet) {
			.call = {
				.header = {
					.opcode = EGRET_OP_CALL,
					.flags = EGRET_PKT_BARRIER,
				},
				.count = job->calls[i].count,
				.addr = job->calls[i].va,
			},
		};
	}
	*ring_slot(dev, queue, queue->tail++) = (union egret_packet) {
		.fence = {
			.header = {
				.opcode = EGRET_OP_FENCE,
				.flags = EGRET_PKT_INTERRUPT,
			},
			.addr = queue->va + RING_BYTES,
			.value = job->number,
		},
	};
	egret_model_doorbell_write(dev->model,
				   (uint64_t)queue->hw * EGRET_DOORBELL_STRIDE +
				   EGRET_DOORBELL_TAIL, queue->tail, 8);
}

/* The first job that is not in the ring yet. */
static struct job *next_job(const struct sim_queue *queue)
{
	struct job *job = queue->jobs;

	while (job && job->number)
		job = job->next;
	return job;
}

/* Returns true if something changed that others may wait for. */
static bool advance_queue(struct backend_device *dev, struct sim_queue *queue)
{
	bool dead = queue->record.state != DRM_EGRET_QUEUE_OK;
	uint64_t done = __atomic_load_n(fence_word(dev, queue), __ATOMIC_ACQUIRE);
	bool changed = false;
	struct job *job;

	while ((job = queue->jobs) && (dead || (job->number && job->number <= done))) {
		end_job(dev, queue);
		changed = true;
	}
	while ((job = next_job(queue)) && is_ready(job) &&
	       ring_has_room(dev, queue, job->call_count + 1))
		start_job(dev, queue, job);
	return changed;
}

void sim_advance(struct backend_device *dev)
{
	bool again = true;
	uint32_t i;

	while (again) {
		again = false;
		for (i = 0; i < dev->queues_end; i++)
			if (dev->hw_queues[i] && advance_queue(dev, dev->hw_queues[i]))
				again = true;
	}
}

/* ---- Faults ---- */

static void kill_queue(struct backend_device *dev, uint32_t hw)
{
	sim_write(dev, EGRET_REG_QUEUE(hw, EGRET_Q_CTRL), EGRET_Q_CTRL_KILL);
	while (sim_read(dev, EGRET_REG_QUEUE(hw, EGRET_Q_STATUS)) != EGRET_Q_STATE_DISABLED)
		sched_yield();
}

static void read_fault(struct backend_device *dev, uint32_t hw,
		       struct drm_egret_queue_query *record)
{
	int i;

	record->state = DRM_EGRET_QUEUE_DEAD_FAULT;
	record->fault_code = sim_read(dev, EGRET_REG_QUEUE(hw, EGRET_Q_FAULT_CODE));
	record->fault_info = sim_read(dev, EGRET_REG_QUEUE(hw, EGRET_Q_FAULT_INFO));
	record->fault_value = sim_read(dev, EGRET_REG_QUEUE(hw, EGRET_Q_FAULT_VALUE));
	record->fault_addr = sim_read64(dev, EGRET_REG_QUEUE(hw, EGRET_Q_FAULT_ADDR));
	record->fault_pc = sim_read64(dev, EGRET_REG_QUEUE(hw, EGRET_Q_FAULT_PC));
	record->fault_cookie = sim_read64(dev, EGRET_REG_QUEUE(hw, EGRET_Q_FAULT_COOKIE));
	for (i = 0; i < 3; i++)
		record->fault_group[i] =
			sim_read(dev, EGRET_REG_QUEUE(hw, EGRET_Q_FAULT_GROUP_X + 4 * i));
}

void sim_handle_faults(struct backend_device *dev)
{
	uint32_t n, bit, hw, pending;

	for (n = 0; n * 32 < dev->queue_count; n++) {
		pending = sim_read(dev, EGRET_REG_FAULT_PENDING(n));
		if (pending)
			sim_write(dev, EGRET_REG_FAULT_PENDING(n), pending);
		for (bit = 0; bit < 32; bit++) {
			hw = n * 32 + bit;
			if (!(pending >> bit & 1) || hw >= dev->queue_count ||
			    !dev->hw_queues[hw])
				continue;
			read_fault(dev, hw, &dev->hw_queues[hw]->record);
			kill_queue(dev, hw);
		}
	}
}

/* ---- Queues ---- */

static int start_queue(struct backend_device *dev, struct sim_queue *queue, uint32_t priority)
{
	uint32_t hw = queue->hw, config;

	config = sim_vm_context(queue->vm) | EGRET_Q_CONFIG_SUPERVISOR |
		 priority * (EGRET_Q_CONFIG_PRIORITY_MASK & -EGRET_Q_CONFIG_PRIORITY_MASK);
	if (queue->type == DRM_EGRET_QUEUE_COPY)
		config |= EGRET_Q_CONFIG_COPY;
	config |= (EGRET_VECTOR_QUEUE_FIRST +
		   hw % (EGRET_VECTOR_QUEUE_LAST - EGRET_VECTOR_QUEUE_FIRST + 1)) << 24;
	sim_write64(dev, EGRET_REG_QUEUE(hw, EGRET_Q_RING), queue->va);
	sim_write(dev, EGRET_REG_QUEUE(hw, EGRET_Q_RING_SIZE), RING_LOG2);
	sim_write(dev, EGRET_REG_QUEUE(hw, EGRET_Q_CONFIG), config);
	sim_write(dev, EGRET_REG_QUEUE(hw, EGRET_Q_CTRL), EGRET_Q_CTRL_ENABLE);
	/* A configuration that the chip does not take leaves the queue disabled. */
	return sim_read(dev, EGRET_REG_QUEUE(hw, EGRET_Q_STATUS)) == EGRET_Q_STATE_DISABLED ?
	       -EIO : 0;
}

/* Everything of a queue that has no jobs; the hardware queue must be disabled. */
static void free_queue(struct backend_device *dev, struct sim_queue *queue)
{
	sim_vm_unmap_ring(dev, queue->vm, queue->va, QUEUE_BYTES);
	sim_give_vram(dev, queue->memory, QUEUE_BYTES);
	dev->table_bytes -= QUEUE_BYTES;
	dev->hw_queues[queue->hw] = NULL;
	while (dev->queues_end && !dev->hw_queues[dev->queues_end - 1])
		dev->queues_end--;
	sim_vm_put(dev, queue->vm);
	put_timeline(queue->timeline);
	free(queue);
}

static int make_queue(struct backend_device *dev, struct sim_queue *queue, struct sim_vm *vm)
{
	uint32_t hw;
	int ret;

	for (hw = 0; hw < dev->queue_count && dev->hw_queues[hw]; hw++)
		;
	if (hw == dev->queue_count)
		return -ENOSPC;
	ret = sim_take_vram(dev, QUEUE_BYTES, SIM_PAGE, &queue->memory);
	if (ret)
		return ret;
	queue->hw = hw;
	queue->va = SIM_VA_USER_END + (uint64_t)hw * QUEUE_BYTES;
	ret = sim_vm_map_ring(dev, vm, queue->va, queue->memory, QUEUE_BYTES);
	if (ret) {
		sim_give_vram(dev, queue->memory, QUEUE_BYTES);
		return ret;
	}
	dev->table_bytes += QUEUE_BYTES;
	queue->vm = sim_vm_get(vm);
	queue->end = &queue->jobs;
	dev->hw_queues[hw] = queue;
	if (dev->queues_end <= hw)
		dev->queues_end = hw + 1;
	return 0;
}

static int add_queue(struct backend_device *dev, struct sim_queue *queue, struct sim_vm *vm,
		     struct drm_egret_queue_create *args)
{
	int ret;

	queue->timeline = calloc(1, sizeof(*queue->timeline));
	if (!queue->timeline) {
		free(queue);
		return -ENOMEM;
	}
	queue->timeline->refs = 1;
	ret = make_queue(dev, queue, vm);
	if (ret) {
		put_timeline(queue->timeline);
		free(queue);
		return ret;
	}
	ret = start_queue(dev, queue, args->priority);
	if (ret) {
		free_queue(dev, queue);
		return ret;
	}
	queue->id = args->queue_id = ++dev->last_queue_id;
	return 0;
}

int sim_queue_create(struct backend_device *dev, struct drm_egret_queue_create *args)
{
	struct sim_queue *queue;
	struct sim_vm *vm;
	int ret;

	if (args->type > DRM_EGRET_QUEUE_COPY || args->priority > DRM_EGRET_PRIORITY_REALTIME ||
	    args->flags & ~DRM_EGRET_QUEUE_END_ON_RESET || args->pad)
		return -EINVAL;
	queue = calloc(1, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	queue->type = args->type;
	pthread_mutex_lock(&dev->lock);
	vm = sim_table_get(&dev->vms, args->vm_id);
	if (vm) {
		ret = add_queue(dev, queue, vm, args);
	} else {
		free(queue);
		ret = -ENOENT;
	}
	sim_unlock(dev);
	return ret;
}

static void destroy_queue(struct backend_device *dev, struct sim_queue *queue)
{
	kill_queue(dev, queue->hw);
	while (queue->jobs)
		end_job(dev, queue);
	free_queue(dev, queue);
	/* Jobs of other queues may have waited for these. */
	sim_advance(dev);
}

void sim_queue_destroy(struct backend_device *dev, uint32_t queue_id)
{
	struct sim_queue *queue;

	pthread_mutex_lock(&dev->lock);
	queue = find_queue(dev, queue_id);
	if (queue)
		destroy_queue(dev, queue);
	sim_unlock(dev);
}

void sim_queues_destroy(struct backend_device *dev)
{
	uint32_t i;

	pthread_mutex_lock(&dev->lock);
	for (i = 0; i < dev->queue_count; i++)
		if (dev->hw_queues[i])
			destroy_queue(dev, dev->hw_queues[i]);
	sim_unlock(dev);
}

int sim_queue_query(struct backend_device *dev, struct drm_egret_queue_query *args)
{
	struct drm_egret_queue_query answer;
	struct sim_queue *queue;

	if (args->pad)
		return -EINVAL;
	pthread_mutex_lock(&dev->lock);
	queue = find_queue(dev, args->queue_id);
	if (queue) {
		answer = queue->record;
		answer.queue_id = args->queue_id;
		answer.jobs_submitted = queue->timeline->submitted;
		answer.jobs_completed = queue->timeline->signalled;
		answer.busy_cycles =
			sim_read64(dev, EGRET_REG_QUEUE(queue->hw, EGRET_Q_BUSY_CYCLES));
		*args = answer;
	}
	sim_unlock(dev);
	return queue ? 0 : -ENOENT;
}

/* ---- Exec ---- */

static int check_calls(const struct drm_egret_call *calls, uint32_t count)
{
	uint32_t i;

	if (count > DRM_EGRET_CALLS_MAX)
		return -E2BIG;
	for (i = 0; i < count; i++)
		if (!calls[i].count || calls[i].pad || calls[i].va % EGRET_PACKET_SIZE)
			return -EINVAL;
	return 0;
}

static int add_wait(struct backend_device *dev, struct job *job,
		    const struct drm_egret_sync *wait)
{
	struct sim_timeline *timeline;
	uint64_t point = wait->point;
	int ret;

	if (wait->flags == (DRM_EGRET_SYNC_WAIT | DRM_EGRET_SYNC_JOB)) {
		ret = find_job(dev, wait->handle, wait->point, &timeline);
		if (ret)
			return ret;
	} else if (wait->flags == DRM_EGRET_SYNC_WAIT && !wait->point) {
		timeline = sim_table_get(&dev->fences_by_handle, wait->handle);
		if (!timeline)
			return -ENOENT;
		point = 1;
	} else {
		return -EINVAL;
	}
	timeline->refs++;
	job->waits[job->wait_count++] = (struct job_wait){ timeline, point };
	return 0;
}

/* Room for more elements of an array that is empty; NULL without memory. */
static void *grow(void *array, uint32_t *room, uint32_t need, size_t element)
{
	void *grown;

	if (array && *room >= need)
		return array;
	need = need < 4 ? 4 : need;
	grown = realloc(array, need * element);
	if (grown)
		*room = need;
	return grown;
}

static struct job *make_job(struct backend_device *dev, const struct drm_egret_call *calls,
			    uint32_t call_count, uint32_t wait_count)
{
	struct job *job = dev->spare_jobs;
	void *array;

	if (job)
		dev->spare_jobs = job->next;
	else
		job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	array = grow(job->calls, &job->call_room, call_count, sizeof(*job->calls));
	if (!array)
		goto no_memory;
	job->calls = array;
	array = grow(job->waits, &job->wait_room, wait_count, sizeof(*job->waits));
	if (!array)
		goto no_memory;
	job->waits = array;
	if (call_count)
		memcpy(job->calls, calls, call_count * sizeof(*calls));
	job->call_count = call_count;
	job->number = 0;
	job->next = NULL;
	return job;

no_memory:
	free_job(dev, job);
	return NULL;
}

/* Nothing can fail any more. */
static void queue_job(struct backend_device *dev, struct sim_queue *queue, struct job *job)
{
	*queue->end = job;
	queue->end = &job->next;
	queue->timeline->submitted++;
	sim_advance(dev);
}

int sim_exec(struct backend_device *dev, uint32_t queue_id, const struct drm_egret_call *calls,
	     uint32_t call_count, const struct drm_egret_sync *waits, uint32_t wait_count)
{
	struct sim_queue *queue;
	struct job *job;
	uint32_t i;
	int ret;

	ret = check_calls(calls, call_count);
	if (ret)
		return ret;
	if (wait_count > DRM_EGRET_SYNCS_MAX)
		return -E2BIG;
	pthread_mutex_lock(&dev->lock);
	job = make_job(dev, calls, call_count, wait_count);
	if (!job) {
		sim_unlock(dev);
		return -ENOMEM;
	}
	queue = find_queue(dev, queue_id);
	if (!queue)
		ret = -ENOENT;
	else if (queue->record.state != DRM_EGRET_QUEUE_OK)
		ret = -ECANCELED;
	for (i = 0; !ret && i < wait_count; i++)
		ret = add_wait(dev, job, &waits[i]);
	if (ret == 0)
		queue_job(dev, queue, job);
	else
		free_job(dev, job);
	sim_unlock(dev);
	return ret;
}
