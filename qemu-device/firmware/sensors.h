/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* What the sensors said at the last tick, and the mean power derived from it. */
#ifndef FIRMWARE_SENSORS_H
#define FIRMWARE_SENSORS_H

#include <stdint.h>

struct sensors {
	int32_t temperature;	/* 1/1000 degree */
	uint32_t power;		/* mW, mean over the last 100 ms */
	uint64_t energy;	/* uJ since power-on */
};

extern struct sensors sensors;

/** sensors_init() - first reading */
void sensors_init(uint64_t now);

/** sensors_update() - read the sensors and publish temperature and power to the host */
void sensors_update(uint64_t now);

#endif /* FIRMWARE_SENSORS_H */
