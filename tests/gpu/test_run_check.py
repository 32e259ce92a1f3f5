"""The check from end to end, with stories in place of children."""

import os
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from layercli.errors import UsageError
from layercli.gpu import check, run_check, snapshot, worker
from layercli.gpu.probes import torch_devices
from layercli.gpu.selftest import plan
from layercli.gpu.selftest.test_result import ERROR, FAILED, MEASURED, PASSED, SelfTestResult
from layercli.gpu.snapshot import Offered, Runtime, Snapshot, Wheel
from layercli.gpu.subprocess_runner import WorkerLog
from tests.gpu.worker_transcripts import SNAPSHOTS, WRONG, machine, results, runtime


def codes(report):
    return [finding.code for finding in report.findings]


def test_a_sound_device_works(tell):
    children = tell("ok", results())
    report = check(level=2)
    assert (report.answer, report.sentence) == (True, "Yes: 1 GPU works: NVIDIA H100 80GB HBM3.")
    assert codes(report) == ["ok"]
    assert report.tests == results()
    [request] = children.trials
    assert (request["level"], request["device"], request["speed"]) == (2, None, False)


def test_level_0_runs_nothing(tell):
    children = tell("ok")
    report = check(level=0)
    assert report.sentence == "Yes: 1 GPU looks usable: NVIDIA H100 80GB HBM3; nothing was run on it."
    assert children.trials == []


@pytest.mark.parametrize(
    "name", ["cpu-only-torch", "no-torch", "no-hardware", "no-driver", "driver-too-old", "hidden-by-env", "mig"]
)
def test_what_the_look_rules_out_is_not_tried(tell, name):
    children = tell(name)
    report = check(level=2)
    assert report.answer is False
    assert report.sentence == f"No: {report.findings[0].seen}."
    assert children.trials == []


def test_one_lost_device_does_not_keep_the_other_from_being_tried(tell):
    seen = machine("gpu-lost")
    said = replace(runtime(seen), devices=runtime(seen).devices[:1])
    children = tell(seen, results(), said=said)
    assert check().sentence == "Yes: 1 of 2 GPUs works: NVIDIA H100 80GB HBM3."
    assert len(children.trials) == 1
    report = check(device=1)
    assert report.sentence == "No: GPU 1 has fallen off the bus (Xid 79)."
    assert len(children.trials) == 1
    assert check(require=2).sentence == (
        "No: 1 of 2 GPUs can be used, 2 are required; GPU 1 has fallen off the bus (Xid 79)."
    )


def test_wrong_results_rule_a_device_out(tell):
    tell("ok", [WRONG, SelfTestResult("kernels", "cuda:0", FAILED, detail="1 of 9 cases agree")])
    report = check()
    assert report.sentence == (
        "No: GPU 0 (NVIDIA H100 80GB HBM3) failed exact GEMM float32 "
        "(3 wrong, row 17, column 23 is 1042, not 18), and 1 more tests failed."
    )
    assert codes(report) == ["wrong-results"]


@pytest.mark.parametrize(
    ("message", "remedy"),
    [
        ("OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB", "Stop what holds the device's memory"),
        ("AcceleratorError: CUDA error: no kernel image is available for execution on the device",
         "Install a PyTorch that has code for this device"),
        ("AcceleratorError: CUDA error: an illegal memory access was encountered", "Look for Xid errors in dmesg"),
        ("RuntimeError: CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
         "Unset LD_LIBRARY_PATH, and reinstall PyTorch"),
        ("OSError: libcudnn.so.9: cannot open shared object file", "Run it again; if it stays, reinstall PyTorch"),
    ],
)  # fmt: skip
def test_a_test_that_could_not_be_run_is_no_wrong_result(tell, message, remedy):
    tell("ok", [*results()[:1], SelfTestResult("rate bfloat16", "cuda:0", ERROR, detail=message)])
    report = check()
    assert codes(report) == ["test-error"]
    assert report.sentence == f"No: GPU 0 (NVIDIA H100 80GB HBM3) could not run rate bfloat16 ({message})."
    assert report.findings[0].remedy.startswith(remedy)


