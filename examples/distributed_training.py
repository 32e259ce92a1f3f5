"""Train on several GPUs, one process each, or on several CPU processes where there is none.

torchrun --nproc-per-node 2 examples/distributed_training.py
"""

import numpy as np

import layercli
from layercli import distributed, layers


def main():
    distributed.join()
    layercli.utils.set_random_seed(0)
    model = layercli.Sequential([layercli.Input((8,)), layers.Dense(16, activation="relu"), layers.Dense(1)])
    model.compile(optimizer="sgd", loss="mse")
    x = np.random.default_rng(0).standard_normal((64, 8)).astype("float32")
    history = model.fit(x, x.sum(axis=1, keepdims=True), epochs=2, batch_size=16, shuffle=False, verbose=0)
    if distributed.rank() == 0:
        print(f"{distributed.size()} processes, loss {history.history['loss'][-1]:.4f}")
    distributed.leave()


if __name__ == "__main__":
    main()
