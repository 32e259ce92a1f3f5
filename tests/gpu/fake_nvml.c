/* A libnvidia-ml.so.1 with one device. FAKE_NVML is the code that nvmlInit answers, FAKE_DEVICE the one of a handle. */
#include <stdlib.h>
#include <string.h>

static int code(const char *name) { const char *text = getenv(name); return text ? atoi(text) : 0; }

int nvmlInitWithFlags(unsigned flags) { return code("FAKE_NVML"); }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int status) { return "fake"; }
int nvmlSystemGetDriverVersion(char *text, unsigned size) { strncpy(text, "580.65.06", size); return 0; }
int nvmlSystemGetCudaDriverVersion(int *version) { *version = 13000; return 0; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = 1; return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) { *handle = (void *)1; return code("FAKE_DEVICE"); }
int nvmlDeviceGetName(void *device, char *text, unsigned size) { strncpy(text, "Fake GPU", size); return 0; }
int nvmlDeviceGetUUID(void *device, char *text, unsigned size) {
    strncpy(text, "GPU-3d1a5c00-1111-2222-3333-444455556666", size);
    return 0;
}
int nvmlDeviceGetCudaComputeCapability(void *device, int *major, int *minor) { *major = 9; *minor = 0; return 0; }
int nvmlDeviceGetMemoryInfo(void *device, unsigned long long *memory) {
    memory[0] = 80ULL << 30; memory[1] = 79ULL << 30; memory[2] = 1ULL << 30;
    return 0;
}
int nvmlDeviceGetTemperature(void *device, int sensor, unsigned *degrees) { *degrees = 41; return 0; }
int nvmlDeviceGetPowerUsage(void *device, unsigned *milliwatts) { *milliwatts = 70500; return 0; }
int nvmlDeviceGetComputeMode(void *device, int *mode) { *mode = 3; return 0; }
int nvmlDeviceGetEccMode(void *device, int *current, int *pending) { return 4; }
