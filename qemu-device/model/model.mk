# SPDX-License-Identifier: MIT
#
# The chip model as a library for the host, and its unit tests.
#
#   model    $(B)/libegret-model.a, for libaccel's simulator and for tools
#
# Tests are tests/model/test_NAME.c. Each becomes tests/host/model-NAME, built with
# the address and undefined-behaviour sanitizers; those in MODEL_THREADED become
# model-NAME-tsan as well, with the thread sanitizer. Other files of tests/model are
# linked to all of them.

MODEL_OBJECTS := $(patsubst %.c,%.o,$(sort $(wildcard qemu-device/model/*.c)))
MODEL_LDLIBS := -lsodium -lm -pthread

.PHONY: model
model: $(B)/libegret-model.a

# Position independent, because libaccel links it.
$(addprefix $(B)/,$(MODEL_OBJECTS)): EXTRA_CFLAGS = $(MODEL_CFLAGS) -fPIC
$(B)/libegret-model.a: $(addprefix $(B)/,$(MODEL_OBJECTS))
	$(call say,AR,$@)
	$(Q)$(LINK.archive)

# --- unit tests ---

MODEL_TESTS := $(patsubst tests/model/test_%.c,%,$(sort $(wildcard tests/model/test_*.c)))
MODEL_TEST_HELPERS := $(patsubst %.c,%.o,$(filter-out tests/model/test_%.c,$(sort $(wildcard tests/model/*.c))))
MODEL_THREADED := $(filter copy dispatch inject management mc mmu packets queues save storm,$(MODEL_TESTS))

ASAN_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
# A fence by itself orders nothing here that the sanitizer would have to know of.
TSAN_CFLAGS := -O1 -g -fno-omit-frame-pointer -fsanitize=thread -Wno-tsan
MODEL_TEST_CFLAGS = -Iqemu-device/model -Itests/model $(MODEL_CFLAGS)

define model_sanitizer
$(B)/$(1)/%.o: %.c
	$$(call say,CC,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(CC) $$(CPPFLAGS) $$(ALL_CFLAGS) $$(MODEL_TEST_CFLAGS) $(2) -MMD -MP -c -o $$@ $$<

$(B)/$(1)/libegret-model.a: $(addprefix $(B)/$(1)/,$(MODEL_OBJECTS))
	$$(call say,AR,$$@)
	$$(Q)$$(LINK.archive)
endef
$(eval $(call model_sanitizer,asan,$(ASAN_CFLAGS)))
$(eval $(call model_sanitizer,tsan,$(TSAN_CFLAGS)))

define model_test
$(B)/tests/host/model-$(1)$(2): $(B)/$(3)/tests/model/test_$(1).o \
		$(addprefix $(B)/$(3)/,$(MODEL_TEST_HELPERS)) $(B)/$(3)/libegret-model.a
	$$(call say,LD,$$@)
	$$(Q)mkdir -p $$(@D)
	$$(Q)$$(LINK.program) $(4) -lcmocka $(MODEL_LDLIBS)
	$$(Q)echo 400 >$$@.timeout
HOST_TESTS += $(B)/tests/host/model-$(1)$(2)
endef
$(foreach t,$(MODEL_TESTS),$(eval $(call model_test,$(t),,asan,$(ASAN_CFLAGS))))
$(foreach t,$(MODEL_THREADED),$(eval $(call model_test,$(t),-tsan,tsan,$(TSAN_CFLAGS))))
