"""Operations that are not of one namespace: conversion, control flow, slicing, gather and scatter, autodiff."""