def test_a_test_without_a_figure_that_fails(tell):
    tell("ok", [SelfTestResult("memory patterns", "cuda:0", FAILED)])
    assert check().sentence == "No: GPU 0 (NVIDIA H100 80GB HBM3) failed memory patterns."


def test_a_hang_is_a_finding_with_what_was_done_until_then(tell):
    tell("ok", results()[:1], ended="hang", during="exact GEMM on cuda:0")
    report = check(timeout=5)
    assert report.sentence == "No: the GPU did not answer within 5 s during exact GEMM on cuda:0."
    assert (codes(report), len(report.tests)) == (["hang"], 1)
    assert report.snapshot.runtime.ended == "hang"


def test_a_crash_is_a_finding(tell):
    tell("ok", ended="SIGSEGV", during="allocation on cuda:0", said=Runtime())
    assert check().sentence == "No: the process that tried the GPU died during allocation on cuda:0 (SIGSEGV)."


def test_a_hang_of_the_look_itself_is_a_finding(tell, monkeypatch):
    monkeypatch.setattr(run_check.torch_build, "read", lambda notes: Wheel("2.13.0+cu130", "13.0"))
    children = tell("ok", look_ended="hang")
    report = check(level=0, timeout=3)
    assert report.sentence == "No: the GPU did not answer within 3 s during the look at the driver."
    assert children.trials == []


@pytest.mark.parametrize(("options", "seconds"), [({}, 60), ({"timeout": 300}, 300), ({"timeout": 3}, 3)])
def test_the_timeout_reaches_the_look(tell, options, seconds):
    children = tell("ok", results())
    check(**options)
    assert children.timeouts == [seconds, options.get("timeout", 60)]


def test_a_second_child_goes_on_after_an_error_that_ends_cuda(tell, monkeypatch):
    children = tell("eight-h100", results()[:2])
    bad = SelfTestResult("kernels", "cuda:0", ERROR, detail="RuntimeError: CUDA error: device-side assert triggered")
    stories = [
        WorkerLog([{"runtime": asdict(runtime(children.seen))}, {"result": asdict(bad)},
               {"resume": {"first": 5, "names": ["cuda:0", "cuda:1"], "spoiled": ["cuda:0"]}, "done": True}]),
        WorkerLog([{"runtime": asdict(Runtime())}, *({"result": asdict(each)} for each in results("cuda:1")), {"done": True}]),
    ]  # fmt: skip
    asked = []

    def run(request, timeout, listen=None):
        if request["task"] == "look":
            return children.run(request, timeout)
        asked.append((request, timeout))
        return stories[len(asked) - 1]

    monkeypatch.setattr(run_check.subprocess_runner, "run", run)
    report = check(level=2)
    assert [each.device for each in report.tests] == ["cuda:0"] + ["cuda:1"] * len(results())
    assert [(request.get("first"), request.get("spoiled")) for request, _ in asked] == [(None, None), (5, ["cuda:0"])]
    assert asked[1][1] <= 600
    assert report.devices[0].why_not.startswith("GPU 0 (NVIDIA H100 80GB HBM3) could not run kernels")
    assert report.devices[1].why_not is None


def test_the_child_stops_at_the_first_error_that_ends_cuda_and_says_how_to_go_on(monkeypatch):
    def boom():
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    def fine():
        return [SelfTestResult("fine", "cpu:0", PASSED)]

    trials = [plan.Trial("a", "cpu:0", fine), plan.Trial("b", "cpu:0", boom), plan.Trial("c", "cpu:0", fine),
              plan.Trial("d", "cpu:1", fine)]  # fmt: skip
    monkeypatch.setattr(plan, "plan", lambda *arguments: iter(trials))
    monkeypatch.setattr(torch_devices, "probe", lambda: Runtime([Offered("cpu", 0, "This CPU")]))
    request = {"task": "try", "level": 2, "device": None, "speed": False}
    request["snapshot"] = replace(machine("unseen"), devices=[]).to_json()
    first = list(worker.run_tests(request))
    assert [event["result"]["verdict"] for event in first if "result" in event] == [PASSED, ERROR]
    [resume] = [event["resume"] for event in first if "resume" in event]
    assert resume == {"first": 2, "names": ["cpu:0"], "spoiled": ["cpu:0"]}
    second = list(worker.run_tests({**request, **resume}))
    assert [event["doing"] for event in second if "doing" in event][2:] == ["d on cpu:1"]
    assert not [event for event in second if "resume" in event]


