// SPDX-License-Identifier: MIT
// Copyright (C) 2026 The Egret authors
/*
 * Tracepoints: what a person, or a script for perf or trace-cmd, can find out from
 * them about jobs, binds, faults and the card. All are enabled in all of it.
 */
#include "egret_test.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TRACING	"/sys/kernel/tracing/"

struct record {
	char event[32];
	double time;
	uint64_t client;
	uint64_t queue;
	uint64_t vm;
	uint64_t context;
	uint64_t seqno;
	const char *text;
};

struct trace {
	struct record *record;
	unsigned int count;
};

static void trace_begin(void)
{
	if (access(TRACING "events/egret", F_OK))
		test_skip("this kernel has no tracing");
	write_text(TRACING "tracing_on", "1");
	write_text(TRACING "buffer_size_kb", "4096");
	write_text(TRACING "trace", "0");
	write_text(TRACING "events/egret/enable", "1");
}

static uint64_t field(const char *text, const char *key)
{
	char pattern[32];
	const char *at;

	snprintf(pattern, sizeof(pattern), " %s=", key);
	at = strstr(text, pattern);
	return at ? strtoull(at + strlen(pattern), NULL, 0) : ~0ULL;
}

/* "  comm-pid  [cpu] flags seconds: event: dev=... key=value ..." */
static bool parse_record(char *line, struct record *r)
{
	char *event = strstr(line, ": egret_"), *time, *end;

	if (*line == '#' || !event)
		return false;
	*event = 0;
	time = strrchr(line, ' ');
	CHECK(time);
	r->time = strtod(time, NULL);
	event += 2;
	end = strchr(event, ':');
	CHECK(end && end - event < (ptrdiff_t)sizeof(r->event));
	memcpy(r->event, event, end - event);
	r->event[end - event] = 0;
	r->text = end + 1;
	r->client = field(r->text, "client");
	r->queue = field(r->text, "queue");
	r->vm = field(r->text, "vm");
	r->context = field(r->text, "context");
	r->seqno = field(r->text, "seqno");
	return true;
}

/* What was traced, in the order of time. */
static struct trace trace_end(void)
{
	struct trace t = {};
	char *text, *line;

	write_text(TRACING "events/egret/enable", "0");
	text = read_text(TRACING "trace");
	CHECK(!strstr(text, "EVENTS DROPPED"));
	for (line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		t.record = realloc(t.record, (t.count + 1) * sizeof(*t.record));
		CHECK(t.record);
		memset(&t.record[t.count], 0, sizeof(*t.record));
		t.count += parse_record(line, &t.record[t.count]);
	}
	CHECK(t.count);
	return t;
}

static const struct record *find(const struct trace *t, const char *event, const char *text)
{
	unsigned int i;

	for (i = 0; i < t->count; i++)
		if (!strcmp(t->record[i].event, event) && strstr(t->record[i].text, text))
			return &t->record[i];
	return NULL;
}

static const struct record *need(const struct trace *t, const char *event, const char *text)
{
	const struct record *r = find(t, event, text);
	unsigned int i;

	if (r)
		return r;
	for (i = 0; i < t->count && i < 200; i++)
		printf("# %f %s%s\n", t->record[i].time, t->record[i].event, t->record[i].text);
	test_fail(__FILE__, __LINE__, "no %s with '%s'", event, text);
}

/* ---- jobs --------------------------------------------------------------------------- */

/* The one record of an event about a job. */
static const struct record *of_job(const struct trace *t, const char *event, uint64_t context,
				   uint64_t seqno)
{
	const struct record *found = NULL;
	unsigned int i;

	for (i = 0; i < t->count; i++) {
		const struct record *r = &t->record[i];

		if (strcmp(r->event, event) || r->context != context || r->seqno != seqno)
			continue;
		CHECK(!found);
		found = r;
	}
	if (!found)
		test_fail(__FILE__, __LINE__, "no %s of job %llu", event,
			  (unsigned long long)seqno);
	return found;
}

/* Each job: submitted, run, ended, in this order, and jobs of a queue one after the other. */
static void test_jobs(void)
{
	enum { JOBS = 20 };
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t client = fdinfo(c.fd, "drm-client-id"), context;
	const struct record *submit_, *run_, *end_, *last = NULL;
	struct trace t;
	unsigned int i;
	char mine[32];

	trace_begin();
	for (i = 0; i < JOBS - 2; i++) {
		packet_fill(&c, bo.va, 8, 8, i, 0);
		CHECK_OK(submit(&c, NULL, 0));
	}
	CHECK_OK(exec_calls(c.fd, c.queue, NULL, 0, NULL, 0));
	packet(&c, EGRET_OP_NOP, 0);
	CHECK_OK(run(&c));
	t = trace_end();

	snprintf(mine, sizeof(mine), " client=%llu ", (unsigned long long)client);
	context = need(&t, "egret_job_submit", mine)->context;
	for (i = 1; i <= JOBS; i++) {
		submit_ = of_job(&t, "egret_job_submit", context, i);
		run_ = of_job(&t, "egret_job_run", context, i);
		end_ = of_job(&t, "egret_job_end", context, i);
		CHECK_EQ(submit_->client, client);
		CHECK_EQ(run_->client, client);
		CHECK_EQ(end_->client, client);
		CHECK_EQ(run_->queue, submit_->queue);
		CHECK_EQ(end_->queue, submit_->queue);
		CHECK_EQ(field(submit_->text, "calls"), i != JOBS - 1);
		CHECK(submit_->time <= run_->time);
		CHECK(run_->time <= end_->time);
		CHECK(!strstr(end_->text, "cancelled"));
		if (last)
			CHECK(last->time <= end_->time);
		last = end_;
	}
}

