"""The findings that each snapshot in snapshots/ must lead to, word for word."""

from layercli.gpu.finding import Finding

FINDINGS = {
    "ok": [
        Finding("ok", "ok", "nothing speaks against using the GPU", ""),
    ],
    "no-torch": [
        Finding("no-torch", "error", "PyTorch is not installed", "Install it: pip install torch"),
    ],
    "cpu-only-torch": [
        Finding(
            "cpu-only-torch",
            "error",
            "this PyTorch is built for the CPU only (2.13.0+cpu)",
            "Install one built for the GPU: pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu130",
        ),
    ],
    "cpu-only-torch-amd": [
        Finding(
            "cpu-only-torch",
            "error",
            "this PyTorch is built for the CPU only (2.13.0+cpu)",
            "Install one built for the GPU: pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/rocm6.4",
        ),
    ],
    "no-hardware": [
        Finding(
            "no-hardware",
            "error",
            "no GPU was found on this machine",
            "Run on the CPU with --device cpu, or on a machine with a GPU.",
        ),
    ],
    "no-hardware-wsl": [
        Finding(
            "no-hardware",
            "error",
            "no GPU was found on this machine (in WSL the PCI bus does not show it: look with nvidia-smi on Windows)",
            "Run on the CPU with --device cpu, or on a machine with a GPU.",
        ),
    ],
    "no-driver": [
        Finding(
            "no-driver",
            "error",
            "an NVIDIA GPU is there, but its driver is not loaded",
            "Install NVIDIA's driver, and reboot.",
        ),
    ],
    "no-driver-nouveau": [
        Finding(
            "no-driver",
            "error",
            "an NVIDIA GPU is there, but its driver is not loaded: the nouveau driver holds it",
            "Install NVIDIA's driver, blacklist nouveau, and reboot.",
        ),
    ],
    "no-driver-libraries": [
        Finding(
            "no-driver",
            "error",
            "the NVIDIA driver 580.65.06 is loaded, but its libraries are not installed",
            "Install the user-space part of driver 580.65.06 (libnvidia-ml.so.1, libcuda.so.1).",
        ),
    ],
    "container-no-gpu": [
        Finding(
            "container-no-gpu",
            "error",
            "this container was started without GPUs (NVIDIA_VISIBLE_DEVICES=void): the driver 580.65.06 is loaded, no device file is there",
            "Start it with the GPUs: docker run --gpus all ...",
        ),
    ],
    "container-no-compute": [
        Finding(
            "container-no-gpu",
            "error",
            "this container has the GPUs but not the CUDA library (libcuda.so.1)",
            "Start it with docker run --gpus all -e NVIDIA_DRIVER_CAPABILITIES=compute,utility ...",
        ),
    ],
    "container-lost-gpu": [
        Finding(
            "container-lost-gpu",
            "error",
            "this container has lost its GPU: opening /dev/nvidia0 is not permitted (EPERM)",
            "Recreate the container; a systemd daemon-reload takes the devices from containers that were not given them by name (docker run --device /dev/nvidia0 ...).",
        ),
    ],
    "no-permission": [
        Finding(
            "no-permission",
            "error",
            "this user may not open /dev/nvidia0 (EACCES)",
            "Add the user to the group that owns the file (often video or render), and log in again.",
        ),
    ],
    "driver-too-old": [
        Finding(
            "driver-too-old",
            "error",
            "the driver 535.183.01 runs CUDA up to 12.2, and this PyTorch (2.13.0+cu130) needs CUDA 13.0",
            "Update the driver to 580 or newer, or install a PyTorch for an older CUDA: pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126",
        ),
    ],
    "driver-mismatch": [
        Finding(
            "driver-mismatch",
            "error",
            "the loaded NVIDIA kernel module (580.65.06) and the installed driver libraries are of different versions",
            "Reboot, or stop what uses the GPU and reload the modules: rmmod nvidia_uvm nvidia && modprobe nvidia",
        ),
    ],
    "forward-compat": [
        Finding(
            "forward-compat",
            "error",
            "CUDA's compatibility libraries do not fit this driver and GPU (CUDA error 804); they are on LD_LIBRARY_PATH",
            "Update the driver, and take the compat folder off LD_LIBRARY_PATH (or remove cuda-compat).",
        ),
    ],
    "fabric-manager": [
        Finding(
            "fabric-manager",
            "error",
            "the NVSwitch fabric of this machine is not up (CUDA error 802)",
            "Install nvidia-fabricmanager 580.65.06 and start it: systemctl enable --now nvidia-fabricmanager",
        ),
    ],
    "fabric-waiting": [
        Finding(
            "fabric-manager",
            "warning",
            "GPU 0, 1 have not joined the NVSwitch fabric (not started)",
            "Start the fabric manager of the driver's version: systemctl start nvidia-fabricmanager",
        ),
    ],
    "hidden-by-env": [
        Finding(
            "hidden-by-env",
            "error",
            "CUDA_VISIBLE_DEVICES=-1 hides every GPU",
            "Unset CUDA_VISIBLE_DEVICES, or set it to numbers or UUIDs that nvidia-smi -L lists.",
        ),
    ],
    "hidden-by-empty-env": [
        Finding(
            "hidden-by-env",
            "error",
            "CUDA_VISIBLE_DEVICES is empty, which hides every GPU",
            "Unset CUDA_VISIBLE_DEVICES, or set it to numbers or UUIDs that nvidia-smi -L lists.",
        ),
    ],
    "hidden-by-bad-index": [
        Finding(
            "hidden-by-env",
            "warning",
            "in CUDA_VISIBLE_DEVICES=1,7,0, 7 is no GPU of this machine, so it and what follows are hidden",
            "Unset CUDA_VISIBLE_DEVICES, or set it to numbers or UUIDs that nvidia-smi -L lists.",
        ),
    ],
    "hidden-by-bad-uuid": [
        Finding(
            "hidden-by-env",
            "error",
            "in CUDA_VISIBLE_DEVICES=GPU-00000000, GPU-00000000 is no GPU of this machine, so every GPU is hidden",
            "Unset CUDA_VISIBLE_DEVICES, or set it to numbers or UUIDs that nvidia-smi -L lists.",
        ),
    ],
    "hidden-by-repetition": [
        Finding(
            "hidden-by-env",
            "error",
            "in CUDA_VISIBLE_DEVICES=0,1,0, 0 is named twice, so every GPU is hidden",
            "Unset CUDA_VISIBLE_DEVICES, or set it to numbers or UUIDs that nvidia-smi -L lists.",
        ),
    ],
    "uvm-wedged": [
        Finding(
            "uvm-wedged",
            "error",
            "CUDA cannot start (CUDA error 999) though NVML works: the unified memory driver is stuck, often after a suspend",
            "Stop what uses the GPU, then: sudo rmmod nvidia_uvm; sudo modprobe nvidia_uvm",
        ),
    ],
    "uvm-missing": [
        Finding(
            "uvm-wedged",
            "error",
            "CUDA cannot start (CUDA error 999) though NVML works: the unified memory driver is not loaded (/dev/nvidia-uvm is missing)",
            "Stop what uses the GPU, then: sudo rmmod nvidia_uvm; sudo modprobe nvidia_uvm",
        ),
    ],
    "arch-unsupported": [
        Finding(
            "arch-unsupported",
            "error",
            "this PyTorch (2.13.0+cu130) has no code for GPU 0 (Tesla V100-SXM2-16GB), capability 7.0; it has sm_75 sm_80 sm_86 sm_90 sm_100 sm_120 compute_120",
            "Install one that has it: pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu126",
            0,
        ),
    ],
    "arch-unsupported-amd": [
        Finding(
            "arch-unsupported",
            "error",
            "this PyTorch (2.13.0+rocm6.4) has no code for GPU 0 (AMD Radeon RX 6700 XT), gfx1031; it has gfx90a gfx942 gfx1030 gfx1100",
            "Install a PyTorch for ROCm that lists gfx1031 (torch.cuda.get_arch_list()).",
            0,
        ),
    ],
    "mig": [
        Finding(
            "mig",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) is in MIG mode and has no instance",
            "Create one (nvidia-smi mig -i 0 -cgi 9 -C), or leave MIG mode: nvidia-smi -mig 0",
            0,
        ),
    ],
    "mig-and-nothing-offered": [
        Finding(
            "mig",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) is in MIG mode and has no instance",
            "Create one (nvidia-smi mig -i 0 -cgi 9 -C), or leave MIG mode: nvidia-smi -mig 0",
            0,
        ),
    ],
    "mig-parent": [
        Finding(
            "mig",
            "error",
            "CUDA_VISIBLE_DEVICES names GPU 0 (NVIDIA H100 80GB HBM3) as a whole, but it is in MIG mode",
            "Name an instance: CUDA_VISIBLE_DEVICES=MIG-5a1c0e11... (nvidia-smi -L lists them).",
            0,
        ),
    ],
    "forked": [
        Finding(
            "forked",
            "error",
            "CUDA was started before this process was forked, and a forked process cannot use it",
            "Start processes with spawn (multiprocessing.set_start_method('spawn')), and set PYTORCH_NVML_BASED_CUDA_CHECK=1 so that asking for CUDA does not start it.",
        ),
    ],
    "busy": [
        Finding(
            "busy",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) is in exclusive mode and process 4242 holds it",
            "Wait for process 4242 or end it. Allow sharing: nvidia-smi -i 0 -c 0",
            0,
        ),
    ],
    "busy-prohibited": [
        Finding(
            "busy",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) is set to refuse every computation (compute mode prohibited)",
            "Allow sharing: nvidia-smi -i 0 -c 0",
            0,
        ),
    ],
    "busy-46": [
        Finding(
            "busy",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) is busy or unavailable (CUDA error 46); on it: process 4242",
            "Wait for the process or end it; allow sharing: nvidia-smi -i 0 -c 0",
            0,
        ),
    ],
    "no-memory": [
        Finding(
            "no-memory",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) has 210 MiB of 79.6 GiB free; held by process 4242 (79.0 GiB), 17",
            "Stop what holds it, or choose another device.",
            0,
        ),
    ],
    "no-memory-2": [
        Finding(
            "no-memory",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) has no memory for a first tensor (CUDA error 2)",
            "Stop what holds it, or choose another device.",
            0,
        ),
    ],
    "gpu-lost": [
        Finding(
            "gpu-lost",
            "error",
            "GPU 1 has fallen off the bus (Xid 79)",
            "Reset it (nvidia-smi --gpu-reset) or power-cycle the machine; if it returns, replace it.",
            1,
        ),
    ],
    "gpu-reset-required": [
        Finding(
            "gpu-lost",
            "error",
            "GPU 0 needs a reset (NVML 16)",
            "Reset it (nvidia-smi --gpu-reset) or power-cycle the machine; if it returns, replace it.",
            0,
        ),
    ],
    "gpu-lost-from-the-bus": [
        Finding(
            "gpu-lost",
            "warning",
            "the GPU at 0000:29:00.0 has fallen off the bus (Xid 79)",
            "Power-cycle the machine; if it returns, replace the card.",
        ),
    ],
    "gpu-unreadable": [
        Finding(
            "gpu-lost",
            "error",
            "the driver cannot read GPU 0: NVML answers unknown error (999)",
            "Look for Xid errors in dmesg; reset the GPU (nvidia-smi --gpu-reset) or reboot.",
            0,
        ),
    ],
    "nvml-lost": [
        Finding(
            "gpu-lost",
            "error",
            "the driver has lost a GPU (NVML 15)",
            "Reset it (nvidia-smi --gpu-reset) or power-cycle the machine.",
        ),
    ],
    "unhealthy": [
        Finding(
            "unhealthy",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) could not replace bad memory rows",
            "Take it out of service and have it replaced (RMA).",
            0,
        ),
        Finding(
            "unhealthy",
            "error",
            "GPU 0 (NVIDIA H100 80GB HBM3) has 3 uncorrected memory errors (ECC) since its last reset",
            "Stop its work and reset it (nvidia-smi --gpu-reset -i 0); if they come back, run dcgmi diag -r 3.",
            0,
        ),
        Finding(
            "unhealthy",
            "warning",
            "GPU 0 (NVIDIA H100 80GB HBM3) has bad memory that its next reset will replace",
            "Finish its work, then reset it: nvidia-smi --gpu-reset -i 0",
            0,
        ),
        Finding(
            "unhealthy",
            "warning",
            "GPU 0 (NVIDIA H100 80GB HBM3) is at 91 °C, its slowdown limit is 87 °C",
            "Look at fans, dust and air flow.",
            0,
        ),
        Finding(
            "unhealthy",
            "warning",
            "GPU 0 (NVIDIA H100 80GB HBM3) has its clocks held down (hardware slowdown, hardware thermal)",
            "Look at cooling and power supply: nvidia-smi -q -d PERFORMANCE,POWER,TEMPERATURE",
            0,
        ),
    ],
    "unhealthy-warning": [
        Finding(
            "unhealthy",
            "warning",
            "GPU 0 (NVIDIA H100 80GB HBM3) has bad memory that its next reset will replace",
            "Finish its work, then reset it: nvidia-smi --gpu-reset -i 0",
            0,
        ),
    ],
    "debug-env": [
        Finding(
            "debug-env",
            "warning",
            "debugging or profiling is switched on: CUDA_INJECTION64_PATH=(set), CUDA_LAUNCH_BLOCKING=1",
            "Unless it is meant: unset CUDA_INJECTION64_PATH CUDA_LAUNCH_BLOCKING",
        ),
    ],
    "hang": [
        Finding(
            "hang",
            "error",
            "the GPU did not answer within 60 s during exact GEMM on cuda:0",
            "Look for Xid errors in dmesg; reset the GPU (nvidia-smi --gpu-reset) or reboot; a slow machine may need a longer --timeout.",
        ),
    ],
    "hang-in-driver": [
        Finding(
            "hang",
            "error",
            "the GPU did not answer within 10 s during the look at the driver",
            "Look for Xid errors in dmesg; reset the GPU (nvidia-smi --gpu-reset) or reboot; a slow machine may need a longer --timeout.",
        ),
    ],
    "crash": [
        Finding(
            "crash",
            "error",
            "the process that tried the GPU died during allocation on cuda:0 (SIGSEGV)",
            "Look for Xid errors in dmesg; reset the GPU (nvidia-smi --gpu-reset) or reboot; see also whether python -c 'import torch' works.",
        ),
    ],
    "torch-error": [
        Finding(
            "torch-error",
            "error",
            "torch cannot use the GPU: CUDA error: initialization error",
            "Look for this message in PyTorch's and NVIDIA's forums.",
        ),
    ],
    "torch-error-one-device": [
        Finding(
            "torch-error",
            "error",
            "torch cannot use GPU 1 (NVIDIA H100 80GB HBM3): AcceleratorError: CUDA error: an illegal memory access was encountered",
            "Look for Xid errors in dmesg, and for this message in PyTorch's and NVIDIA's forums.",
            1,
        ),
    ],
    "unexplained": [
        Finding(
            "unexplained",
            "error",
            "no GPU is offered, and none of the known causes explains it",
            "Report it with the file that --snapshot FILE writes.",
        ),
    ],
    "unseen": [
        Finding(
            "unseen", "warning", "no GPU shows itself before torch is asked", "Ask torch: layercli gpu-check --level 1"
        ),
    ],
    "eight-h100": [
        Finding("ok", "ok", "nothing speaks against using the GPU", ""),
    ],
    "amd": [
        Finding("ok", "ok", "nothing speaks against using the GPU", ""),
    ],
    "apple": [
        Finding("ok", "ok", "nothing speaks against using the GPU", ""),
    ],
}
