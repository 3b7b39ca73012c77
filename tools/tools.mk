# SPDX-License-Identifier: MIT
# Command line tools.

ACCELCTL := $(B)/tools/accelctl/accelctl
ACCELCTL_OBJS := $(patsubst %.c,$(B)/%.o,$(wildcard tools/accelctl/*.c))
JSON_C_CFLAGS := $(shell pkg-config --cflags json-c 2>/dev/null)
JSON_C_LIBS := $(shell pkg-config --libs json-c 2>/dev/null)

tools: $(ACCELCTL)

$(ACCELCTL_OBJS): EXTRA_CFLAGS = -Ilibaccel/include $(JSON_C_CFLAGS)
# In the build folder it finds the library by $ORIGIN; installed, by the system's search.
$(ACCELCTL): LDLIBS = $(JSON_C_LIBS) -Wl,-rpath,'$$ORIGIN/../../libaccel'
$(ACCELCTL): $(ACCELCTL_OBJS) $(B)/libaccel/libaccel.so $(B)/libaccel/$(LIBACCEL_SONAME)
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

