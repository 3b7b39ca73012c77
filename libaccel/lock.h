/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_LOCK_H
#define ACCEL_LOCK_H

/*
 * The lock of what is locked very often, for a short time, and nearly always by one thread.
 *
 * Taking and leaving it free is an atomic instruction each, where pthread_mutex_t takes some
 * sixty instructions for both. Who finds it taken sleeps with a mutex and a condition, so
 * that nothing here is known to one kernel only.
 */

#include <pthread.h>
#include <stdatomic.h>

enum { LOCK_FREE, LOCK_TAKEN, LOCK_AWAITED };	/* awaited: taken, and somebody may sleep */

struct lock {
	atomic_uint state;
	pthread_mutex_t mutex;	/* of those who sleep, and wake them */
	pthread_cond_t free;
};

void accel_lock_init(struct lock *lock);
void accel_lock_destroy(struct lock *lock);
void accel_lock_sleep(struct lock *lock);
void accel_lock_wake(struct lock *lock);

/*
 * Leave the lock until the condition is broadcast, and take it again. It may return without
 * reason. Who broadcasts has the lock.
 */
void accel_lock_wait(struct lock *lock, pthread_cond_t *condition);
void accel_lock_broadcast(struct lock *lock, pthread_cond_t *condition);

static inline void accel_lock(struct lock *lock)
{
	unsigned int expected = LOCK_FREE;

	if (!atomic_compare_exchange_strong_explicit(&lock->state, &expected, LOCK_TAKEN,
						     memory_order_acquire, memory_order_relaxed))
		accel_lock_sleep(lock);
}

static inline void accel_unlock(struct lock *lock)
{
	if (atomic_exchange_explicit(&lock->state, LOCK_FREE, memory_order_release) ==
	    LOCK_AWAITED)
		accel_lock_wake(lock);
}

#endif /* ACCEL_LOCK_H */
