// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
#include "eventlog.h"
#include "mmio.h"

#define LOG_MAGIC 0x474f4c45	/* "ELOG" */

struct eventlog {
	uint32_t magic;
	uint32_t next;		/* number of the next entry */
	uint32_t check;		/* ~next: a torn or random header does not match */
	uint32_t reserved;
	struct egret_mbx_log_entry entry[EVENTLOG_ENTRIES];
};

_Static_assert(sizeof(struct eventlog) <= EGRET_MC_SRAM_KEPT_SIZE,
	       "the log does not fit into the kept part of SRAM");

static struct eventlog *const log = (struct eventlog *)EGRET_MC_SRAM_KEPT;

/* Number of the first entry that the host has not been told of. */
static uint32_t untold;

static uint32_t oldest(void)
{
	return log->next > EVENTLOG_ENTRIES ? log->next - EVENTLOG_ENTRIES : 0;
}

void eventlog_init(void)
{
	if (log->magic != LOG_MAGIC || log->check != ~log->next) {
		log->magic = LOG_MAGIC;
		log->next = 0;
		log->check = ~0u;
	}
	untold = log->next;
}

void eventlog_add(enum egret_event event, uint32_t value)
{
	struct egret_mbx_log_entry *e = &log->entry[log->next % EVENTLOG_ENTRIES];

	e->time = now_ns();
	e->event = event;
	e->value = value;
	log->next++;
	log->check = ~log->next;
}

uint32_t eventlog_next(void)
{
	return log->next;
}

uint32_t eventlog_read(uint32_t *first, struct egret_mbx_log_entry *out, uint32_t count)
{
	uint32_t i;

	if (*first < oldest())
		*first = oldest();
	if (*first > log->next)
		*first = log->next;
	if (count > log->next - *first)
		count = log->next - *first;
	for (i = 0; i < count; i++)
		out[i] = log->entry[(*first + i) % EVENTLOG_ENTRIES];
	return count;
}

/* What the host wants to know at once, and did not cause by a message of its own. */
static bool is_urgent(uint32_t event)
{
	return event == EGRET_EVENT_THROTTLE || event == EGRET_EVENT_THERMAL_STOP ||
	       event == EGRET_EVENT_ECC;
}

bool eventlog_next_urgent(struct egret_mbx_log_entry *entry)
{
	if (untold < oldest())
		untold = oldest();
	for (; untold < log->next; untold++) {
		*entry = log->entry[untold % EVENTLOG_ENTRIES];
		if (is_urgent(entry->event))
			return true;
	}
	return false;
}

void eventlog_told(void)
{
	untold++;
}
