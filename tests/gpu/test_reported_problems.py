"""Which test holds what public reports, and a reading of the GPU code against them, showed: each row names its tests.

A row is what happened; the tests are ``file::function``, below ``tests``, and ``snapshot NAME`` of ``tests/gpu/snapshots``, whose
findings ``test_diagnose.py`` compares. Rows that only a GPU can show name tests of ``test_real_gpu.py``.
"""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]

WRONG_ANSWERS = {
    "level 2 fails on every device, since cases have no unique result": (
        "gpu/test_op_parity.py::test_every_registered_case_agrees_on_the_cpu",
        "gpu/test_op_parity.py::test_bits_are_compared_in_the_dtype_they_are_of",
    ),
    "signs of eigenvectors and unsorted top-k differ on CUDA (pytorch #121010, #97410, #116394)": (
        "gpu/test_op_parity.py::test_another_right_answer_agrees_and_a_wrong_one_does_not",
    ),
    "Slurm with ConstrainDevices opens one node of eight": (
        "snapshot slurm-devices",
        "snapshot slurm-devices-without-nvml",
        "snapshot one-closed-node",
    ),
    "NVML takes 30 s without persistence mode (Azure/aks-gpu PR 105, Azure/AgentBaker PR 2829)": (
        "gpu/test_run_check.py::test_the_timeout_reaches_the_look",
        "gpu/test_probe.py::test_device_files_are_opened_only_where_nvml_shows_no_sound_device",
    ),
    "a healthy card answers 999 to a secondary question (nvitop PR 30, Quake4/MindMiner #627)": (
        "gpu/test_nvml.py::test_a_healthy_card_may_answer_unknown_error_to_a_secondary_question",
        "gpu/test_nvml.py::test_a_card_that_answers_unknown_error_to_the_first_questions_is_lost",
    ),
    "a MIG slice has another UUID and less memory than its GPU": (
        "snapshot mig-slice",
        "snapshot mig-slice-looked-at",
        "gpu/test_run_check.py::test_a_mig_instance_has_its_own_memory_not_the_whole_devices",
    ),
    "advice on wheels goes in a circle": (
        "gpu/test_wheels.py::test_the_advice_ends_in_yes_or_in_a_plain_refusal",
        "gpu/test_wheels.py::test_a_jetson_is_sent_to_nvidias_own_builds",
    ),
    "level 3 leaves a fast GPU idle between bursts": (
        "gpu/test_throughput.py::test_the_next_burst_is_queued_before_the_last_one_is_waited_for",
        "gpu/test_throughput.py::test_heat_is_watched_in_a_thread_while_the_load_runs",
    ),
    "the rate of a device includes the wait for another": (
        "gpu/test_throughput.py::test_each_device_is_timed_on_its_own",
    ),
    "after an error that ends the CUDA context every later case fails": (
        "gpu/test_op_parity.py::test_nothing_is_tried_after_an_error_that_ends_the_context",
        "gpu/test_run_check.py::test_the_child_stops_at_the_first_error_that_ends_cuda_and_says_how_to_go_on",
        "gpu/test_run_check.py::test_a_second_child_goes_on_after_an_error_that_ends_cuda",
        "gpu/test_runtime_causes.py::test_the_code_of_a_message",
    ),
    "an exception in a test is called a wrong result": (
        "gpu/test_throughput.py::test_an_exception_is_an_error_and_no_wrong_result",
        "gpu/test_run_check.py::test_a_test_that_could_not_be_run_is_no_wrong_result",
    ),
    "bare metal without nodes is told to start a container": (
        "snapshot not-started",
        "snapshot not-started-with-nodes",
        "snapshot jetson-without-node",
    ),
    "CUDA numbers unequal GPUs by speed": (
        "snapshot unequal-gpus",
        "gpu/test_run_check.py::test_unequal_gpus_are_not_numbered_before_torch_is_asked",
        "gpu/test_visible_devices.py::test_cuda_numbers_unequal_devices_by_a_speed_that_only_it_knows",
    ),
    "more ranks than GPUs train a model of the CPU": (
        "train/test_distributed.py::test_ranks_beyond_the_gpus_of_a_machine_train_on_the_cpu",
    ),
    "ranks train on the CPU beside idle GPUs": (
        "train/test_distributed.py::test_a_model_on_the_cpu_beside_idle_gpus_is_warned_of",
    ),
    "a killed parent leaves its child at full load": (
        "gpu/test_subprocess_runner.py::test_a_child_ends_with_its_parent_however_that_is_ended",
    ),
    "the reason for which a child died is thrown away": (
        "snapshot crash-with-a-reason",
        "gpu/test_subprocess_runner.py::test_a_child_that_dies_leaves_the_reason_it_gave",
    ),
    "memory that NVML does not tell counts as too little (ultralytics PR 20680)": (
        "snapshot memory-not-told",
        "gpu/test_run_check.py::test_memory_that_the_driver_does_not_tell_is_asked_of_torch",
    ),
    "a fabric that waits for ever is warned of though torch computed": ("snapshot fabric-waiting-and-computing",),
    "error 999 in WSL or a container asks for rmmod": (
        "snapshot uvm-wedged-wsl",
        "snapshot uvm-wedged-container",
        "snapshot uvm-missing-container",
    ),
    "PTX that is compiled for minutes is called a hang": (
        "snapshot hang-while-compiling",
        "gpu/test_run_check.py::test_a_wheel_that_has_ptx_alone_gets_time_to_compile",
        "gpu/test_subprocess_runner.py::test_a_child_is_allowed_more_time_where_it_says_why",
    ),
    "MPS lacks float64 and kernels": (
        "gpu/test_op_parity.py::test_what_apples_backend_does_not_have_is_not_comparable",
        "gpu/test_throughput.py::test_apples_half_precision_is_not_expected_to_be_exact",
    ),
}