/* What keeps a job waiting can be told from the times: here, another job. */
static void test_waits(void)
{
	struct client a = client_open(DRM_EGRET_QUEUE_COPY);
	struct client b = client_fork(&a, DRM_EGRET_QUEUE_COPY);
	struct bo bo = client_bo(&a, PAGE, DRM_EGRET_BO_SYSTEM);
	uint32_t first = syncobj_create(a.fd), second = syncobj_create(a.fd);
	struct drm_egret_sync syncs[2];
	const struct record *r[2][3];
	struct trace t;
	unsigned int i, jobs = 0;

	trace_begin();
	packet_wait(&a, bo.va, 1);
	syncs[0] = sync_signal(first, 0);
	CHECK_OK(submit(&a, syncs, 1));
	syncs[0] = sync_wait(first, 0);
	syncs[1] = sync_signal(second, 0);
	packet_fill(&b, bo.va + 8, 8, 8, 1, 0);
	CHECK_OK(submit(&b, syncs, 2));
	sleep_ms(50);
	bo.u64[0] = 1;
	CHECK_OK(syncobj_wait(a.fd, second, 0, 20000));
	t = trace_end();

	for (i = 0; i < t.count && jobs < 2; i++)
		if (!strcmp(t.record[i].event, "egret_job_submit") && t.record[i].client) {
			r[jobs][0] = &t.record[i];
			r[jobs][1] = of_job(&t, "egret_job_run", r[jobs][0]->context, 1);
			r[jobs][2] = of_job(&t, "egret_job_end", r[jobs][0]->context, 1);
			jobs++;
		}
	CHECK_EQ(jobs, 2);
	/* The first was on the card, the second was held back until its end. */
	CHECK(r[0][1]->time < r[1][0]->time + 0.05);
	CHECK(r[1][1]->time >= r[0][2]->time);
}

/* ---- binds -------------------------------------------------------------------------------- */

static void test_binds(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	struct bo bo = bo_create(c.fd, MiB, DRM_EGRET_BO_SYSTEM, c.vm);
	struct bo flag = client_bo(&c, PAGE, DRM_EGRET_BO_SYSTEM);
	uint64_t client = fdinfo(c.fd, "drm-client-id"), va = TEST_VA + (1ULL << 40);
	uint32_t gate = syncobj_create(c.fd), done = syncobj_create(c.fd);
	const struct drm_egret_bind_op unmap = {
		.op = DRM_EGRET_BIND_UNMAP, .va = va, .size = MiB,
	};
	const struct record *op, *submitted, *finished;
	struct drm_egret_sync syncs[2];
	struct trace t;
	char text[128];

	trace_begin();
	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, va, MiB, DRM_EGRET_BIND_READ));
	packet_wait(&c, flag.va, 1);
	syncs[0] = sync_signal(gate, 0);
	CHECK_OK(submit(&c, syncs, 1));
	syncs[0] = sync_wait(gate, 0);
	syncs[1] = sync_signal(done, 0);
	CHECK_OK(vm_bind_async(c.fd, c.vm, &unmap, 1, syncs, 2));
	flag.u64[0] = 1;
	CHECK_OK(syncobj_wait(c.fd, done, 0, 20000));
	t = trace_end();

	/* At once: the operation, the submission, the end. */
	snprintf(text, sizeof(text), "map va=%#llx size=0x100000 handle=%u offset=0x0 flags=1",
		 (unsigned long long)va, bo.handle);
	op = need(&t, "egret_vm_bind_op", text);
	submitted = need(&t, "egret_vm_bind_submit", " seqno=0 ops=1");
	finished = need(&t, "egret_vm_bind_done", " seqno=0 result=0");
	CHECK_EQ(op->client, client);
	CHECK_EQ(submitted->client, client);
	CHECK_EQ(submitted->vm, op->vm);
	CHECK_EQ(finished->vm, op->vm);
	CHECK(op->time <= submitted->time && submitted->time <= finished->time);

	/* Later: the end comes after that of the job which it waited for. */
	snprintf(text, sizeof(text), "unmap va=%#llx size=0x100000", (unsigned long long)va);
	op = need(&t, "egret_vm_bind_op", text);
	submitted = need(&t, "egret_vm_bind_submit", " seqno=1 ops=1");
	finished = of_job(&t, "egret_vm_bind_done", submitted->context, 1);
	CHECK_EQ(submitted->client, client);
	CHECK_EQ(finished->vm, op->vm);
	CHECK(op->time <= submitted->time);
	snprintf(text, sizeof(text), " client=%llu ", (unsigned long long)client);
	CHECK(finished->time >= need(&t, "egret_job_end", text)->time);
}

