// SPDX-License-Identifier: GPL-2.0-only
// Copyright (C) 2026 The Egret authors
/**
 * DOC: Banning
 *
 * A queue that faults or hangs is killed, and that is the end of it for everybody
 * else: the chip confines what it did. Its owner may make a new one and try again.
 * A program that does so for ever, without looking why, gets nothing done and keeps
 * an interrupt thread and the dumps busy. An administrator can set a limit to that:
 * `ban_after` offences within `ban_window_s`.
 *
 * An offence is a queue that was killed for what its packets and kernels did. An
 * engine that stands still, a memory error and an access that the bus has lost kill
 * queues too, but are nobody's mistake and do not count.
 *
 * What is banned is a client, an open file: all its queues die, and it gets no new
 * ones. Its memory stays, so that it can save what it has. A program that opens the
 * card again begins anew; who may open it is a matter of the file's permissions.
 *
 * Without a limit by default. The damage is confined without it, and those who make
 * many faults rightly, the developers of kernels, should not have to learn about a
 * parameter before they can work.
 */
#include <linux/ktime.h>
#include <linux/minmax.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "egret_client.h"

static unsigned int ban_after;
module_param(ban_after, uint, 0644);
MODULE_PARM_DESC(ban_after,
		 "Ban a client when so many of its queues have faulted or hung (default 0: never; at most "
		 __stringify(EGRET_OFFENCES_MAX) ")");

static unsigned int ban_window_s = 60;
module_param(ban_window_s, uint, 0644);
MODULE_PARM_DESC(ban_window_s,
		 "Count only those within so many seconds for ban_after (default 60)");

/**
 * egret_client_create() - note a new client
 * @id: its number
 *
 * Return: the client with a reference, or NULL.
 */
struct egret_client *egret_client_create(u64 id)
{
	struct egret_client *client = kzalloc(sizeof(*client), GFP_KERNEL_ACCOUNT);

	if (client) {
		kref_init(&client->refs);
		spin_lock_init(&client->lock);
		client->id = id;
	}
	return client;
}

static void egret_client_release(struct kref *kref)
{
	kfree(container_of(kref, struct egret_client, refs));
}

/**
 * egret_client_put() - give up a reference
 * @client: client, or NULL
 */
void egret_client_put(struct egret_client *client)
{
	if (client)
		kref_put(&client->refs, egret_client_release);
}

/**
 * egret_client_is_banned() - whether a client may have queues no more
 * @client: client
 *
 * Who asks after it has made a queue known by its number either learns of the ban, or
 * its queue is found by who bans.
 *
 * Return: true if it is banned.
 */
bool egret_client_is_banned(struct egret_client *client)
{
	bool banned;

	spin_lock(&client->lock);
	banned = client->banned;
	spin_unlock(&client->lock);
	return banned;
}

/* Whether the last offences are as many, in as short a time, as the limit says. */
static bool egret_client_is_over_limit(const struct egret_client *client)
{
	u64 limit = min_t(u64, READ_ONCE(ban_after), EGRET_OFFENCES_MAX);
	u64 window = (u64)READ_ONCE(ban_window_s) * NSEC_PER_SEC;
	u64 first;

	lockdep_assert_held(&client->lock);
	if (!limit || client->offences < limit)
		return false;
	first = client->times[(client->offences - limit) % EGRET_OFFENCES_MAX];
	return ktime_get_ns() - first <= window;
}

/**
 * egret_client_offend() - note an offence
 * @client: client
 *
 * May be called on the fence-signalling path.
 *
 * Return: whether the client is banned for it. The caller kills its queues then.
 */
bool egret_client_offend(struct egret_client *client)
{
	bool banned;

	spin_lock(&client->lock);
	client->times[client->offences++ % EGRET_OFFENCES_MAX] = ktime_get_ns();
	banned = !client->banned && egret_client_is_over_limit(client);
	if (banned)
		client->banned = true;
	spin_unlock(&client->lock);
	return banned;
}