MISLEADING = {
    "tolerances are near what cuDNN's float32 convolutions miss by (gpu-mode/reference-kernels #164)": (
        "gpu/test_real_gpu.py::test_a_model_on_the_gpu_agrees_with_the_cpu_in_float64",
        "inspect/test_tolerance.py::test_rounding_allows_more_with_depth_and_fewer_digits",
    ),
    "a roofline of ones is too high": ("cli/test_run_time.py::test_the_roofline_is_measured_on_random_numbers",),
    "the float64 reference is computed for every GPU": (
        "gpu/test_op_parity.py::test_the_reference_is_computed_once_for_all_devices",
        "gpu/test_throughput.py::test_the_devices_share_the_references_of_the_operations",
    ),
    "cases without a tensor run on the CPU": (
        "gpu/test_op_parity.py::test_a_case_without_tensors_is_computed_on_the_device",
    ),
    "twins on two sockets copy at different rates": (
        "gpu/test_run_check.py::test_twins_on_two_sockets_may_copy_from_the_host_at_different_rates",
    ),
    "a sandbox forbids NVML's questions": (
        "gpu/test_nvml.py::test_what_is_forbidden_is_noted_once",
        "gpu/test_real_gpu.py::test_the_driver_describes_the_device",
    ),
    "cuDNN copies the weights of a recurrence in every call": (
        "gpu/test_device_queue.py::test_the_weights_of_a_recurrence_are_one_chunk_on_a_gpu",
        "gpu/test_device_queue.py::test_calls_with_unchanged_weights_share_the_chunk",
    ),
    "events in an empty queue time the launches": (
        "gpu/test_device_queue.py::test_kernels_longer_than_their_launches_hide_all_but_the_first",
        "gpu/test_device_queue.py::test_the_roofline_waits_for_one_launch_in_eight",
    ),
    "the peak memory of a race is of both models": (
        "gpu/test_device_queue.py::test_each_model_of_a_race_has_its_own_peak",
        "gpu/test_device_queue.py::test_the_table_tells_the_peak_of_each",
    ),
    "copies of batches that are not pinned overlap with nothing": (
        "gpu/test_device_queue.py::test_pinned_batches_need_not_wait_and_nothing_is_pinned",
    ),
    "torch.compile reads the older setting of precision only (pytorch #166387, PR 189955)": (
        "train/test_torch_compile.py::test_a_precision_set_by_the_newer_setting_can_be_read_while_compiling",
    ),
}

