/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/*
 * The event log: a ring in the part of SRAM that outlives the firmware.
 *
 * Entries are numbered from power-on, across restarts of the firmware, and kept
 * until EVENTLOG_ENTRIES newer ones have come. The host reads them with
 * EGRET_MBX_READ_LOG; the urgent ones are also sent to it as they come.
 */
#ifndef FIRMWARE_EVENTLOG_H
#define FIRMWARE_EVENTLOG_H

#include <stdbool.h>
#include <stdint.h>

#include <egret/firmware.h>

#define EVENTLOG_ENTRIES 256

/** eventlog_init() - take over the log that the last firmware left, or begin one */
void eventlog_init(void);

/** eventlog_add() - note that @event has happened now */
void eventlog_add(enum egret_event event, uint32_t value);

/** eventlog_next() - number that the next entry will have */
uint32_t eventlog_next(void);

/**
 * eventlog_read() - copy entries
 * @first: number of the first one wanted; set to that of the first one copied,
 *	which is later if the wanted one is gone, and earlier if it is yet to come
 * @out: room for @count entries
 *
 * Return: how many were copied.
 */
uint32_t eventlog_read(uint32_t *first, struct egret_mbx_log_entry *out, uint32_t count);

/**
 * eventlog_next_urgent() - the oldest entry that the host is to be told and was not
 *
 * Return: false if there is none. The entry counts as told after eventlog_told().
 */
bool eventlog_next_urgent(struct egret_mbx_log_entry *entry);
void eventlog_told(void);

#endif /* FIRMWARE_EVENTLOG_H */