/* ---- what goes wrong, and the card ------------------------------------------------------------ */

static void test_faults(void)
{
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	uint64_t client = fdinfo(c.fd, "drm-client-id");
	const struct record *fault, *killed, *ended, *banned;
	struct trace t;
	char text[128];

	set_parameter("ban_after", 1);
	trace_begin();
	packet_fill(&c, TEST_VA - PAGE, 8, 8, 0, 0);
	CHECK_EQ(run(&c), -ECANCELED);
	t = trace_end();

	snprintf(text, sizeof(text), " client=%llu ", (unsigned long long)client);
	fault = need(&t, "egret_fault", text);
	CHECK_EQ(field(fault->text, "code"), EGRET_FAULT_MMU_UNMAPPED);
	CHECK_EQ(field(fault->text, "addr"), TEST_VA - PAGE);
	CHECK_EQ(field(fault->text, "pc"), queue_query(c.fd, c.queue).fault_pc);
	killed = need(&t, "egret_queue_kill", text);
	CHECK(strstr(killed->text, "reason=fault"));
	banned = need(&t, "egret_ban", text);
	CHECK_EQ(field(banned->text, "offences"), 1);
	ended = need(&t, "egret_job_end", text);
	CHECK(strstr(ended->text, "seqno=1 cancelled"));
	CHECK_EQ(fault->queue, killed->queue);
	CHECK_EQ(fault->queue, banned->queue);
	CHECK_EQ(fault->queue, ended->queue);
	CHECK(fault->time <= killed->time && killed->time <= banned->time &&
	      banned->time <= ended->time);
}

/* Sleep, waking, the firmware, a reset, and memory that is cleared. */
static void test_card(void)
{
	const struct record *slept, *woke, *begun, *ended;
	struct client c = client_open(DRM_EGRET_QUEUE_COPY);
	unsigned int waited;
	char path[256], *text;
	struct trace t;
	struct bo bo;

	sysfs_path(path, "management_firmware/state");
	trace_begin();
	card_sleep();
	bo = bo_create(c.fd, 4 * MiB, DRM_EGRET_BO_VRAM, c.vm);
	CHECK_OK(vm_map(c.fd, c.vm, bo.handle, 0, TEST_VA + (1ULL << 40), 4 * MiB, ACCESS_ALL));
	packet(&c, EGRET_OP_NOP, 0);
	CHECK_OK(run(&c));
	for (waited = 0; waited < 2000; waited++) {
		bool ready;

		text = read_text(path);
		ready = strcmp(text, "booting\n") && strcmp(text, "stopped\n");
		free(text);
		if (ready)
			break;
		sleep_ms(10);
	}
	debugfs_path(path, "reset");
	write_text(path, "engines");
	t = trace_end();

	slept = need(&t, "egret_pm", "runtime-suspend result=0");
	woke = need(&t, "egret_pm", "runtime-resume result=0");
	CHECK(slept->time <= woke->time);
	CHECK(need(&t, "egret_firmware_state", "stopped")->time <= woke->time);
	need(&t, "egret_firmware_state", "booting");
	begun = need(&t, "egret_migrate_begin", "size=0x400000 clear");
	ended = need(&t, "egret_migrate_end", "error=0");
	CHECK(begun->time >= slept->time && begun->time <= ended->time);
	need(&t, "egret_reset", "level=engines result=0 cause=\"debugfs asks for it\"");
}

/* The kernel's list of them is what the documentation explains. */
static void test_documented(void)
{
	char *text = read_text("Documentation/accel/egret/debugging.rst"), name[280];
	DIR *dir = opendir(TRACING "events/egret");
	struct dirent *entry;
	unsigned int count = 0;

	if (!dir)
		test_skip("this kernel has no tracing");
	while ((entry = readdir(dir))) {
		if (strncmp(entry->d_name, "egret_", 6))
			continue;
		snprintf(name, sizeof(name), "``%s``", entry->d_name);
		if (!strstr(text, name))
			test_fail(__FILE__, __LINE__, "%s is not in debugging.rst", name);
		count++;
	}
	closedir(dir);
	CHECK(count >= 15);
}

int main(void)
{
	static const struct test tests[] = {
		TEST("jobs", test_jobs),
		TEST("a job that waits", test_waits),
		TEST("binds", test_binds),
		TEST("faults", test_faults),
		TEST_LONG("the card", test_card, 60),
		TEST("they are documented", test_documented),
	};

	return test_main(tests, ARRAY_SIZE(tests));
}
