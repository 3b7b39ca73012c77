# SPDX-License-Identifier: MIT
#
# Tests of libaccel.
#
#   unit/test_NAME.c   test one file of the library; built with the address and
#                      undefined-behaviour sanitizers
#   test_NAME.c        test the library through its interface, on a device: the
#                      simulated one on the host, the card in the VM
#   vm/test_NAME.c     the same for what only a card in the VM can stand
#   wrap/              tests with calls of the C library replaced
#   kernels/           kernels that they need

T := tests/libaccel
LIBACCEL_TEST_FLAGS = -Ilibaccel/include -Ilibaccel/kernels/include -I. -Iqemu-device \
	$(LIBACCEL_CFLAGS) -DACCEL_KERNEL_FOLDER='"/nonexistent"' -ffp-contract=off -pthread

JSON_C_TEST_LIBS := $(shell pkg-config --libs json-c 2>/dev/null)

# Objects with a sanitizer, in a folder of their own.
define libaccel_sanitizer
$(B)/$(1)/libaccel/%.o: libaccel/%.c
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(ALL_CFLAGS) $$(LIBACCEL_TEST_FLAGS) $(2) -MMD -MP -c -o $$@ $$<

$(B)/$(1)/$(T)/%.o: $(T)/%.c
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(ALL_CFLAGS) $$(LIBACCEL_TEST_FLAGS) $(2) -MMD -MP -c -o $$@ $$<
endef
LIBACCEL_ASAN := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined \
	-fno-sanitize-recover=all
LIBACCEL_TSAN := -O1 -fno-omit-frame-pointer -fsanitize=thread
$(eval $(call libaccel_sanitizer,asan,$(LIBACCEL_ASAN)))
$(eval $(call libaccel_sanitizer,tsan,$(LIBACCEL_TSAN)))

# --- unit tests ---

LIBACCEL_UNIT_TESTS := $(patsubst $(T)/unit/test_%.c,%,$(wildcard $(T)/unit/test_*.c))
# What they test, and what that needs.
LIBACCEL_UNIT_PARTS := $(addprefix $(B)/asan/libaccel/,image.o error.o fault.o log.o range.o \
	scan.o version.o)

define libaccel_unit_test
$(B)/tests/host/libaccel-$(1): $(B)/asan/$(T)/unit/test_$(1).o $(LIBACCEL_UNIT_PARTS) \
		| kernels
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program) $(LIBACCEL_ASAN) -lcmocka
HOST_TESTS += $(B)/tests/host/libaccel-$(1)
endef
$(foreach t,$(LIBACCEL_UNIT_TESTS),$(eval $(call libaccel_unit_test,$(t))))

# --- tests on a device ---

