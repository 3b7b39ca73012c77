/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
#ifndef ACCEL_HOST_H
#define ACCEL_HOST_H

/*
 * What POSIX leaves to each system, for all but the DRM backend. On Linux the system's own
 * means, elsewhere (or with ACCEL_HOST_PORTABLE) what any has.
 */

#include <stdbool.h>
#include <stdint.h>

/*
 * A pair of descriptors: one to be polled, which is readable from when the other is raised until
 * it is cleared. Raising and clearing never block. The one who polls may close its end at any
 * time. Returns 0 or a negative errno.
 */
int accel_host_signal(int *polled, int *raised);
void accel_host_signal_raise(int raised);
void accel_host_signal_clear(int polled);

/*
 * A descriptor of memory full of zeros that processes can share by mapping it, whose size
 * nobody can change. Returns a negative errno if there is none.
 */
int accel_host_memory(uint64_t size);

/* True if it is such memory; its size then. */
bool accel_host_is_memory(int fd, uint64_t *size);

/* How the work behind a descriptor that is signalled ended: 0, or a negative errno. */
int accel_host_fence_status(int fd);

#endif /* ACCEL_HOST_H */