CAUSES = {
    "HMM breaks cuInit (open-gpu-kernel-modules #901, #797, ollama #11593, pytorch #159207)": ("snapshot cuda-init",),
    "confidential computing is not ready (NVIDIA/nvtrust #87, #56)": (
        "snapshot confidential",
        "snapshot confidential-not-told",
        "gpu/test_nvml.py::test_confidential_computing_is_ready_or_not",
    ),
    "the driver does not start a GPU (open-gpu-kernel-modules #862, #1104, #789)": (
        "snapshot not-started",
        "snapshot not-started-legacy",
        "snapshot not-started-open-module",
        "gpu/test_probe.py::test_the_kernels_log_tells_why_the_driver_does_not_start_a_gpu",
    ),
    "stub libcuda (NVIDIA/warp #219, numba #9732, jetson-containers #1411)": ("snapshot stub-library",),
    "no MPS daemon (video-search-and-summarization #70, dorado #458, cupy #6702)": (
        "snapshot mps",
        "snapshot mps-full",
    ),
    "a system CUDA before the wheel's (pytorch #152783, #140797, #134929)": ("snapshot mixed-libraries",),
    "copies between GPUs arrive wrong (pytorch #84803, #132397, #87363)": (
        "gpu/test_peer_copy.py::test_what_arrives_is_compared",
        "gpu/test_run_check.py::test_copies_that_do_not_arrive_are_told_with_the_iommu",
    ),
    "cuBLAS 13.5 on RTX 50xx (conda-forge/pytorch-cpu-feedstock #521, GLiNER #343)": (
        "gpu/test_run_check.py::test_a_test_that_could_not_be_run_is_no_wrong_result",
    ),
    "aarch64 wheels are for the CPU (pytorch #168065)": ("snapshot cpu-only-torch-aarch64",),
    "the system refuses (gramineproject/examples #97)": ("snapshot refused-by-system",),
    "the user is not in the group render": (
        "snapshot no-permission-amd",
        "gpu/test_probe.py::test_amds_device_files_are_tried_where_there_is_an_amd_card_alone",
    ),
    "gfx115x below ROCm 7.2, integrated GPU first (warpfront/hipfire PR 81, legacy-rocm-build #4380)": (
        "snapshot rocm-too-old",
        "snapshot amd-integrated-first",
    ),
    "NVML refuses a handle: power cable, interrupts": (
        "snapshot gpu-refused-no-power",
        "snapshot gpu-refused-no-interrupts",
        "gpu/test_nvml.py::test_a_refused_handle_keeps_its_code",
    ),
    "Slurm without --gres": ("snapshot hidden-by-slurm",),
}

ROWS = {**WRONG_ANSWERS, **MISLEADING, **CAUSES}


@cache
def functions_of(file: Path) -> set[str]:
    return {each.name for each in ast.parse(file.read_text()).body if isinstance(each, ast.FunctionDef)}


@pytest.mark.parametrize("row", ROWS)
def test_each_row_has_its_tests(row):
    for name in ROWS[row]:
        kind, _, snapshot = name.partition(" ")
        if kind == "snapshot":
            assert (TESTS / "gpu" / "snapshots" / f"{snapshot}.json").is_file()
        else:
            file, _, function = name.partition("::")
            assert function in functions_of(TESTS / file)
