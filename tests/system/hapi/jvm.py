"""Starts and ends one Java test peer: answers on standard output, warnings in a log, no orphans."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import subprocess
from pathlib import Path
from typing import Self

from tests.system.hapi.build import build_peers, java_command

END_TIMEOUT_SECONDS = 15.0


class Jvm:
    """A running peer that speaks lines. Both peers end by themselves when their standard input is closed."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self._process = process
        self._log = log

    @classmethod
    def start(cls, main_class: str, *arguments: str, log: Path) -> Self:
        """Builds the peers if need be and starts one; raises what `build_peers` raises."""
        build_peers()
        with log.open("wb") as errors:
            process = subprocess.Popen(
                java_command(main_class, *arguments),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                start_new_session=True,  # Ctrl-C reaches pytest alone, which then ends the peer in order
            )
        return cls(process, log)

    def write_line(self, line: bytes) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(line + b"\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise RuntimeError(f"the peer has ended:\n{self._end_of_log()}") from None

    def read_line(self, timeout_seconds: float) -> bytes:
        """The next line. Raises `RuntimeError` with the end of the log when the peer ends or takes too long.

        Right only while the peer is asked one thing at a time, so that no second line waits in our buffer.
        """
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], timeout_seconds)
        line = self._process.stdout.readline() if readable else b""
        if not line:
            what = "ended without an answer" if readable else f"gave no answer in {timeout_seconds:g} s"
            raise RuntimeError(f"the peer {what}:\n{self._end_of_log()}")
        return line

    def stop(self) -> None:
        """Closes the peer's input, and kills its process group if that does not end it."""
        assert self._process.stdin is not None and self._process.stdout is not None
        with contextlib.suppress(BrokenPipeError):  # it has ended already
            self._process.stdin.close()
        try:
            self._process.wait(END_TIMEOUT_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process.stdout.close()

    def _end_of_log(self) -> str:
        return self._log.read_text(errors="replace")[-4000:]
