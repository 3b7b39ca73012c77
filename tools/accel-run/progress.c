// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * What takes long is a call of the library, or many of them. So a thread draws the line, and there
 * is one only if there may be a line.
 */
#include "progress.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define QUIET_MS	1000	/* before the first line: most things are done by then */
#define REDRAW_MS	200

static struct {
	bool allowed;
	bool running;			/* there is a thread */
	const char *what;
	unsigned int total;
	atomic_uint done;
	struct timespec begin;
	pthread_t thread;
	pthread_mutex_t lock;		/* protects what follows, and the line */
	pthread_cond_t changed;
	bool hidden, drawn;
} progress = { .lock = PTHREAD_MUTEX_INITIALIZER };

void progress_allow(void)
{
	const char *term = getenv("TERM");

	progress.allowed = isatty(STDERR_FILENO) && term && strcmp(term, "dumb");
}

static double elapsed(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - progress.begin.tv_sec) +
	       (double)(now.tv_nsec - progress.begin.tv_nsec) * 1e-9;
}

/* "1:05" */
static void format_time(char text[32], double seconds)
{
	const unsigned int whole = (unsigned int)seconds;

	snprintf(text, 32, "%u:%02u", whole / 60, whole % 60);
}

#define CLEAR	"\r\033[K"

static void draw(void)
{
	const unsigned int done = atomic_load(&progress.done);
	const double time = elapsed();
	char since[32], left[32];

	format_time(since, time);
	if (!progress.total) {
		fprintf(stderr, CLEAR "%s ... %s", progress.what, since);
	} else if (!done) {
		fprintf(stderr, CLEAR "%s: 0 of %u, %s", progress.what, progress.total, since);
	} else {
		format_time(left, time / done * (progress.total - done));
		fprintf(stderr, CLEAR "%s: %u of %u, %s, about %s left", progress.what, done,
			progress.total, since, left);
	}
	fflush(stderr);
	progress.drawn = true;
}

static struct timespec later(unsigned int ms)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	time.tv_nsec += (long)(ms % 1000) * 1000000;
	time.tv_sec += ms / 1000 + time.tv_nsec / 1000000000;
	time.tv_nsec %= 1000000000;
	return time;
}

static void *show(void *unused)
{
	struct timespec next = later(QUIET_MS);

	(void)unused;
	pthread_mutex_lock(&progress.lock);
	while (!progress.hidden) {
		if (!pthread_cond_timedwait(&progress.changed, &progress.lock, &next))
			continue;
		draw();
		next = later(REDRAW_MS);
	}
	pthread_mutex_unlock(&progress.lock);
	return NULL;
}

void progress_begin(const char *what, unsigned int total)
{
	pthread_condattr_t monotonic;

	if (!progress.allowed)
		return;
	progress.what = what;
	progress.total = total;
	progress.hidden = progress.drawn = false;
	atomic_store(&progress.done, 0);
	clock_gettime(CLOCK_MONOTONIC, &progress.begin);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&progress.changed, &monotonic);
	pthread_condattr_destroy(&monotonic);
	/* If it cannot be made, there is no line. */
	progress.running = !pthread_create(&progress.thread, NULL, show, NULL);
}

void progress_step(void)
{
	atomic_fetch_add(&progress.done, 1);
}

void progress_hide(void)
{
	if (!progress.running)
		return;
	pthread_mutex_lock(&progress.lock);
	progress.hidden = true;
	pthread_cond_signal(&progress.changed);
	if (progress.drawn) {
		fputs(CLEAR, stderr);
		fflush(stderr);
		progress.drawn = false;
	}
	pthread_mutex_unlock(&progress.lock);
}

void progress_end(void)
{
	if (!progress.running)
		return;
	progress_hide();
	pthread_join(progress.thread, NULL);
	pthread_cond_destroy(&progress.changed);
	progress.running = false;
}
