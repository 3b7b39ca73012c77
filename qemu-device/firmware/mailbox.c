// SPDX-License-Identifier: MIT
/* Copyright (C) 2026 The Egret authors */
/*
 * Mailbox protocol, version EGRET_FW_ABI_MAJOR.EGRET_FW_ABI_MINOR.
 *
 * There is one buffer in each direction. A request is taken only when the buffer
 * to the host is empty, so that its reply always has a place, and a host that
 * does not read replies stops only itself. Replies go before events.
 *
 * A request is copied out of the buffer once, before anything of it is looked at,
 * and checked in this order: size, version, type, size for its type, values. A
 * refusal changes nothing, is answered with the reason, and is logged.
 */
#include <stddef.h>
#include <stdbool.h>

#include "eventlog.h"
#include "governor.h"
#include "limits.h"
#include "mailbox.h"
#include "memory.h"
#include "mmio.h"
#include "sensors.h"

#include <egret/regs.h>

_Static_assert(sizeof(union egret_mbx_message) == EGRET_MBX_BYTES,
	       "a message is not as large as the mailbox's buffer");

/* ---- The messages --------------------------------------------------------- */

/* Fills in all of the reply but its header; returns its status. */
typedef enum egret_mbx_status handler(const union egret_mbx_message *request,
				      union egret_mbx_message *reply);

static enum egret_mbx_status hello(const union egret_mbx_message *request,
				   union egret_mbx_message *reply)
{
	struct egret_mbx_hello *r = &reply->hello;
	uint32_t p;

	(void)request;
	r->fw_version = mc_read(EGRET_MC_FW_VERSION);
	r->power_cap_min = mc_read(EGRET_MC_POWER_CAP_MIN);
	r->power_cap_max = mc_read(EGRET_MC_POWER_CAP_MAX);
	r->power_cap_default = mc_read(EGRET_MC_POWER_CAP_DEFAULT);
	r->temp_throttle = mc_read(EGRET_MC_TEMP_THROTTLE);
	r->temp_critical = mc_read(EGRET_MC_TEMP_CRITICAL);
	for (p = 0; p < EGRET_MC_PSTATES; p++) {
		r->clock_khz[p] = mc_read(EGRET_MC_PSTATE_CLOCK(p));
		r->voltage_mv[p] = mc_read(EGRET_MC_PSTATE_VOLTAGE(p));
	}
	return EGRET_MBX_OK;
}

static enum egret_mbx_status get_sensors(const union egret_mbx_message *request,
					 union egret_mbx_message *reply)
{
	struct egret_mbx_sensors *r = &reply->sensors;

	(void)request;
	sensors_update(now_ns());
	r->temperature = (uint32_t)sensors.temperature;
	r->power = sensors.power;
	r->energy = sensors.energy;
	r->voltage = mc_read(EGRET_MC_VOLTAGE);
	r->clock = mc_read(EGRET_MC_CLOCK);
	r->pstate = governor_pstate();
	r->throttle = governor_throttle();
	return EGRET_MBX_OK;
}

static enum egret_mbx_status set_pstate(const union egret_mbx_message *request,
					union egret_mbx_message *reply)
{
	(void)reply;
	if (thermal_stopped())
		return EGRET_MBX_E_BUSY;
	if (request->value.reserved || !governor_set_limit(request->value.value))
		return EGRET_MBX_E_VALUE;
	return EGRET_MBX_OK;
}

static enum egret_mbx_status set_power_cap(const union egret_mbx_message *request,
					   union egret_mbx_message *reply)
{
	(void)reply;
	if (thermal_stopped())
		return EGRET_MBX_E_BUSY;
	if (request->value.reserved || !power_set_cap(request->value.value))
		return EGRET_MBX_E_VALUE;
	return EGRET_MBX_OK;
}

static enum egret_mbx_status read_log(const union egret_mbx_message *request,
				      union egret_mbx_message *reply)
{
	struct egret_mbx_log *r = &reply->log;
	uint32_t first = request->log.first;

	r->count = eventlog_read(&first, r->entry, sizeof(r->entry) / sizeof(r->entry[0]));
	r->first = first;
	r->next = eventlog_next();
	return EGRET_MBX_OK;
}

static enum egret_mbx_status prepare_sleep(const union egret_mbx_message *request,
					   union egret_mbx_message *reply)
{
	(void)request;
	(void)reply;
	governor_set_sleep(true);
	return EGRET_MBX_OK;
}

/* Sizes are those of protocol version 1.0: what later versions add is optional. */
static const struct message_type {
	uint16_t type;
	uint16_t request_size;	/* shortest request */
	uint16_t reply_size;	/* of a reply that is no refusal */
	handler *handle;
} types[] = {
	{ EGRET_MBX_HELLO, sizeof(struct egret_mbx_header),
	  sizeof(struct egret_mbx_hello), hello },
	{ EGRET_MBX_GET_SENSORS, sizeof(struct egret_mbx_header),
	  sizeof(struct egret_mbx_sensors), get_sensors },
	{ EGRET_MBX_SET_PSTATE, sizeof(struct egret_mbx_value),
	  sizeof(struct egret_mbx_value), set_pstate },
	{ EGRET_MBX_SET_POWER_CAP, sizeof(struct egret_mbx_value),
	  sizeof(struct egret_mbx_value), set_power_cap },
	{ EGRET_MBX_READ_LOG, offsetof(struct egret_mbx_log, count),
	  sizeof(struct egret_mbx_log), read_log },
	{ EGRET_MBX_PREPARE_SLEEP, sizeof(struct egret_mbx_header),
	  sizeof(struct egret_mbx_header), prepare_sleep },
};

