"""Temporary."""
import numpy as np
class I:
    def __init__(s,k): s.k=k
    def __call__(s,shape,dtype="float32",rng=None):
        if s.k=="zeros": return np.zeros(shape,dtype)
        if s.k=="ones": return np.ones(shape,dtype)
        return (rng.random(shape,dtype="float32")-.5)*.2
    def __str__(s): return s.k
def get(x): return x if callable(x) else I(x)
