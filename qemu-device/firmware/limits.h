/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The two control loops that may forbid fast performance states: heat and power.
 *
 * Each holds a floor, the fastest state that it allows at present (0 allows all),
 * and moves it by one state at a time.
 */
#ifndef FIRMWARE_LIMITS_H
#define FIRMWARE_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/** thermal_update() - call at every tick, after sensors_update() */
void thermal_update(uint64_t now);
uint32_t thermal_floor(void);
/** thermal_stopped() - whether the chip was shut down at the critical temperature */
bool thermal_stopped(void);

void power_init(void);
/** power_update() - call at every tick, after sensors_update() and before a new state is set */
void power_update(uint64_t now, uint32_t pstate);
uint32_t power_floor(void);

/**
 * power_set_cap() - change the power cap
 * @mw: within the card's limits; 0 is the card's default
 *
 * Return: false if it is out of range; nothing has changed then.
 */
bool power_set_cap(uint32_t mw);

#endif /* FIRMWARE_LIMITS_H */