static const struct message_type *find_type(uint16_t type)
{
	uint32_t i;

	for (i = 0; i < sizeof(types) / sizeof(types[0]); i++)
		if (types[i].type == type)
			return &types[i];
	return NULL;
}

/* Returns the status; the reply's size is that of its type unless it is a refusal. */
static enum egret_mbx_status answer(const union egret_mbx_message *request,
				    union egret_mbx_message *reply)
{
	const struct egret_mbx_header *h = &request->header;
	const struct message_type *type;
	enum egret_mbx_status status;

	if (h->size < sizeof(*h) || h->size > EGRET_MBX_BYTES)
		return EGRET_MBX_E_SIZE;
	if (h->abi_major != EGRET_FW_ABI_MAJOR)
		return EGRET_MBX_E_ABI;
	type = find_type(h->type);
	if (!type)
		return EGRET_MBX_E_TYPE;
	if (h->size < type->request_size)
		return EGRET_MBX_E_SIZE;
	/* Whatever comes after PREPARE_SLEEP says that the host is awake. */
	if (h->type != EGRET_MBX_PREPARE_SLEEP)
		governor_set_sleep(false);
	status = type->handle(request, reply);
	if (status == EGRET_MBX_OK)
		reply->header.size = type->reply_size;
	return status;
}

/* ---- The buffers ------------------------------------------------------------- */

/* What the sender did not send reads as zero, whatever the buffer holds there. */
static void receive(union egret_mbx_message *m)
{
	uint32_t i, size;

	m->words[0] = mc_read(EGRET_MC_MBX_REQUEST_DATA(0));
	size = m->header.size;
	if (size < sizeof(m->header))
		size = sizeof(m->header);
	if (size > EGRET_MBX_BYTES)
		size = EGRET_MBX_BYTES;
	for (i = 1; i < EGRET_MBX_BYTES / 4; i++)
		m->words[i] = 4 * i < size ? mc_read(EGRET_MC_MBX_REQUEST_DATA(i)) : 0;
	for (i = size; i & 3; i++)
		((uint8_t *)m)[i] = 0;
	mc_write(EGRET_MC_MBX_REQUEST, EGRET_MBX_FULL);
}

static void send(const union egret_mbx_message *m)
{
	uint32_t i;

	for (i = 0; i < EGRET_MBX_BYTES / 4; i++)
		mc_write(EGRET_MC_MBX_REPLY_DATA(i), m->words[i]);
	mc_write(EGRET_MC_MBX_REPLY, EGRET_MBX_FULL);
}

static void serve_request(void)
{
	static union egret_mbx_message request, reply;	/* static: they would be most of the stack */
	enum egret_mbx_status status;

	receive(&request);
	memset(&reply, 0, sizeof(reply));
	reply.header = request.header;
	reply.header.type |= EGRET_MBX_REPLY;
	reply.header.size = sizeof(reply.header);
	reply.header.abi_major = EGRET_FW_ABI_MAJOR;
	reply.header.abi_minor = EGRET_FW_ABI_MINOR;
	status = answer(&request, &reply);
	reply.header.status = status;
	if (status != EGRET_MBX_OK)
		eventlog_add(EGRET_EVENT_MAILBOX, status);
	send(&reply);
}

static void send_event(const struct egret_mbx_log_entry *e)
{
	static union egret_mbx_message m;

	memset(&m, 0, sizeof(m));
	m.header.type = EGRET_MBX_EVENT;
	m.header.size = sizeof(m.event);
	m.header.abi_major = EGRET_FW_ABI_MAJOR;
	m.header.abi_minor = EGRET_FW_ABI_MINOR;
	m.event.time = e->time;
	m.event.event = e->event;
	m.event.value = e->value;
	send(&m);
}

static bool request_waits(void)
{
	return mc_read(EGRET_MC_MBX_REQUEST) & EGRET_MBX_FULL;
}

static bool reply_pending(void)
{
	return mc_read(EGRET_MC_MBX_REPLY) & EGRET_MBX_FULL;
}

bool mailbox_poll(void)
{
	struct egret_mbx_log_entry urgent;

	if (reply_pending())
		return false;
	if (request_waits()) {
		serve_request();
		return true;
	}
	if (eventlog_next_urgent(&urgent)) {
		send_event(&urgent);
		eventlog_told();
	}
	return false;
}

uint32_t mailbox_events(void)
{
	struct egret_mbx_log_entry urgent;

	if (request_waits())
		return reply_pending() ? EGRET_MC_EVENT_REPLY_FREE : EGRET_MC_EVENT_REQUEST;
	return EGRET_MC_EVENT_REQUEST |
	       (eventlog_next_urgent(&urgent) ? EGRET_MC_EVENT_REPLY_FREE : 0);
}
