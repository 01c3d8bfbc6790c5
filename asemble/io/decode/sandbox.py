"""The sandbox: system calls that a decoder process may make once it has imported its libraries.

No file and no connection can be opened where the system has limits of descriptors (Linux, macOS);
on Linux on x86-64 and ARM64 a filter of system calls (seccomp) leaves a short list, so that nothing
is renamed, signalled, traced or started either. Windows has neither.
"""

import ctypes
import errno
import platform
import struct
import sys

_X86_64 = 0xC000003E, 317, 302
_ARM_64 = 0xC00000B7, 277, 261
"""AUDIT_ARCH of each, and its numbers of `seccomp` and `prlimit64`."""
_CALLS = {
    # read write readv writev close fstat lseek
    _X86_64: (0, 1, 19, 20, 3, 5, 8,
              # mmap mprotect munmap mremap brk madvise
              9, 10, 11, 25, 12, 28,
              # rt_sigaction rt_sigprocmask rt_sigreturn sigaltstack restart_syscall
              13, 14, 15, 131, 219,
              # futex sched_yield sched_getaffinity rseq membarrier getpid gettid
              202, 24, 204, 334, 324, 39, 186,
              # clock_gettime clock_getres clock_nanosleep nanosleep gettimeofday time
              228, 229, 230, 35, 96, 201,
              # getrusage getrlimit setrlimit getrandom exit exit_group
              98, 97, 160, 318, 60, 231),
    _ARM_64: (63, 64, 65, 66, 57, 80, 62,
              222, 226, 215, 216, 214, 233,
              134, 135, 139, 132, 128,
              98, 124, 123, 293, 283, 172, 178,
              113, 114, 115, 101, 169,
              165, 163, 164, 278, 93, 94),
}  # fmt: skip
"""The system calls that are left; `prlimit64` is too, of the process's own limits."""

_NO_NEW_PRIVILEGES, _SET_FILTER, _ALL_THREADS = 38, 1, 1
_ALLOW, _FAIL, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_LOAD, _EQUAL, _LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE, _FIRST_ARGUMENT = 0, 4, 16
_FOREIGN = 0x40000000
"""From here on x86-64 takes numbers for another way of calling (x32)."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def confine() -> bool:
    """Give up for good what a decoder does not need.

    Returns:
        Whether system calls are filtered, too.
    """
    _open_nothing()
    machine = {"x86_64": _X86_64, "aarch64": _ARM_64}.get(platform.machine())
    if sys.platform != "linux" or machine is None or sys.maxsize < 2**32:
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    code = _filter(*machine)
    program = _Program(len(code) // 8, code)
    arguments = (ctypes.c_ulong(each) for each in (_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    if libc.prctl(*arguments) != 0:
        return False
    _, call, _ = machine
    done = libc.syscall(
        ctypes.c_long(call), ctypes.c_ulong(_SET_FILTER), ctypes.c_ulong(_ALL_THREADS),
        ctypes.byref(program),
    )  # fmt: skip
    return bool(done == 0)


def _open_nothing() -> None:
    """No descriptor beyond those that are open, no bytes into files, no processes."""
    try:
        import resource  # noqa: PLC0415  not on Windows
    except ImportError:
        return
    for name in ("RLIMIT_NOFILE", "RLIMIT_FSIZE", "RLIMIT_NPROC"):
        try:
            resource.setrlimit(getattr(resource, name), (0, 0))
        except (AttributeError, ValueError, OSError):  # a platform without this one
            continue


def _filter(architecture: int, call: int, own_limits: int) -> bytes:
    """The filter as the kernel reads it (`struct sock_filter`)."""
    calls = _CALLS[architecture, call, own_limits]
    head = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_LEAST, 0, 1, _FOREIGN),
        (_RETURN, 0, 0, _KILL),
    ]
    # Each comparison jumps over those behind it and what follows them, to the end.
    tail = [
        (_EQUAL, 0, 2, own_limits),
        (_LOAD, 0, 0, _FIRST_ARGUMENT),
        (_EQUAL, 1, 0, 0),
        (_RETURN, 0, 0, _FAIL),
        (_RETURN, 0, 0, _ALLOW),
    ]
    tests = [
        (_EQUAL, len(calls) - index + len(tail) - 2, 0, number)
        for index, number in enumerate(calls)
    ]
    return b"".join(struct.pack("=HBBL", *each) for each in (*head, *tests, *tail))
