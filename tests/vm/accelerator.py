# SPDX-License-Identifier: MIT
"""Choose between KVM and emulation (TCG) for the test VM.

That /dev/kvm exists says little: nested in another VM, some offer a KVM that
stops at the first instruction it does not know, or hangs. So it counts only if
the processor announces virtualisation and a kernel really boots under it. The
answer is kept until this host boots again. EGRET_VM_ACCEL=kvm or =tcg overrides.
"""

import json
import os
import subprocess

PROBE_SECONDS = 15


def _boot_id():
    with open('/proc/sys/kernel/random/boot_id', encoding='ascii') as f:
        return f.read().strip()


def _announced():
    try:
        with open('/proc/cpuinfo', encoding='ascii') as f:
            flags = next((line for line in f if line.startswith('flags')), '').split()
    except OSError:
        return False
    return bool({'vmx', 'svm'} & set(flags)) and os.access('/dev/kvm', os.R_OK | os.W_OK)


def _boots(qemu, image):
    """Whether a kernel without a root gets as far as to miss it."""
    command = [qemu, '-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot',
               '-L', '/usr/share/seabios', '-L', '/usr/share/qemu',
               '-machine', 'q35', '-accel', 'kvm', '-cpu', 'host', '-smp', '2', '-m', '512M',
               '-kernel', image, '-append', 'console=ttyS0 panic=-1', '-serial', 'stdio']
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, timeout=PROBE_SECONDS, check=False)
    except (subprocess.TimeoutExpired, OSError):
        return False
    return b'VFS: Unable to mount root fs' in done.stdout


def choose(qemu, image, cache):
    """`kvm' or `tcg'."""
    wish = os.environ.get('EGRET_VM_ACCEL', 'auto')
    if wish in ('kvm', 'tcg'):
        return wish
    if not _announced():
        return 'tcg'
    answers = os.path.join(cache, 'kvm-probe.json')
    key = f'{_boot_id()} {image}'
    try:
        with open(answers, encoding='utf-8') as f:
            known = json.load(f)
    except (OSError, ValueError):
        known = {}
    if key not in known:
        # Answers of earlier boots are of no use any more.
        known = {k: v for k, v in known.items() if k.startswith(_boot_id())}
        known[key] = 'kvm' if _boots(qemu, image) else 'tcg'
        temporary = f'{answers}.{os.getpid()}'
        with open(temporary, 'w', encoding='utf-8') as f:
            json.dump(known, f)
        os.rename(temporary, answers)
    return known[key]