LIBACCEL_TESTS := $(patsubst $(T)/test_%.c,%,$(wildcard $(T)/test_*.c))
LIBACCEL_TEST_KERNELS := $(patsubst %.c,$(B)/%.egm,$(wildcard $(T)/kernels/*.c))
LIBACCEL_TEST_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard $(T)/*.c))
$(LIBACCEL_TEST_OBJS): EXTRA_CFLAGS = $(LIBACCEL_TEST_FLAGS)

define libaccel_test
$(B)/tests/host/libaccel-$(1): LDLIBS = -lcmocka -lm -pthread $(JSON_C_TEST_LIBS) -Wl,-rpath,'$$$$ORIGIN/../../libaccel'
$(B)/tests/host/libaccel-$(1): $(B)/$(T)/test_$(1).o $(B)/$(T)/device.o \
		$(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME) \
		| kernels $(LIBACCEL_TEST_KERNELS)
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program)
$(B)/tests/vm/libaccel-$(1): $(B)/tests/host/libaccel-$(1)
	$$(Q)mkdir -p $$(@D)
	$$(Q)ln -f $$< $$@
HOST_TESTS += $(B)/tests/host/libaccel-$(1)
VM_TESTS += $(B)/tests/vm/libaccel-$(1)
endef
$(foreach t,$(LIBACCEL_TESTS),$(eval $(call libaccel_test,$(t))))

# Tests that only a card in the VM can stand.
define libaccel_vm_test
$(B)/$(T)/vm/test_$(1).o $(B)/$(T)/vm/lose.o: EXTRA_CFLAGS = $$(LIBACCEL_TEST_FLAGS)
$(B)/tests/vm/libaccel-$(1): LDLIBS = -lcmocka -pthread -Wl,-rpath,'$$$$ORIGIN/../../libaccel'
$(B)/tests/vm/libaccel-$(1): $(B)/$(T)/vm/test_$(1).o $(B)/$(T)/vm/lose.o $(B)/$(T)/device.o \
		$(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME) \
		| kernels $(LIBACCEL_TEST_KERNELS)
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program)
VM_TESTS += $(B)/tests/vm/libaccel-$(1)
endef
$(foreach t,$(patsubst $(T)/vm/test_%.c,%,$(wildcard $(T)/vm/test_*.c)),\
	$(eval $(call libaccel_vm_test,$(t))))

# The same on the simulated card with a sanitizer in both library and model.
define libaccel_sanitized_test
$(B)/tests/host/libaccel-$(1)-$(2): $(B)/$(2)/$(T)/test_$(1).o $(B)/$(2)/$(T)/device.o \
		$(patsubst libaccel/%.c,$(B)/$(2)/libaccel/%.o,$(wildcard libaccel/*.c)) \
		$(B)/$(2)/libegret-model.a | kernels $(LIBACCEL_TEST_KERNELS)
	$$(call say,LINK,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program) $(3) -lcmocka $(LIBACCEL_LIBS) $$(MODEL_LDLIBS)
HOST_TESTS += $(B)/tests/host/libaccel-$(1)-$(2)
endef
# test_path.c replaces malloc(), as sanitizers do.
LIBACCEL_SANITIZED_TESTS := $(filter-out path,$(LIBACCEL_TESTS))
$(foreach t,$(LIBACCEL_SANITIZED_TESTS),$(eval $(call libaccel_sanitized_test,$(t),asan,$(LIBACCEL_ASAN))))
$(foreach t,$(LIBACCEL_SANITIZED_TESTS),$(eval $(call libaccel_sanitized_test,$(t),tsan,$(LIBACCEL_TSAN))))

# --- calls that fail ---

# Linked with the static library, so that the linker can replace what it calls.
LIBACCEL_WRAPPED := malloc calloc realloc aligned_alloc strdup realpath asprintf mmap open fopen \
	opendir fstat read write fcntl dup poll eventfd memfd_create ftruncate pthread_create
LIBACCEL_WRAP := $(addprefix -Wl$(comma)--wrap=,$(LIBACCEL_WRAPPED))
LIBACCEL_WRAP_OBJS := $(T)/wrap/test_failures.o $(T)/wrap/failures.o $(T)/device.o
$(addprefix $(B)/,$(LIBACCEL_WRAP_OBJS)): EXTRA_CFLAGS = $(LIBACCEL_TEST_FLAGS)

$(B)/tests/host/libaccel-failures: $(addprefix $(B)/,$(LIBACCEL_WRAP_OBJS)) \
		$(B)/libaccel/libaccel.a | kernels $(LIBACCEL_TEST_KERNELS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program) $(LIBACCEL_WRAP) -lcmocka $(LIBACCEL_LIBS) $(MODEL_LDLIBS)
	$(Q)echo 600 >$@.timeout
$(B)/tests/vm/libaccel-failures: $(B)/tests/host/libaccel-failures
	$(Q)mkdir -p $(@D)
	$(Q)ln -f $< $@
	$(Q)echo 600 >$@.timeout
$(B)/tests/host/libaccel-failures-asan: $(addprefix $(B)/asan/,$(LIBACCEL_WRAP_OBJS)) \
		$(patsubst libaccel/%.c,$(B)/asan/libaccel/%.o,$(wildcard libaccel/*.c)) \
		$(B)/asan/libegret-model.a | kernels $(LIBACCEL_TEST_KERNELS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program) $(LIBACCEL_ASAN) $(LIBACCEL_WRAP) -lcmocka $(LIBACCEL_LIBS) \
		$(MODEL_LDLIBS)
	$(Q)echo 600 >$@.timeout
HOST_TESTS += $(B)/tests/host/libaccel-failures $(B)/tests/host/libaccel-failures-asan
VM_TESTS += $(B)/tests/vm/libaccel-failures

# --- the examples of the manual pages ---

$(B)/libaccel/man/examples.o: EXTRA_CFLAGS = -Ilibaccel/include
$(B)/tests/host/libaccel-man-examples: LDLIBS = -Wl,-rpath,'$$ORIGIN/../../libaccel'
$(B)/tests/host/libaccel-man-examples: $(B)/libaccel/man/examples.o \
		$(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME) \
		| $(LIBACCEL_TEST_KERNELS)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program)
$(B)/tests/vm/libaccel-man-examples: $(B)/tests/host/libaccel-man-examples
	$(Q)mkdir -p $(@D)
	$(Q)ln -f $< $@
HOST_TESTS += $(B)/tests/host/libaccel-man-examples
VM_TESTS += $(B)/tests/vm/libaccel-man-examples
