// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Locks that are found taken.
 *
 * No wake-up is lost: who wants to sleep marks the lock as awaited with the mutex held, and
 * keeps it until it sleeps; who then frees the lock sees the mark, and takes the mutex before
 * it signals. A thread that has slept leaves the mark when it takes the lock, since others
 * may sleep too: one signal too many is better than one too few.
 */
#include "lock.h"

void accel_lock_init(struct lock *lock)
{
	atomic_init(&lock->state, LOCK_FREE);
	pthread_mutex_init(&lock->mutex, NULL);
	pthread_cond_init(&lock->free, NULL);
}

void accel_lock_destroy(struct lock *lock)
{
	pthread_cond_destroy(&lock->free);
	pthread_mutex_destroy(&lock->mutex);
}

void accel_lock_sleep(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	while (atomic_exchange_explicit(&lock->state, LOCK_AWAITED, memory_order_acquire) !=
	       LOCK_FREE)
		pthread_cond_wait(&lock->free, &lock->mutex);
	pthread_mutex_unlock(&lock->mutex);
}

void accel_lock_wake(struct lock *lock)
{
	pthread_mutex_lock(&lock->mutex);
	pthread_cond_signal(&lock->free);
	pthread_mutex_unlock(&lock->mutex);
}

void accel_lock_wait(struct lock *lock, pthread_cond_t *condition)
{
	pthread_mutex_lock(&lock->mutex);
	if (atomic_exchange_explicit(&lock->state, LOCK_FREE, memory_order_release) ==
	    LOCK_AWAITED)
		pthread_cond_signal(&lock->free);
	pthread_cond_wait(condition, &lock->mutex);
	pthread_mutex_unlock(&lock->mutex);
	accel_lock(lock);
}

void accel_lock_broadcast(struct lock *lock, pthread_cond_t *condition)
{
	pthread_mutex_lock(&lock->mutex);
	pthread_cond_broadcast(condition);
	pthread_mutex_unlock(&lock->mutex);
}
