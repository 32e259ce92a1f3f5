/* A libcuda.so.1 that tells the version in FAKE_CUDA, or fails without it. */
#include <stdlib.h>

int cuDriverGetVersion(int *version) {
    const char *text = getenv("FAKE_CUDA");
    if (!text) return 999;
    *version = atoi(text);
    return 0;
}
