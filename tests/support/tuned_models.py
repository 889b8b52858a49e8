"""Synthetic models: how fast a configuration would be, without a cluster."""

import math
from dataclasses import dataclass, field

from nereid.cli.tune.configuration import Configuration, Hardware
from nereid.cli.tune.load import Load
from nereid.cli.tune.ramp import next_concurrency
from nereid.cli.tune.search import Result

CPU = Hardware("cpu=1", (("cpu", "1"),))
GPU = Hardware("gpu=1", (("cpu", "1"),), (("count", 1),))
REQUESTS = {CPU: {"cpu": 1.0}, GPU: {"cpu": 1.0, "nvidia.com/gpu": 1.0}}


@dataclass(frozen=True)
class Served:
    """A server of `lanes` instances at the most, each of which takes `fixed` seconds and `each` more for every row."""

    fixed: float = 0.004
    each: float = 0.001
    lanes: int = 2
    largest_batch: int = 64
    speed: dict[str, float] = field(default_factory=lambda: {"gpu=1": 8.0})

    def load(self, configuration: Configuration, concurrency: int) -> Load:
        speed = self.speed.get(configuration.hardware.name, 1.0)
        instances = configuration.instances or 1
        lanes = min(instances, self.lanes)
        batch = min(configuration.batch_size or 1, max(1, concurrency // lanes))
        service = (self.fixed + self.each * batch) / speed * instances / lanes
        capacity = lanes * batch / service
        delay = configuration.queue_delay / 1e6 if batch < (configuration.batch_size or 1) else 0
        latency = max(service + delay, concurrency / capacity)
        return Load(concurrency, concurrency / latency, 0.8 * latency, 1.2 * latency)

    def measure(self, configuration: Configuration, objective: float, most: int = 64) -> Result:
        if (configuration.batch_size or 1) > self.largest_batch:
            return Result(configuration, failure="does not load: it takes no batches")
        loads: list[Load] = []
        while concurrency := next_concurrency(loads, objective, most):
            loads.append(self.load(configuration, concurrency))
        return Result(configuration, tuple(loads), REQUESTS.get(configuration.hardware, {"cpu": 1.0}))

    def ceiling(self, speed: float = 1.0) -> float:
        """Return a throughput that nothing reaches."""
        return math.ceil(self.lanes * speed / self.each)
