"""A sandbox whose guests serve many programs, and are kept for the next ones."""

from __future__ import annotations

import os
from abc import abstractmethod

from codefeedback.problems import Limits
from codefeedback.sandbox.guests import GuestSandbox
from codefeedback.sandbox.worker import Worker


class PooledSandbox(GuestSandbox):
    """Starts a guest when none is idle: as many as programs run at a time.

    workers  how many that will be: from two on, each keeps to one processor
    """

    def __init__(self, workers: int) -> None:
        super().__init__()
        processors = sorted(os.sched_getaffinity(0))
        self._free_processors = processors if 1 < workers <= len(processors) else []
        self._idle: list[Worker] = []

    @abstractmethod
    def _start(self, limits: Limits, processor: int | None) -> Worker:
        """A new worker with room for programs with these limits."""

    def close(self) -> None:
        super().close()
        with self._lock:
            idle, self._idle = self._idle, []
        for worker in idle:  # all begin to end before the first is waited for
            worker.interrupt()
        for worker in idle:
            worker.close()

    def _take(self, limits: Limits) -> Worker:
        with self._lock:
            usable = [worker for worker in self._idle if worker.alive and not worker.worn]
            ended = [worker for worker in self._idle if worker not in usable]
            taken = next((worker for worker in reversed(usable) if worker.fits(limits)), None)
            if taken is not None:
                usable.remove(taken)
            elif usable:  # one with more room takes its place
                ended.append(usable.pop())
            self._idle = usable
        for worker in ended:  # takes its time, which others need not wait for
            self._end(worker)
        if taken is not None:
            return taken
        with self._lock:
            processor = self._free_processors.pop(0) if self._free_processors else None
        try:
            return self._start(limits, processor)
        except BaseException:
            self._release(processor)
            raise

    def forked(self) -> None:
        super().forked()
        for worker in self._idle:
            worker.forget()
        self._idle = []

    def _give_back(self, worker: Worker) -> None:
        with self._lock:
            if not self._closed and not worker.owed and not worker.worn:
                self._idle.append(worker)
                return
        self._end(worker)

    def _end(self, worker: Worker) -> None:
        worker.close()
        self._release(worker.processor)

    def _release(self, processor: int | None) -> None:
        if processor is not None:
            with self._lock:
                self._free_processors.append(processor)
