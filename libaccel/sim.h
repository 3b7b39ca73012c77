/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_SIM_H
#define ACCEL_SIM_H

/*
 * The simulator backend: the chip model in this process, and in place of the kernel
 * driver just enough of one to run it.
 *
 *   sim.c         the device: model, registers, interrupts, the backend's table
 *   sim_memory.c  buffers, address spaces and their page tables
 *   sim_queue.c   queues, jobs, and who waits for them
 *   sim_fence.c   waiting for file descriptors
 *
 * One lock protects everything of a device. The model calls back from its own threads,
 * and for an interrupt perhaps from a register access made under that lock. So the interrupt
 * callback does what a driver's interrupt handler would only if the lock is free, which saves
 * a change of threads at the end of each job; otherwise it wakes the device's thread for it.
 * A fault is always for that thread: it waits for the model's to put the queue away.
 */

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <model/egret_model.h>

#include "backend.h"
#include "range.h"

/* Objects by number, from 1 on; 0 is none. */
struct sim_table {
	void **slots;
	uint32_t count;
};

/* The new number, or 0 without memory. */
uint32_t sim_table_add(struct sim_table *table, void *object);
void *sim_table_get(const struct sim_table *table, uint32_t number);
/* Returns what was there, or NULL. */
void *sim_table_take(struct sim_table *table, uint32_t number);

struct backend_device {
	struct egret_model *model;
	uint8_t *vram;
	uint64_t vram_size;
	uint32_t queue_count, context_count;
	char version[32];

	/* Interrupts that have come: bit n is vector n. */
	pthread_mutex_t irq_lock;
	pthread_cond_t irq_come;
	uint32_t irqs;
	bool stopping;
	pthread_t thread;

	/* Protects everything below. */
	pthread_mutex_t lock;
	pthread_cond_t changed;		/* a timeline moved on */
	bool moved_on;			/* so @changed is to be signalled, by sim_unlock() */
	struct ranges vram_free;
	uint64_t table_bytes;		/* device memory of page tables, rings, fences */
	struct sim_table bos, vms, fences_by_handle;
	struct sim_vm **contexts;	/* by hardware context */
	struct sim_queue **hw_queues;	/* by hardware queue */
	uint32_t last_queue_id;
	uint32_t queues_end;		/* behind the last one that exists */
	struct job *spare_jobs;		/* of sim_queue.c */
	struct sim_fence *fences;	/* of sim_fence.c, as are the next three */
	int fences_woken;		/* its thread polls it; -1 as long as it does not run */
	int fences_wake;		/* raised to wake it; see host.h */
	bool fences_stopping;
	pthread_t fences_thread;
};

/* ---- Registers (sim.c) ---- */

uint32_t sim_read(struct backend_device *dev, uint32_t reg);
uint64_t sim_read64(struct backend_device *dev, uint32_t reg);
void sim_write(struct backend_device *dev, uint32_t reg, uint32_t value);
void sim_write64(struct backend_device *dev, uint32_t reg, uint64_t value);

/* ---- Memory (sim_memory.c); with the lock held ---- */

#define SIM_PAGE	4096u

/* Addresses of the simulator itself lie above those of its users. */
#define SIM_VA_USER_END	(EGRET_VA_END - ((uint64_t)1 << 30))

struct sim_bo;
struct sim_vm;

/* Zeroed pages of device memory, for tables and rings. */
int sim_take_vram(struct backend_device *dev, uint64_t size, uint64_t align, uint64_t *offset);
void sim_give_vram(struct backend_device *dev, uint64_t offset, uint64_t size);

struct sim_vm *sim_vm_get(struct sim_vm *vm);
void sim_vm_put(struct backend_device *dev, struct sim_vm *vm);
uint32_t sim_vm_context(const struct sim_vm *vm);

/* Map device memory for packets in a ring only, or unmap it. */
int sim_vm_map_ring(struct backend_device *dev, struct sim_vm *vm, uint64_t va,
		    uint64_t offset, uint64_t size);
void sim_vm_unmap_ring(struct backend_device *dev, struct sim_vm *vm, uint64_t va,
		       uint64_t size);

/* ---- The backend's functions ---- */

int sim_bo_create(struct backend_device *dev, struct drm_egret_bo_create *args);
void sim_bo_destroy(struct backend_device *dev, uint32_t handle);
int sim_bo_map(struct backend_device *dev, uint32_t handle, uint64_t size, void **ptr);
void sim_bo_unmap(struct backend_device *dev, void *ptr, uint64_t size);
int sim_bo_export(struct backend_device *dev, uint32_t handle, int *fd);
int sim_bo_import(struct backend_device *dev, int fd, uint32_t *handle, uint64_t *size);
int sim_vm_create(struct backend_device *dev, uint32_t *vm_id);
void sim_vm_destroy(struct backend_device *dev, uint32_t vm_id);
int sim_vm_bind(struct backend_device *dev, uint32_t vm_id,
		const struct drm_egret_bind_op *ops, uint32_t count);

int sim_queue_create(struct backend_device *dev, struct drm_egret_queue_create *args);
void sim_queue_destroy(struct backend_device *dev, uint32_t queue_id);
int sim_queue_query(struct backend_device *dev, struct drm_egret_queue_query *args);
int sim_exec(struct backend_device *dev, uint32_t queue_id, const struct drm_egret_call *calls,
	     uint32_t call_count, const struct drm_egret_sync *waits, uint32_t wait_count);
int sim_queue_wait(struct backend_device *dev, uint32_t queue_id, uint64_t job,
		   int64_t deadline);
int sim_queue_fd(struct backend_device *dev, uint32_t queue_id, uint64_t job);
int sim_fence_import(struct backend_device *dev, int fd, uint32_t *handle);
void sim_fence_destroy(struct backend_device *dev, uint32_t handle);

/* Timelines (sim_queue.c); with the lock held. One with a point that will be signalled. */
struct sim_timeline *sim_timeline_promise(struct backend_device *dev, uint32_t *handle,
					  uint64_t point);
/* Keep the promise, and drop the reference that it held. */
void sim_timeline_fulfil(struct backend_device *dev, struct sim_timeline *timeline,
			 uint64_t point);

/* Stop waiting for file descriptors (sim_fence.c). Takes the lock. */
void sim_fences_stop(struct backend_device *dev);

/* Destroy all queues. Takes the lock. */
void sim_queues_destroy(struct backend_device *dev);
/* Free what is kept for later jobs. */
void sim_free_jobs(struct backend_device *dev);

/* Look at every queue: complete, cancel, start. With the lock held. */
void sim_advance(struct backend_device *dev);

/*
 * Give the device's lock back, and then tell who waits that a timeline moved on: told before,
 * they would wait for the lock at once.
 */
void sim_unlock(struct backend_device *dev);
/* A queue has faulted: see which, and why. With the lock held. */
void sim_handle_faults(struct backend_device *dev);

#endif /* ACCEL_SIM_H */