def test_a_wheel_that_has_ptx_alone_gets_time_to_compile():
    offered = [Offered("cuda", 0, "R100", capability="13.0")]
    assert worker.first_tensor(Runtime(offered, ["sm_120", "compute_120"])) == {
        "doing": "a first tensor, for which the driver compiles this PyTorch's PTX", "allow": 600.0,
    }  # fmt: skip
    for arch_list in (["sm_130", "compute_120"], ["sm_120"], ["compute_140"], []):
        assert worker.first_tensor(Runtime(offered, arch_list)) == {"doing": "a first tensor"}


def test_demands(tell):
    children = tell("ok", results())
    met = check(
        min_memory="79GiB", min_capability="9.0", min_tflops="bf16=800", min_bandwidth={"device": 2900}, require=1
    )
    assert met.answer is True
    assert [(each.name, each.wanted, each.got, each.met) for each in met.demands] == [
        ("memory", "79.0 GiB", "79.6 GiB", True),
        ("capability", "9.0", "9.0", True),
        ("rate bfloat16", "800 TFLOP/s", "812.5 TFLOP/s", True),
        ("bandwidth device", "2900 GB/s", "2950 GB/s", True),
    ]
    assert children.trials[0]["speed"] is True
    gates = {test.name: (test.verdict, test.gate) for test in met.tests}
    assert gates["rate bfloat16"] == (PASSED, 800)
    assert gates["random GEMM bfloat16"] == (PASSED, 0.004)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"min_memory": "80GiB"}, "memory 79.6 GiB, and 80.0 GiB is demanded"),
        ({"min_capability": "10.0"}, "capability 9.0, and 10.0 is demanded"),
        ({"min_capability": "9.1"}, "capability 9.0, and 9.1 is demanded"),
        ({"min_tflops": ["bf16=900"]}, "rate bfloat16 812.5 TFLOP/s, and 900 TFLOP/s is demanded"),
        ({"min_tflops": ["fp16=1"]}, "rate float16 unknown, and 1 TFLOP/s is demanded"),
        ({"min_bandwidth": "device=3000"}, "bandwidth device 2950 GB/s, and 3000 GB/s is demanded"),
    ],
)
def test_a_demand_that_is_not_met(tell, options, reason):
    tell("ok", results())
    report = check(**options)
    assert (report.answer, report.sentence) == (False, f"No: GPU 0 (NVIDIA H100 80GB HBM3) has {reason}.")
    assert codes(report) == ["demand"]


def test_more_devices_than_there_are(tell):
    tell("ok", results())
    assert check(require=2).sentence == "No: 1 GPU can be used, 2 are required."


def test_a_twin_that_lags_behind_is_warned_of(tell):
    tell("eight-h100", [each for n in range(8) for each in results(f"cuda:{n}", 600.0 if n == 5 else 800.0)])
    report = check(level=2)
    assert report.answer is True
    assert report.sentence == "Yes: 8 GPUs work: 8 x NVIDIA H100 80GB HBM3."
    [finding] = report.findings
    assert (finding.code, finding.severity, finding.device) == ("slow-twin", "warning", 5)
    assert finding.seen == "GPU 5 (NVIDIA H100 80GB HBM3) reaches 600 TFLOP/s in rate bfloat16, its twin 800"


def test_one_device_of_many(tell):
    children = tell("eight-h100", results("cuda:3"))
    report = check(device="3")
    assert report.sentence == "Yes: 1 GPU works: NVIDIA H100 80GB HBM3."
    assert [card.device.index for card in report.devices] == [3]
    assert children.trials[0]["device"] == 3


def test_devices_that_the_environment_hides_are_not_usable(tell):
    tell(replace(machine("eight-h100"), environment={"CUDA_VISIBLE_DEVICES": "6,2"}))
    report = check(level=0)
    assert report.sentence.startswith("Yes: 2 of 8 GPUs look usable")
    assert [(card.device.index, card.torch) for card in report.devices if card.usable] == [(2, "cuda:1"), (6, "cuda:0")]
    assert report.devices[0].why_not == "torch is not offered GPU 0 (NVIDIA H100 80GB HBM3)"


