/* SPDX-License-Identifier: GPL-2.0-only */
/* Copyright (C) 2026 The Egret authors */
#ifndef EGRET_CLIENT_H
#define EGRET_CLIENT_H

#include <linux/kref.h>
#include <linux/spinlock.h>
#include <linux/types.h>

/* Most offences that `ban_after` can ask for. */
#define EGRET_OFFENCES_MAX	64

/**
 * struct egret_client - an open file, for those who may outlive it
 */
struct egret_client {
	/** @refs: References: of the file, and of its address spaces and queues. */
	struct kref refs;
	/** @id: &drm_file.client_id. Constant, not zero. */
	u64 id;
	/** @lock: Protects what follows. Taken on the fence-signalling path. */
	spinlock_t lock;
	/** @offences: How many queues were killed for what they did. */
	u64 offences;
	/** @times: When, for the last ones: number n is at n modulo the length. */
	u64 times[EGRET_OFFENCES_MAX];
	/** @banned: Whether it may have no queues any more. Never goes back. */
	bool banned;
};

struct egret_client *egret_client_create(u64 id);
void egret_client_put(struct egret_client *client);
bool egret_client_is_banned(struct egret_client *client);
bool egret_client_offend(struct egret_client *client);

/* NULL stands for the kernel. */
static inline struct egret_client *egret_client_get(struct egret_client *client)
{
	if (client)
		kref_get(&client->refs);
	return client;
}

/* For people who look: 0 is the kernel. */
static inline u64 egret_client_id(const struct egret_client *client)
{
	return client ? client->id : 0;
}

#endif /* EGRET_CLIENT_H */
