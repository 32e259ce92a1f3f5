"""What a child would have told on a machine with GPUs: stories for the tests of the check and of the command."""

from dataclasses import asdict, replace
from pathlib import Path

from layercli.gpu import snapshot
from layercli.gpu.selftest.test_result import FAILED, MEASURED, PASSED, SelfTestResult
from layercli.gpu.snapshot import Offered, Runtime
from layercli.gpu.subprocess_runner import WorkerLog

SNAPSHOTS = Path(__file__).parent / "snapshots"
ARCHITECTURES = ["sm_80", "sm_90", "compute_90"]


def machine(name):
    """Return a snapshot without what torch said."""
    return replace(snapshot.read(SNAPSHOTS / f"{name}.json"), runtime=None)


def runtime(seen, **entries):
    """Return what torch would say of a snapshot's devices."""
    offered = [Offered("cuda", each.index, each.name or "", each.uuid, each.capability) for each in seen.devices]
    return Runtime(offered, ARCHITECTURES, **entries)


def results(device="cuda:0", rate=812.5):
    """Return the results of a sound device."""
    return [
        SelfTestResult("allocation", device, PASSED),
        SelfTestResult("exact GEMM float32", device, PASSED, 0, "wrong", 0),
        SelfTestResult("random GEMM bfloat16", device, PASSED, 0.00166, "error", 0.004, "ran as bfloat16"),
        SelfTestResult("kernels", device, PASSED, 3.1e-6, "error", 1e-4, "96 of 96 cases agree, forward and backward"),
        SelfTestResult("bandwidth device", device, MEASURED, 2950.0, "GB/s"),
        SelfTestResult("rate bfloat16", device, MEASURED, rate, "TFLOP/s"),
    ]


WRONG = SelfTestResult(
    "exact GEMM float32", "cuda:0", FAILED, 3, "wrong", 0, "row 17, column 23 is 1042, not 18"
)  # fmt: skip


class Children:
    """Stands in for the supervisor: answers a look with a snapshot and a trial with results, and counts the trials."""

    def __init__(self, seen, found=(), *, ended=None, during=None, look_ended=None, said=None):
        self.seen, self.found, self.ended, self.during, self.look_ended = seen, found, ended, during, look_ended
        self.said = said
        self.requests, self.timeouts = [], []

    def run(self, request, timeout, listen=lambda doing: None):
        self.requests.append(request)
        self.timeouts.append(timeout)
        if request["task"] == "look":
            if self.look_ended:
                return WorkerLog([{"doing": "the look at the driver"}], self.look_ended, "the look at the driver")
            return WorkerLog([{"snapshot": self.seen.to_json()}, {"done": True}])
        listen("allocation on cuda:0")
        said = self.said or runtime(self.seen)
        events = [{"runtime": asdict(said)}, *({"result": asdict(each)} for each in self.found)]
        return WorkerLog(events, self.ended, self.during)

    @property
    def trials(self):
        """The requests that ran something."""
        return [request for request in self.requests if request["task"] == "try"]
