/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* Which performance state the chip is in, and why. */
#ifndef FIRMWARE_GOVERNOR_H
#define FIRMWARE_GOVERNOR_H

#include <stdbool.h>
#include <stdint.h>

void governor_init(uint64_t now);

/** governor_update() - choose the state; @work says whether the engines have any */
void governor_update(uint64_t now, bool work);

/** governor_idle() - whether the state is slow for want of work, so that new work is to wake us */
bool governor_idle(void);

uint32_t governor_pstate(void);
uint32_t governor_throttle(void);

/** governor_set_limit() - fastest state that the host allows; false if there is no such state */
bool governor_set_limit(uint32_t pstate);

/** governor_set_sleep() - stay in the slowest state, or no longer */
void governor_set_sleep(bool sleep);
bool governor_sleeps(void);

#endif /* FIRMWARE_GOVERNOR_H */