def test_a_mig_instance_has_its_own_memory_not_the_whole_devices(tell):
    for name, size, label in (("mig-slice-looked-at", "39.2 GiB", "NVIDIA H100 80GB HBM3"),
                              ("mig-slice", "9.8 GiB", "NVIDIA H100 80GB HBM3 MIG 1g.10gb")):  # fmt: skip
        report = check(snapshot=SNAPSHOTS / f"{name}.json", min_memory="40GiB")
        assert [(card.device.index, card.torch) for card in report.devices] == [(0, None), (1, "cuda:0")]
        assert not report.answer
        assert report.devices[1].why_not.startswith(f"GPU 1 ({label}) has memory {size}")
    assert check(snapshot=SNAPSHOTS / "mig-slice.json", min_memory="9GiB").sentence == (
        "Yes: 1 of 2 GPUs looks usable: NVIDIA H100 80GB HBM3 MIG 1g.10gb; nothing was run on it."
    )


def test_unequal_gpus_are_not_numbered_before_torch_is_asked():
    path = SNAPSHOTS / "unequal-gpus.json"
    report = check(snapshot=path, min_memory="24GiB")
    assert [card.torch for card in report.devices] == ["cuda", "cuda"]
    assert report.sentence == "Yes: 1 of 2 GPUs looks usable: NVIDIA GeForce RTX 5090; nothing was run on it."
    assert check(snapshot=path).sentence == (
        "Yes: 1 of 2 GPUs looks usable: NVIDIA GeForce RTX 3060 or NVIDIA GeForce RTX 5090; nothing was run on it."
    )
    assert not check(snapshot=path, require=2).answer
    seen = snapshot.read(path)
    assert check(snapshot=replace(seen, environment={}), require=2).answer
    bus = replace(seen, environment={"CUDA_VISIBLE_DEVICES": "0", "CUDA_DEVICE_ORDER": "PCI_BUS_ID"})
    assert not check(snapshot=bus, min_memory="24GiB").answer


def test_memory_that_the_driver_does_not_tell_is_asked_of_torch(tell):
    seen = machine("memory-not-told")
    report = check(snapshot=seen, min_memory="16GiB")
    assert (report.answer, report.conclusive, report.demands[0].met) == (True, False, None)
    assert report.sentence == "Yes: 1 GPU looks usable: NVIDIA GB10; nothing was run on it; not known: memory."
    [finding] = report.findings
    assert (finding.code, finding.severity) == ("demand", "warning")
    assert finding.seen == "GPU 0 (NVIDIA GB10) does not report its memory, and 16.0 GiB is demanded"
    said = replace(runtime(seen), arch_list=["sm_120"])
    for size, answer in ((119 << 30, True), (8 << 30, False), (None, False)):
        offered = [replace(each, memory_total=size) for each in said.devices]
        tell(seen, results(), said=replace(said, devices=offered))
        found = check(min_memory="16GiB")
        assert (found.answer, found.conclusive) == (answer, True)


def test_copies_that_do_not_arrive_are_told_with_the_iommu(tell):
    seen = machine("eight-h100")
    seen = replace(seen, devices=seen.devices[:2], host=replace(seen.host, iommu=True))
    lost = SelfTestResult("copy between GPUs", "cuda:0, cuda:1", FAILED, 8388608, "wrong", 0, "cuda:0 to cuda:1")
    tell(seen, [*results("cuda:0"), *results("cuda:1"), lost])
    report = check(level=2)
    assert codes(report) == ["peer-copy", "peer-copy"]
    assert report.findings[0].seen == (
        "GPU 0 (NVIDIA H100 80GB HBM3) failed copy between GPUs (cuda:0 to cuda:1: 8.38861e+06 numbers wrong); "
        "an IOMMU is on"
    )


