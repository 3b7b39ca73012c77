// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Work without end, for tests of power management: jobs of packets that do nothing.
 * The card's property inject-slow-down lets each take its time without any effort of
 * the machine that emulates it.
 */
#include "egret_test.h"

#define PACKETS	8

int main(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	unsigned int i;

	for (;;) {
		c.packets = 0;
		c.first = 0;
		for (i = 0; i < PACKETS; i++)
			packet(&c, EGRET_OP_NOP, 0);
		CHECK_OK(run(&c));
	}
}
