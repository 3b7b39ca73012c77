# SPDX-License-Identifier: MIT
# Command line tools.

ACCELCTL := $(B)/tools/accelctl/accelctl
TOOLS_COMMON := $(patsubst %.c,$(B)/%.o,$(wildcard tools/common/*.c))
ACCELCTL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tools/accelctl/*.c)) $(TOOLS_COMMON)
JSON_C_CFLAGS := $(shell pkg-config --cflags json-c 2>/dev/null)
JSON_C_LIBS := $(shell pkg-config --libs json-c 2>/dev/null)

ACCEL_RUN := $(B)/tools/accel-run/accel-run
ACCEL_RUN_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tools/accel-run/*.c))
ACCEL_RUN_PACKAGES := libzip libpng libturbojpeg sndfile
ACCEL_RUN_LIBS := $(JSON_C_LIBS) $(shell pkg-config --libs $(ACCEL_RUN_PACKAGES) 2>/dev/null) -lm

tools: $(ACCELCTL) $(ACCEL_RUN)

$(ACCELCTL_OBJS): EXTRA_CFLAGS = -Ilibaccel/include -I. $(JSON_C_CFLAGS)
# In the build folder it finds the library by $ORIGIN; installed, by the system's search.
$(ACCELCTL): LDLIBS = $(JSON_C_LIBS) -Wl,-rpath,'$$ORIGIN/../../libaccel'
$(ACCELCTL): $(ACCELCTL_OBJS) $(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program)

$(ACCEL_RUN_OBJS): EXTRA_CFLAGS = -Ilibaccel/include -I. $(JSON_C_CFLAGS) \
	$(shell pkg-config --cflags $(ACCEL_RUN_PACKAGES) 2>/dev/null)

# The header of ONNX Runtime, which Debian 12 does not have; an empty one if it cannot be fetched,
# and then accel-run has no --compare onnxruntime.
ORT_HEADER := $(B)/tools/accel-run/onnxruntime/onnxruntime_c_api.h
$(ORT_HEADER):
	$(Q)mkdir -p $(@D)
	$(Q)paths=$$(tools/build/fetch-data onnxruntime_ep_c_api.h onnxruntime_c_api.h) && \
		cp $$paths $(@D) || { echo "accel-run is built without ONNX Runtime" >&2; : >$@; }
$(B)/tools/accel-run/onnxruntime.o: EXTRA_CFLAGS = -Ilibaccel/include -I. -isystem $(dir $(ORT_HEADER)) \
	$(JSON_C_CFLAGS)
$(B)/tools/accel-run/onnxruntime.o: | $(ORT_HEADER)
$(ACCEL_RUN): LDLIBS = $(ACCEL_RUN_LIBS) -Wl,-rpath,'$$ORIGIN/../../libaccel'
$(ACCEL_RUN): $(ACCEL_RUN_OBJS) $(TOOLS_COMMON) $(B)/libaccel/libaccel-nn.so \
		$(B)/libaccel/libaccel.so | $(B)/libaccel/$(NN_SONAME) $(B)/libaccel/$(LIBACCEL_SONAME)
	$(call say,LINK,$@)
	$(Q)mkdir -p $(@D)
	$(Q)$(LINK.program)

# Linked anew for where it goes: with the path of the library only if the system does not
# look there by itself.
install-tools:: tools lib
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1
	$(CC) $(CFLAGS) $(LDFLAGS) -o $(DESTDIR)$(bindir)/accelctl $(ACCELCTL_OBJS) \
		$(B)/libaccel/libaccel.so $(JSON_C_LIBS) \
		$(if $(filter-out /usr/lib /lib,$(libdir)),-Wl$(comma)-rpath$(comma)$(libdir))
	$(INSTALL_DATA) tools/accelctl/accelctl.1 $(DESTDIR)$(mandir)/man1/accelctl.1
	$(CC) $(CFLAGS) $(LDFLAGS) -o $(DESTDIR)$(bindir)/accel-run $(ACCEL_RUN_OBJS) \
		$(TOOLS_COMMON) $(B)/libaccel/libaccel-nn.so $(B)/libaccel/libaccel.so \
		$(ACCEL_RUN_LIBS) \
		$(if $(filter-out /usr/lib /lib,$(libdir)),-Wl$(comma)-rpath$(comma)$(libdir))
	$(INSTALL_DATA) tools/accel-run/accel-run.1 $(DESTDIR)$(mandir)/man1/accel-run.1
