/* SPDX-License-Identifier: MIT */
/* Copyright (C) 2026 The Egret authors */
/* The mailbox: answers the host's requests, and sends it events. */
#ifndef FIRMWARE_MAILBOX_H
#define FIRMWARE_MAILBOX_H

#include <stdbool.h>
#include <stdint.h>

/**
 * mailbox_poll() - do what can be done now
 *
 * Return: true if a request was served, which may have changed what the governor
 * has to respect.
 */
bool mailbox_poll(void);

/** mailbox_events() - events (EGRET_MC_EVENT_*) after which there is more to do */
uint32_t mailbox_events(void);

#endif /* FIRMWARE_MAILBOX_H */