def test_twins_on_two_sockets_may_copy_from_the_host_at_different_rates(tell):
    seen = machine("eight-h100")
    seen = replace(seen, devices=seen.devices[:2])
    for name, share, slow in (
        ("bandwidth h2d", 0.5, False),
        ("bandwidth h2d", 0.3, True),
        ("bandwidth device", 0.5, True),
    ):
        rates = [
            SelfTestResult(name, f"cuda:{n}", MEASURED, 50.0 * factor, "GB/s") for n, factor in ((0, 1), (1, share))
        ]
        tell(seen, rates)
        assert ("slow-twin" in codes(check(level=2))) is slow


PRECISIONS = "bf16, bfloat16, fp16, float16, fp32, float32, tf32"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"level": 9}, "--level expects 0, 1, 2 or 3, got 9"),
        ({"timeout": 0}, "--timeout expects seconds, more than 0, got 0"),
        ({"timeout": float("nan")}, "--timeout expects seconds, more than 0, got nan"),
        ({"require": 0}, "--require expects 1 or more, got 0"),
        ({"device": "first"}, "--device expects a number or all, got 'first'"),
        ({"device": "-1"}, "--device expects a number or all, got '-1'"),
        ({"device": 4}, "there is no GPU 4"),
        ({"min_memory": "16Gigs"}, "--min-memory expects a size such as 16GiB, got '16Gigs'"),
        ({"min_memory": ""}, "--min-memory expects a size such as 16GiB, got ''"),
        ({"min_capability": "new"}, "--min-capability expects a number such as 8.0, got 'new'"),
        ({"min_tflops": "fp99=3"}, f"--min-tflops expects one of {PRECISIONS}, got 'fp99=3'"),
        ({"min_tflops": "500"}, f"--min-tflops expects one of {PRECISIONS}, got '500'"),
        ({"min_tflops": "bf16=fast"}, "--min-tflops expects a number as in bf16=500, got 'bf16=fast'"),
        ({"min_bandwidth": "up=3"}, "--min-bandwidth expects one of device, h2d, d2h, got 'up=3'"),
        ({"min_tflops": "bf16=1", "level": 0},
         "--min-tflops and --min-bandwidth are measured, which needs --level 1 or more and no --from"),
        ({"min_bandwidth": "h2d=1", "snapshot": Snapshot()},
         "--min-tflops and --min-bandwidth are measured, which needs --level 1 or more and no --from"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant(tell, options, message):
    tell("ok", results())
    with pytest.raises(UsageError) as caught:
        check(**options)
    assert str(caught.value) == message


def test_an_unknown_device_comes_with_a_hint(tell):
    tell("gpu-lost")
    with pytest.raises(UsageError) as caught:
        check(device=4)
    assert caught.value.hint == "the GPUs here are: 0, 1"


def test_an_unknown_device_does_not_hide_why_there_is_none(tell):
    tell("no-hardware")
    assert check(device=4).sentence == "No: no GPU was found on this machine."


@pytest.mark.parametrize("path", sorted(SNAPSHOTS.glob("*.json")), ids=lambda path: path.stem)
def test_a_snapshot_from_elsewhere_runs_nothing(path, tell):
    children = tell("ok")
    report = check(snapshot=path)
    assert report.to_json() == check(snapshot=snapshot.read(path)).to_json()
    assert children.requests == []
    errors = any(finding.severity == "error" and finding.device is None for finding in report.findings)
    assert not (report.answer and errors)


def test_amd_devices_go_through_torchs_own_paths(tell):
    seen = machine("amd")
    said = Runtime([Offered("cuda", 0, "AMD Instinct MI300X", arch="gfx942", memory_total=192 << 30)], ["gfx942"])
    tell(seen, results(), said=said)
    report = check()
    assert report.sentence == "Yes: 1 GPU works: AMD Instinct MI300X."
    assert report.devices[0].device.memory_free == 191 << 30


def test_apples_device_is_mps(tell):
    tell("apple", results("mps:0"), said=Runtime([Offered("mps", 0, "Apple GPU", memory_total=16 << 30)]))
    report = check(min_memory="16GiB")
    assert report.sentence == "Yes: 1 GPU works: Apple GPU."
    assert [(card.torch, card.device.vendor) for card in report.devices] == [("mps:0", "apple")]


def test_torchs_order_may_differ_from_the_drivers(tell):
    seen = machine("eight-h100")
    seen = replace(seen, devices=seen.devices[:2])
    offered = runtime(seen).devices
    swapped = [replace(offered[1], index=0), replace(offered[0], index=1)]
    tell(seen, results("cuda:0"), said=Runtime(swapped))
    assert [(card.device.index, card.torch) for card in check().devices] == [(0, "cuda:1"), (1, "cuda:0")]


def test_a_device_that_only_torch_sees_is_listed(tell):
    tell(
        "unseen",
        results(),
        said=Runtime([Offered("cuda", 0, "NVIDIA RTX A2000", "GPU-1", "8.6", memory_total=4 << 30)], ["sm_86"]),
    )
    report = check(min_capability="8.6")
    assert report.sentence == "Yes: 1 GPU works: NVIDIA RTX A2000."


def test_what_is_being_done_is_told(tell):
    tell("ok", results())
    heard = []
    check(listen=heard.append)
    assert heard == ["allocation on cuda:0"]


def test_the_child_tries_what_torch_offers(monkeypatch):
    offered = Runtime([Offered("cpu", 0, "This CPU")])
    monkeypatch.setattr(torch_devices, "probe", lambda: offered)
    seen = replace(machine("unseen"), devices=[])
    request = {"task": "try", "level": 1, "device": None, "speed": False, "snapshot": seen.to_json()}
    events = list(worker.run_tests(request))
    assert [event["doing"] for event in events if "doing" in event] == [
        "the import of torch", "a first tensor", "allocation on cpu:0", "exact GEMM on cpu:0",
    ]  # fmt: skip
    assert [event["result"]["verdict"] for event in events if "result" in event] == [PASSED, PASSED]
    assert events[-1] == {"done": True}


def test_the_child_leaves_alone_what_the_first_tensor_failed_on(monkeypatch):
    monkeypatch.setattr(torch_devices, "probe", lambda: Runtime([Offered("nonsense", 0, "No device")]))
    request = {"task": "try", "level": 1, "device": None, "speed": False, "snapshot": machine("unseen").to_json()}
    events = list(worker.run_tests(request))
    [device] = [event["runtime"] for event in events if "runtime" in event][-1]["devices"]
    assert "nonsense" in device["error"]
    assert not [event for event in events if "result" in event]


def test_torchs_complaint_is_kept(monkeypatch):
    class Broken:
        def __getattr__(self, name):
            raise ImportError("libcudart.so.13: cannot open shared object file: /home/alice/x/y")

    monkeypatch.setattr(torch_devices, "torch", Broken())
    assert torch_devices.probe() == Runtime(
        error="import torch fails: libcudart.so.13: cannot open shared object file: (path)"
    )


def test_cudas_complaint_is_kept_with_its_code(monkeypatch):
    def fail():
        raise RuntimeError("Unexpected error from cudaGetDeviceCount(). Error 802: system not yet initialized")

    monkeypatch.setattr(torch_devices, "cuda", fail)
    assert torch_devices.probe().cuda_error == 802


def test_measured_results_are_no_verdict_by_themselves(tell):
    tell("ok", [SelfTestResult("rate bfloat16", "cuda:0", MEASURED, 1.0, "TFLOP/s")])
    assert check().answer is True


def test_the_marker_skips_with_the_answer_as_its_reason(tmp_path):
    (tmp_path / "test_it.py").write_text(
        "import sys\nfrom layercli.gpu import requires_gpu\nassert 'torch' not in sys.modules\n"
        "@requires_gpu\ndef test_a(): pass\n"
        "@requires_gpu(require=2, min_memory='16GiB')\ndef test_b(): assert 'torch' not in sys.modules\n"
        "assert 'torch' not in sys.modules\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "CUDA_VISIBLE_DEVICES": ""}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-rs", str(tmp_path), f"--rootdir={tmp_path}"],
        env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "2 skipped" in done.stdout
    assert "No: " in done.stdout


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys; sys.modules['torch'] = None; import layercli.gpu; from layercli.gpu import check, requires_gpu\n"
        "check(level=0)\nprint([name for name in ('numpy', 'rich', 'pytest') if name in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
